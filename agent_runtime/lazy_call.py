# SPDX-License-Identifier: Apache-2.0
"""An instrumented call that goes on after its function returned: a generator's, an awaitable's.

It covers the whole life of what was returned, but must not be around what the caller does between
two steps. The body therefore runs in a context of its own, a copy of the one in which it began,
that is entered for each step.
"""

from __future__ import annotations

from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from agent_runtime.instrumented_call import InstrumentedCall

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator
    from contextvars import Context

    from agent_runtime.instrumented_call import Subject

__all__ = ["BlockLife", "Life", "NoLife", "block_of", "life_of"]


def life_of(subject: Subject) -> Life | NoLife:
    """Begins a call of `subject`, or none inside one of the same object."""
    return NoLife() if subject.is_under_way() else Life(subject)


def block_of(subject: Subject) -> NoLife:
    """Likewise for a context manager."""
    return NoLife() if subject.is_under_way() else BlockLife(subject)


class Life:
    """A call under way, and the context that its steps run in.

    Args:
        subject: What is called.
    """

    __slots__ = ("_call", "_context")

    def __init__(self, subject: Subject) -> None:
        self._call = InstrumentedCall(subject)
        self._context = copy_context()
        self._context.run(self._call.__enter__)

    def run(self, step: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Makes one step."""
        return self._context.run(step, *args, **kwargs)

    def inside(self, awaitable: Awaitable[Any]) -> Awaitable[Any]:
        """Returns what makes all steps of an awaitable, in the task that awaits it."""
        return _Inside(self._context, awaitable)

    def chunk(self) -> None:
        """Takes that an item came out."""
        self._context.run(self._call.chunk)

    def answer(self, answer: object) -> None:
        """Takes the result."""
        self._context.run(self._call.answer, answer)

    def close(self, error: BaseException | None) -> None:
        """Ends the call, with the error that ended it, if any."""
        traceback = error.__traceback__ if error is not None else None
        self._context.run(self._call.__exit__, type(error) if error is not None else None, error, traceback)


class NoLife:
    """The same for a call inside another one of the same object: nothing is added."""

    __slots__ = ()

    def run(self, step: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Makes one step."""
        return step(*args, **kwargs)

    def inside(self, awaitable: Awaitable[Any]) -> Awaitable[Any]:
        """Returns the awaitable."""
        return awaitable

    def chunk(self) -> None:
        """Does nothing."""

    def answer(self, answer: object) -> None:
        """Does nothing."""

    def close(self, error: BaseException | None) -> None:
        """Does nothing."""


class BlockLife(NoLife):
    """The call of a context manager made from a generator: it is around the caller's block.

    Whatever the library made current for the block must be so, hence no context of its own.

    Args:
        subject: What is called.
    """

    __slots__ = ("_call",)

    def __init__(self, subject: Subject) -> None:
        self._call = InstrumentedCall(subject)
        self._call.__enter__()

    def close(self, error: BaseException | None) -> None:
        """Ends the call, with the error that ended it, if any."""
        self._call.__exit__(
            type(error) if error is not None else None,
            error,
            error.__traceback__ if error is not None else None,
        )


class _Inside:
    """Awaits something with every step in a context. A task would not do: it would be another task."""

    __slots__ = ("_awaitable", "_context")

    def __init__(self, context: Context, awaitable: Awaitable[Any]) -> None:
        self._context = context
        self._awaitable = awaitable

    def __await__(self) -> Generator[Any, Any, Any]:
        steps: Any = self._awaitable.__await__()
        step, value = steps.send, None
        while True:
            try:
                pending = self._context.run(step, value)
            except StopIteration as stop:
                return stop.value
            try:
                value = yield pending
                step = steps.send
            except BaseException as thrown:  # noqa: BLE001 - a cancellation is the awaited one's to see
                step, value = steps.throw, thrown
