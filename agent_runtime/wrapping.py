# SPDX-License-Identifier: Apache-2.0
"""Wrapping a callable in an instrumented call, whatever kind of callable it is."""

from __future__ import annotations

import functools
import inspect
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from agent_runtime.instrumented_call import InstrumentedCall
from agent_runtime.lazy_call import block_of, life_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Generator

    from agent_runtime.instrumented_call import Subject
    from agent_runtime.lazy_call import Life, NoLife

__all__ = ["ORIGINAL", "original_of", "wrap"]

ORIGINAL = "__kairos_original__"
"""Attribute of a wrapper: the callable behind it."""


def original_of(function: object) -> Callable[..., Any] | None:
    """Returns the callable behind a wrapper, or None where `function` is no wrapper of ours."""
    found: Callable[..., Any] | None = getattr(function, "__dict__", {}).get(ORIGINAL)
    return found


def wrap(function: Callable[..., Any], subject: Subject) -> Callable[..., Any]:
    """Returns `function` in an instrumented call of `subject`; its kind and signature stay as they are."""
    wrapper: Callable[..., Any]
    if inspect.iscoroutinefunction(function) or _is_generator_based_coroutine(function):
        wrapper = _coroutine(function, subject)
    elif inspect.isasyncgenfunction(function):
        wrapper = _async_generator(function, lambda: life_of(subject))
    elif inspect.isgeneratorfunction(function):
        wrapper = _generator(function, lambda: life_of(subject))
    elif _makes_context_managers(function):
        wrapper = _context_manager(function, subject)
    elif _is_perhaps_lazy(function):
        wrapper = _perhaps_lazy(function, subject)
    else:
        wrapper = _plain(function, subject)
    wrapped = functools.wraps(function)(wrapper)
    setattr(wrapped, ORIGINAL, function)
    return wrapped


def _is_generator_based_coroutine(function: object) -> bool:
    code = getattr(function, "__code__", None)
    return code is not None and bool(code.co_flags & inspect.CO_ITERABLE_COROUTINE)


def _nothing() -> Any: ...


_OF_CONTEXTLIB = tuple(decorate(_nothing).__code__ for decorate in (contextmanager, asynccontextmanager))
"""The code that all functions have which contextlib made of a generator function."""


def _makes_context_managers(function: object) -> bool:
    return getattr(function, "__code__", None) in _OF_CONTEXTLIB


def _is_perhaps_lazy(function: Callable[..., Any]) -> bool:
    """Whether a plain function stands before one that is not: a decorator around `async def`, say."""
    innermost = inspect.unwrap(function)
    return (
        inspect.iscoroutinefunction(innermost)
        or inspect.isasyncgenfunction(innermost)
        or inspect.isgeneratorfunction(innermost)
    )


def _plain(function: Callable[..., Any], subject: Subject) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        if subject.is_under_way():
            return function(*args, **kwargs)
        with InstrumentedCall(subject) as under_way:
            result = function(*args, **kwargs)
            under_way.answer(result)
            return result

    return call


def _coroutine(function: Callable[..., Any], subject: Subject) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> Any:
        if subject.is_under_way():
            return await function(*args, **kwargs)
        with InstrumentedCall(subject) as under_way:
            result = await function(*args, **kwargs)
            under_way.answer(result)
            return result

    return call


def _generator(function: Callable[..., Any], begin: Callable[[], Life | NoLife]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        body = function(*args, **kwargs)
        life = begin()
        step, value = body.send, None
        try:
            while True:
                try:
                    item = life.run(step, value)
                except StopIteration as stop:
                    life.close(None)
                    return stop.value
                life.chunk()
                try:
                    value = yield item
                    step = body.send
                except BaseException as thrown:  # noqa: BLE001 - what the caller throws in, GeneratorExit of close() too, is the body's
                    step, value = body.throw, thrown
        except BaseException as error:
            life.close(error)
            raise

    return call


def _async_generator(function: Callable[..., Any], begin: Callable[[], Life | NoLife]) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        body = function(*args, **kwargs)
        life = begin()
        step, value = body.asend, None
        try:
            while True:
                try:
                    item = await life.inside(step(value))
                except StopAsyncIteration:
                    life.close(None)
                    return
                life.chunk()
                try:
                    value = yield item
                    step = body.asend
                except BaseException as thrown:  # noqa: BLE001 - what the caller throws in, GeneratorExit of aclose() too, is the body's
                    step, value = body.athrow, thrown
        except BaseException as error:
            life.close(error)
            raise

    return call


def _context_manager(function: Callable[..., Any], subject: Subject) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        manager = function(*args, **kwargs)
        body = manager.gen
        drive = _generator if inspect.isgenerator(body) else _async_generator
        manager.gen = drive(lambda: body, lambda: block_of(subject))()
        return manager

    return call


def _perhaps_lazy(function: Callable[..., Any], subject: Subject) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        life = life_of(subject)
        try:
            result = life.run(function, *args, **kwargs)
        except BaseException as error:
            life.close(error)
            raise
        if inspect.iscoroutine(result):
            return _completed(result, life)
        if inspect.isgenerator(result):
            return _generator(lambda: result, lambda: life)()
        if inspect.isasyncgen(result):
            return _async_generator(lambda: result, lambda: life)()
        life.answer(result)
        life.close(None)
        return result

    return call


async def _completed(coroutine: Coroutine[Any, Any, Any], life: Life | NoLife) -> Any:
    try:
        result = await life.inside(coroutine)
    except BaseException as error:
        life.close(error)
        raise
    life.answer(result)
    life.close(None)
    return result
