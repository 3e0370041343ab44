# SPDX-License-Identifier: Apache-2.0
"""What `start_as_current_span` returns: a span around a `with` block, or around a function's calls."""

from __future__ import annotations

import functools
import inspect
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from opentelemetry.trace import Span

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["CurrentSpan"]

_P = ParamSpec("_P")
_R = TypeVar("_R")


class CurrentSpan(AbstractContextManager[Span]):
    """A span around a `with` block, or around every call of a decorated function.

    The span is opened when the block is entered: a function that was decorated while its
    module was imported, before any set-up, is traced all the same.

    Args:
        open_block: Makes a context manager that gives the span.
    """

    __slots__ = ("_block", "_open")

    def __init__(self, open_block: Callable[[], AbstractContextManager[Span]]) -> None:
        self._open = open_block

    def __enter__(self) -> Span:
        self._block = self._open()
        return self._block.__enter__()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        return self._block.__exit__(exc_type, error, trace)

    def __call__(self, function: Callable[_P, _R]) -> Callable[_P, _R]:
        """Decorate a function or a coroutine function: one span for each call."""
        open_block = self._open
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def call_async(*args: _P.args, **kwargs: _P.kwargs) -> Any:
                with open_block():
                    return await function(*args, **kwargs)

            return cast("Callable[_P, _R]", call_async)

        @functools.wraps(function)
        def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            with open_block():
                return function(*args, **kwargs)

        return call
