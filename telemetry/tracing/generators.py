# SPDX-License-Identifier: Apache-2.0
"""Spans around generators: one for the whole life, current only while the body runs.

Between two `yield`s the caller goes on with its own work, so the generator's span must not be the
current one there. What *is* current inside the body when it yields (perhaps a span that the body
opened itself) is current again when it resumes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from telemetry.tracing.scope import ActiveTracing, SpanSpec, TracingHandle

__all__ = ["observed_async_generator", "observed_generator"]


class _Life:
    """The span of one generator, and the context inside its body, entered for each step."""

    __slots__ = ("_attached", "_component", "_context", "_span", "_tracing", "_watch")

    def __init__(self, tracing: ActiveTracing, spec: SpanSpec) -> None:
        from opentelemetry.trace import set_span_in_context

        from telemetry.tracing.collection import watch

        self._tracing = tracing
        self._component = spec.component
        self._span = tracing.start(spec)
        self._context = set_span_in_context(self._span)
        self._watch = watch()

    def __enter__(self) -> None:
        from opentelemetry import context

        self._attached = None if self._watch.is_here() else context.attach(self._context)

    def __exit__(self, *_exception: object) -> None:
        from opentelemetry import context

        if self._attached is not None:
            self._context = context.get_current()
            context.detach(self._attached)

    def fail(self, error: BaseException) -> None:
        self._tracing.fail(self._span, error, self._component)

    def end(self) -> None:
        self._tracing.end(self._span)


class _Unobserved:
    """The same while no pipeline is active."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_exception: object) -> None:
        pass

    def fail(self, error: BaseException) -> None:
        pass

    def end(self) -> None:
        pass


def _begin(handle: TracingHandle, spec: SpanSpec) -> _Life | _Unobserved:
    tracing = handle.recorder
    return _Unobserved() if tracing is None else _Life(tracing, spec)


def observed_generator(
    handle: TracingHandle, spec: SpanSpec, function: Callable[..., Generator[Any, Any, Any]]
) -> Callable[..., Generator[Any, Any, Any]]:
    """Wraps a generator function."""

    def observed(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        body = function(*args, **kwargs)
        life = _begin(handle, spec)
        step, sent = body.send, None
        try:
            while True:
                try:
                    with life:
                        item = step(sent)
                except StopIteration as stop:
                    return stop.value
                try:
                    sent = yield item
                    step = body.send
                except BaseException as thrown:  # noqa: BLE001 - what the caller throws in, GeneratorExit of close() too, is the body's
                    step, sent = body.throw, thrown
        except BaseException as error:
            life.fail(error)
            raise
        finally:
            life.end()

    return observed


def observed_async_generator(
    handle: TracingHandle, spec: SpanSpec, function: Callable[..., AsyncGenerator[Any, Any]]
) -> Callable[..., AsyncGenerator[Any, Any]]:
    """Wraps an async generator function."""

    async def observed(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        body = function(*args, **kwargs)
        life = _begin(handle, spec)
        step, sent = body.asend, None
        try:
            while True:
                try:
                    with life:
                        item = await step(sent)
                except StopAsyncIteration:
                    return
                try:
                    sent = yield item
                    step = body.asend
                except BaseException as thrown:  # noqa: BLE001 - what the caller throws in, GeneratorExit of aclose() too, is the body's
                    step, sent = body.athrow, thrown
        except BaseException as error:
            life.fail(error)
            raise
        finally:
            life.end()

    return observed
