# SPDX-License-Identifier: Apache-2.0
"""`observe`: a span around a function or a block, whose errors report themselves."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from telemetry.text import printable
from telemetry.tracing.generators import observed_async_generator, observed_generator
from telemetry.tracing.scope import SpanScope, SpanSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, TracebackType

    from opentelemetry.trace import Span
    from opentelemetry.util.types import AttributeValue

    from telemetry.tracing.scope import TracingHandle

__all__ = ["Observation", "decorate"]

FunctionT = TypeVar("FunctionT", bound="Callable[..., Any]")

# Code flags instead of `inspect`, whose import costs more than this whole package.
# A generator that `types.coroutine` made awaitable (0x100) is awaited, not iterated.
_GENERATOR, _COROUTINE, _ASYNC_GENERATOR = 0x20, 0x80 | 0x100, 0x200


class Observation:
    """What `telemetry.observe(...)` returns: a decorator, and a context manager for `with` and `async with`.

    As a decorator it serves any number of concurrent calls; as a context manager, one block at a time.
    """

    __slots__ = ("_attributes", "_component", "_handle", "_name", "_scope")

    def __init__(
        self,
        handle: TracingHandle,
        component: str | None,
        name: str | None,
        attributes: dict[str, AttributeValue],
    ) -> None:
        self._handle = handle
        self._component = component
        self._name = name
        self._attributes = attributes
        self._scope: SpanScope | None = None

    def __call__(self, function: FunctionT) -> FunctionT:
        """Wraps a function, coroutine function, generator function or async generator function."""
        name = _given(self._name) or _name_of(function)
        return decorate(self._handle, self._spec(name), function)

    def __enter__(self) -> Span:
        name = _given(self._name) or _given(self._component) or "observe"
        scope = SpanScope(self._handle, self._spec(name))
        scope.outer, self._scope = self._scope, scope
        return scope.open()

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        scope = self._scope
        if scope is not None:  # left more often than entered: nothing to close
            self._scope = scope.outer
            scope.close(error)

    async def __aenter__(self) -> Span:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)

    def _spec(self, name: str) -> SpanSpec:
        attributes = self._attributes
        if self._component is not None:
            attributes = {"component": self._component, **attributes}
        return SpanSpec(name, self._component, attributes or None)


def decorate(handle: TracingHandle, spec: SpanSpec, function: FunctionT) -> FunctionT:
    """Returns `function` in a span per call; what kind of function it is stays as it was."""
    code = _code_of(function)
    flags = code.co_flags if code is not None else 0
    wrapper: Callable[..., Any]
    if flags & _COROUTINE:
        wrapper = _observed_coroutine(handle, spec, function)
    elif flags & _ASYNC_GENERATOR:
        wrapper = observed_async_generator(handle, spec, function)
    elif flags & _GENERATOR:
        wrapper = observed_generator(handle, spec, function)
    else:
        wrapper = _observed_function(handle, spec, function)
    return cast("FunctionT", wraps(function)(wrapper))


def _observed_function(
    handle: TracingHandle, spec: SpanSpec, function: Callable[..., Any]
) -> Callable[..., Any]:
    component = spec.component

    def observed(*args: Any, **kwargs: Any) -> Any:
        tracing = handle.recorder
        if tracing is None:
            # Passing on an empty dictionary of keywords costs a fifth of the whole call.
            return function(*args, **kwargs) if kwargs else function(*args)
        span = tracing.start(spec)
        attached = tracing.attach(span)
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            tracing.fail(span, error, component)
            raise
        finally:
            tracing.detach(attached)
            tracing.end(span)

    return observed


def _observed_coroutine(
    handle: TracingHandle, spec: SpanSpec, function: Callable[..., Any]
) -> Callable[..., Any]:
    async def observed(*args: Any, **kwargs: Any) -> Any:
        if handle.recorder is None:
            return await function(*args, **kwargs)
        with SpanScope(handle, spec):
            return await function(*args, **kwargs)

    return observed


def _given(name: object) -> str:
    """Returns a name that was given as text, whatever it was given as; None is none."""
    if name is None or type(name) is str:
        return name or ""
    return printable(name)


def _name_of(function: object) -> str:
    """Returns the qualified name of a function, looking through `functools.partial`."""
    while not hasattr(function, "__qualname__") and hasattr(function, "func"):
        function = function.func
    return str(getattr(function, "__qualname__", type(function).__qualname__))


def _code_of(function: object) -> CodeType | None:
    """Returns the code behind a function, looking through `functools.partial` and callable objects."""
    while not hasattr(function, "__code__") and hasattr(function, "func"):
        function = function.func
    code = getattr(function, "__code__", None)
    if code is None:
        code = getattr(getattr(type(function), "__call__", None), "__code__", None)  # noqa: B004 - its code, not whether it has one
    return cast("CodeType | None", code)
