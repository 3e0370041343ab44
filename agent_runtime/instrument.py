# SPDX-License-Identifier: Apache-2.0
"""`instrument`: the agent loop's reporting around an agent, model or tool that is not ours."""

from __future__ import annotations

import functools
import inspect
from types import MethodType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from agent_runtime.instrumented_call import Kind, Subject
from agent_runtime.loop import Agent
from agent_runtime.recognition import kind_of, methods_of, name_of, provider_of
from agent_runtime.wrapping import ORIGINAL, original_of, wrap
from telemetry import conventions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["instrument", "uninstrument"]

T = TypeVar("T")

_STATE = "__getstate__"
_OWN = "__kairos_own__"
"""Attribute of a wrapper: whether what is behind it stood on the object itself, not on its class."""


def instrument(
    obj: T,
    *,
    kind: str | None = None,
    component: str | None = None,
    name: str | None = None,
    methods: Iterable[str] | None = None,
) -> T:
    """Puts the agent loop's reporting around an agent, a model or a tool, sync or async.

    Every call gets its span (`invoke_agent`, `chat` or `execute_tool`) and duration, its error is
    counted and written on the span, and a component's health follows its calls. Inside a run of an
    instrumented agent, a call that works after one of the same object that failed is a recovery
    of that error. Calls of the object's methods by one another are one call.

    An object is changed in place and keeps its type; methods keep their signature and kind, async
    and generator methods included. Copies and pickles of it are plain, except where a class copies
    `__dict__` itself (pydantic's `model_copy`): such a copy would call the original, so copy first.

    Args:
        obj: The object, or a function, method or `functools.partial`, of which a wrapped one of the
            same kind is returned.
        kind: `agent`, `model` or `tool`. Default: recognised by its class; a function is a tool.
        component: Whose errors and health these are. Default: `llm` for a model, `tool.<name>` for
            a tool; an agent's are what classification says, and it has no health.
        name: Name on the span. Default: the object's own, a model's model, or its class's.
        methods: The methods to wrap. Default: those with the names that such objects usually have.

    Returns:
        The object itself; for a function, the wrapped one. Instrumenting twice is once.

    Raises:
        ValueError: `kind` is unknown, or `methods` is empty or given for a function.
        TypeError: What it is or what to wrap is not to be recognised, or the object cannot be
            changed; the message says what to do.
    """
    chosen = _kind(kind)
    if isinstance(obj, Agent):  # reports itself
        return obj
    if inspect.isroutine(obj) or isinstance(obj, functools.partial):
        if methods is not None:
            raise ValueError(f"methods: {list(methods)!r} given for a function; leave it out.")
        if original_of(obj) is not None:
            return obj
        subject = _subject(obj, chosen or Kind.TOOL, component, name)
        return cast("T", wrap(cast("Callable[..., Any]", obj), subject))
    chosen = chosen or kind_of(obj)
    wanted = tuple(methods) if methods is not None else methods_of(obj, chosen)
    if not wanted:
        raise ValueError("methods: empty; name at least one method, or leave it out.")
    for each in wanted:
        _check(obj, each)
    subject = _subject(obj, chosen, component, name)
    own = vars(obj)
    for each in wanted:
        if original_of(own.get(each)) is None:
            own[each] = _wrapped_method(obj, each, subject)
    if original_of(own.get(_STATE)) is None:
        own[_STATE] = _plain_state(obj)
    return obj


def uninstrument(obj: T) -> T:
    """Undoes `instrument`.

    Args:
        obj: What `instrument` returned. One that is not instrumented stays as it is.

    Returns:
        The object itself; for a function, the one behind it.
    """
    original = original_of(obj)
    if original is not None:
        return cast("T", original)
    own = getattr(obj, "__dict__", None)
    if isinstance(own, dict):
        for name, before in list(_before(own)):
            if before is None:
                del own[name]
            else:
                own[name] = before
    return obj


def _kind(kind: str | None) -> Kind | None:
    if kind is None:
        return None
    try:
        return Kind(kind)
    except ValueError:
        raise ValueError(
            f"kind: {kind!r} is none; allowed: {', '.join(Kind)}. Leave it out to have it recognised."
        ) from None


def _subject(obj: object, kind: Kind, component: str | None, name: str | None) -> Subject:
    called = name or name_of(obj, kind)
    if component is None and kind is Kind.MODEL:
        component = conventions.COMPONENT_LLM
    if component is None and kind is Kind.TOOL:
        component = f"{conventions.COMPONENT_TOOL}.{called}"
    return Subject(obj, kind, called, component, provider_of(obj))


def _check(obj: object, method: str) -> None:
    what = f"{type(obj).__qualname__} object"
    if not callable(getattr(obj, method, None)):
        raise TypeError(f"methods: {what} has no method {method!r}; name methods that it has.")
    way_out = f"Instrument the method and call what you get: call = instrument(obj.{method}, kind=...)."
    if method.startswith("__"):
        raise TypeError(f"methods: Python looks {method!r} up on the class, not on this {what}. {way_out}")
    if not isinstance(getattr(obj, "__dict__", None), dict):
        raise TypeError(
            f"{what}: its attributes cannot be changed (it has __slots__ or is built in). {way_out}"
        )
    if hasattr(inspect.getattr_static(type(obj), method, None), "__set__"):
        raise TypeError(f"{what}: {method!r} is a property of its class, which cannot be wrapped. {way_out}")


def _wrapped_method(obj: object, name: str, subject: Subject) -> Callable[..., Any]:
    method = getattr(obj, name)
    if inspect.ismethod(method) and method.__self__ is obj and name not in vars(obj):
        return MethodType(wrap(method.__func__, subject), obj)
    wrapped = wrap(method, subject)
    setattr(wrapped, _OWN, name in vars(obj))
    return wrapped


def _plain_state(obj: object) -> Callable[[], object]:
    """Returns the object's own `__getstate__`, whose state is that of an object without wrappers."""

    def plain_state() -> object:
        state = type(obj).__getstate__(obj)
        own = state[0] if isinstance(state, tuple) else state
        if not isinstance(own, dict):
            return state
        plain = dict(own)
        for name, before in _before(own):
            if before is None:
                del plain[name]
            else:
                plain[name] = before
        # As object.__getstate__ has it: an object without attributes has no state.
        return (plain, *state[1:]) if isinstance(state, tuple) else plain or None

    setattr(plain_state, ORIGINAL, type(obj).__getstate__)
    return plain_state


def _before(own: dict[str, Any]) -> Iterator[tuple[str, object]]:
    """Yields the name of each wrapper in a `__dict__`, and what stood there before, or None."""
    for name, value in own.items():
        if original_of(value) is not None:
            yield name, original_of(value) if getattr(value, _OWN, False) else None
