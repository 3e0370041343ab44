# SPDX-License-Identifier: Apache-2.0
"""What a model that is not ours answered with, read from whatever object its client returns.

Clients disagree on names, but little: the official `openai` and `anthropic` clients, and most
frameworks above them, are read. What is not there, or not of the right type, is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

__all__ = ["Facts", "facts_of", "read"]

T = TypeVar("T")

_USAGE = ("usage", "usage_metadata", "token_usage")
_INPUT = ("input_tokens", "prompt_tokens", "request_tokens")
_OUTPUT = ("output_tokens", "completion_tokens", "response_tokens")
_MODEL = ("model", "model_name")
_FINISH = ("finish_reason", "stop_reason")


class Facts(NamedTuple):
    """What an answer says of itself.

    Attributes:
        model: The model that answered, or None.
        finish_reasons: Why it ended, one per choice; may be empty.
        input_tokens: Tokens of the request as the provider reported them, or None.
        output_tokens: Tokens of the answer, likewise.
    """

    model: str | None
    finish_reasons: tuple[str, ...]
    input_tokens: int | None
    output_tokens: int | None


def facts_of(answer: object) -> Facts:
    """Returns what an answer says of itself. Never raises."""
    usage = next((found for found in (read(answer, name) for name in _USAGE) if found is not None), None)
    choices = read(answer, "choices")
    parts = choices if isinstance(choices, Sequence) and not isinstance(choices, str) else (answer,)
    reasons = (_first(part, _FINISH, str) for part in parts)
    return Facts(
        _first(answer, _MODEL, str),
        tuple(reason for reason in reasons if reason is not None),
        _first(usage, _INPUT, int),
        _first(usage, _OUTPUT, int),
    )


def _first(holder: object, names: Sequence[str], kind: type[T]) -> T | None:
    return next((found for found in (read(holder, name) for name in names) if isinstance(found, kind)), None)


def read(holder: object, name: str) -> object:
    """Returns an attribute or a mapping's value, or None where there is none to be had. Never raises."""
    try:
        return holder.get(name) if isinstance(holder, Mapping) else getattr(holder, name, None)
    except Exception:  # noqa: BLE001 - somebody's property; an answer that cannot be read says nothing
        return None
