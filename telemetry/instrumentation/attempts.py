# SPDX-License-Identifier: Apache-2.0
"""The failed attempts of one operation that somebody else's code retries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.pipeline.recording import record_error_metric, record_recovery

if TYPE_CHECKING:
    from collections.abc import Callable

    ErrorComponent = str | Callable[[BaseException], str | None] | None

__all__ = ["Attempts"]


class Attempts:
    """Counts every failed attempt, and as recovered what a later one makes good, each once.

    Belongs to one operation, that is, to one task or thread at a time.

    Args:
        component: Whose errors they are: a name, or what returns one for an exception; None: what
            classification says.
    """

    __slots__ = ("_component", "_open")

    def __init__(self, component: ErrorComponent) -> None:
        self._component = component
        self._open: list[tuple[BaseException, str | None]] = []

    def failed(self, error: BaseException) -> None:
        """Takes the error of an attempt."""
        component = self._component(error) if callable(self._component) else self._component
        record_error_metric(error, component)
        self._open.append((error, component))

    def made_good(self) -> None:
        """Takes that the operation worked in the end."""
        while self._open:
            record_recovery(*self._open.pop())

    def gave_up(self) -> None:
        """Takes that it did not: forgets the errors, whose tracebacks hold on to frames."""
        self._open.clear()
