# SPDX-License-Identifier: Apache-2.0
"""What is said about a bad setting: name, origin, value, what is allowed, how to fix it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.config.names import nearest
from telemetry.config.secret import MASK

if TYPE_CHECKING:
    from telemetry.config.origin import Given

__all__ = ["RejectedError", "sentence", "shown"]

_SECRET = frozenset({"otlp_token", "otlp_headers", "prometheus_token"})
_LONGEST = 80


class RejectedError(ValueError):
    """A value that cannot be used, raised by the parsers of single settings.

    Args:
        why: What is wrong, without the value.
        allowed: What is allowed, in words or as a list.
        fix: What to do; default: the origin's own advice.
        choices: The allowed names, when the value may be a mistyped one of them.
        typed: What was typed instead of one of `choices`.
    """

    def __init__(
        self, why: str, *, allowed: str = "", fix: str = "", choices: tuple[str, ...] = (), typed: str = ""
    ) -> None:
        super().__init__(why)
        self.why = why
        self.allowed = allowed or ", ".join(choices)
        self.fix = fix
        self.near = nearest(typed, choices) if typed else None


def sentence(name: str, given: Given, rejected: RejectedError) -> str:
    """Say what is wrong with one value.

    Args:
        name: The setting.
        given: Its value and where that came from; secrets are masked here.
        rejected: What is wrong with it.

    Returns:
        One sentence or two, ending in how to fix it.
    """
    text = f"{name} = {shown(name, given.written)} (from {given.origin}): {rejected.why}"
    if rejected.allowed:
        text += f"; allowed: {rejected.allowed}"
    if rejected.near:
        text += f"; did you mean {rejected.near!r}?"
    else:
        text += "."
    return f"{text} {rejected.fix or given.origin.fix}."


def shown(name: str, value: object) -> str:
    """Write a value for people: secrets masked, never longer than a line, never raising.

    Args:
        name: The setting; decides what is secret.
        value: Its value.

    Returns:
        The `repr` of the value, or of what may be shown of it.
    """
    if name in _SECRET:
        return repr(MASK)
    if isinstance(value, str):
        if name == "otlp_endpoint" and "@" in value:
            # Everything between the scheme and the last @ may be a password, however broken the rest is.
            head, slashes, tail = value.partition("://")
            value = (
                f"{head}{slashes}{MASK}@{(tail or head).rpartition('@')[2]}"
                if slashes
                else (f"{MASK}@{value.rpartition('@')[2]}")
            )
        text = repr(value[: 2 * _LONGEST])
    elif value is None or isinstance(value, bool | int | float):
        try:
            text = repr(value)
        except ValueError:  # an int of more digits than Python converts
            text = "a very large number"
    else:
        # Containers may nest without end (YAML aliases) and foreign objects may raise in their repr.
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
