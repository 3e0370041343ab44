# SPDX-License-Identifier: Apache-2.0
"""What an object that is not ours is: agent, model or tool, what it is called, and how it is called."""

from __future__ import annotations

from agent_runtime.answers import read
from agent_runtime.instrumented_call import Kind

__all__ = ["kind_of", "methods_of", "name_of", "provider_of"]

_CLASS_NAMES = {
    Kind.AGENT: ("agent", "graph", "crew", "runner", "executor", "pipeline"),
    Kind.TOOL: ("tool",),
    Kind.MODEL: ("model", "llm", "chat", "completions", "messages", "responses"),
}
"""Ends of class names; agents first, because `ChatAgent` is one."""

_METHODS = {
    Kind.AGENT: (
        "run", "arun", "run_sync", "run_async", "run_stream", "stream", "astream", "invoke", "ainvoke",
        "kickoff", "kickoff_async", "chat", "achat",
    ),
    Kind.MODEL: (
        "complete", "acomplete", "generate", "agenerate", "generate_content", "invoke", "ainvoke", "stream",
        "astream", "chat", "achat", "request", "request_stream", "create",
    ),
    Kind.TOOL: ("call", "acall", "run", "arun", "invoke", "ainvoke", "execute", "aexecute"),
}  # fmt: skip
"""Methods by which frameworks call such objects."""

_NAMES = {
    Kind.AGENT: ("name", "agent_name", "role"),
    Kind.MODEL: ("model", "model_name", "model_id", "name"),
    Kind.TOOL: ("name", "__name__"),
}
"""Attributes that hold their name."""


def kind_of(obj: object) -> Kind:
    """Returns what an object is, by the names of its class and its bases.

    Raises:
        TypeError: They do not say.
    """
    for cls in type(obj).__mro__:
        for kind, ends in _CLASS_NAMES.items():
            if cls.__name__.lower().endswith(ends):
                return kind
    raise TypeError(
        f"{type(obj).__qualname__} object: its class does not say what it is; give kind: {', '.join(Kind)}."
    )


def methods_of(obj: object, kind: Kind) -> tuple[str, ...]:
    """Returns the methods by which such an object is usually called.

    Raises:
        TypeError: It has none of them.
    """
    found = tuple(name for name in _METHODS[kind] if callable(read(obj, name)))
    if not found:
        raise TypeError(
            f"{type(obj).__qualname__} object: has none of the methods of {kind.value} objects "
            f"({', '.join(_METHODS[kind])}); name its own in methods=[...]. Where the object itself "
            "is called, instrument its __call__: call = instrument(obj.__call__, kind=...)."
        )
    return found


def name_of(obj: object, kind: Kind) -> str:
    """Returns what an object calls itself, or the name of its class."""
    while not hasattr(obj, "__name__") and hasattr(obj, "func"):  # functools.partial
        obj = obj.func
    holders = (read(obj, "spec"), obj) if kind is Kind.TOOL else (obj,)
    for holder in holders:
        for attribute in (*_NAMES[kind], "__name__"):
            found = read(holder, attribute)
            if isinstance(found, str) and found:
                return found
    return type(obj).__name__


def provider_of(obj: object) -> str:
    """Returns a model's provider: what it says itself, or else the package of its class."""
    for attribute in ("provider", "system"):
        found = read(obj, attribute)
        if isinstance(found, str) and found:
            return found
    module = read(obj, "__module__")
    return str(module or type(obj).__module__).partition(".")[0]
