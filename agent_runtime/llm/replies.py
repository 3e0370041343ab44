# SPDX-License-Identifier: Apache-2.0
"""Replies that the client took although they are none of the provider's objects."""

from __future__ import annotations

from telemetry import ErrorCode, KairosError

__all__ = ["unexpected_reply"]

_SHOWN = 200


def unexpected_reply(reply: object, expected: str) -> KairosError:
    """Returns the error for a 200 whose content is not an answer, as proxies and wrong URLs give.

    Args:
        reply: What the client made of it.
        expected: What should have come.
    """
    return KairosError(
        ErrorCode.LLM_ERROR,
        f"the service did not answer with {expected}, but with: {str(reply)[:_SHOWN]!r}; "
        "check that base_url is the address of an API of this kind.",
        recoverable=False,
    )
