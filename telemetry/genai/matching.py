# SPDX-License-Identifier: Apache-2.0
"""Whether two spans speak of the same call, of the same error, or of a retry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.genai.call import AGENT, LLM

if TYPE_CHECKING:
    from telemetry.genai.call import Call, Told

__all__ = ["is_same_error", "is_same_target", "overlap"]


def is_same_target(one: Call, other: Call) -> bool:
    """Whether two calls are of the same model, tool, store or agent, as far as both say."""
    if one.kind != other.kind:
        return False
    if one.kind == LLM:
        if (one.operation == "embeddings") != (other.operation == "embeddings"):
            return False  # the other operations of models are not told apart by every dialect
        return _is_same_model(one, other)
    if one.kind == AGENT and one.operation != other.operation:
        return False
    return one.subject is None or other.subject is None or one.subject == other.subject


def overlap(one: Call, other: Call) -> bool:
    """Whether two calls were going on at the same time."""
    return max(one.start_ns, other.start_ns) <= min(one.end_ns, other.end_ns)


def is_same_error(one: Told, other: Told) -> bool:
    """Whether two spans tell of one exception: the same class, and the same message where both give it."""
    return (
        one.type is not None
        and other.type is not None
        and short(one.type) == short(other.type)
        and (one.message is None or other.message is None or _core(one) == _core(other))
    )


def short(name: str) -> str:
    """The name of a class without its module."""
    return name.rpartition(".")[2]


def _core(told: Told) -> str:
    # A status' description is often "TypeName: message", where the event has the message alone.
    message = told.message or ""
    return message.removeprefix(f"{short(told.type or '')}: ")


def _is_same_model(one: Call, other: Call) -> bool:
    ones = [_plain(model) for model in one.models if model]
    others = [_plain(model) for model in other.models if model]
    if not ones or not others:
        return True
    # The model that answers is often the requested one with a date behind its name.
    return any(a.startswith(b) or b.startswith(a) for a in ones for b in others)


def _plain(model: str) -> str:
    return model.rpartition("/")[2].lower()
