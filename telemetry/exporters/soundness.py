# SPDX-License-Identifier: Apache-2.0
"""What OTLP can carry, and the repair of what it cannot.

The SDK's encoder raises for most of what it cannot express; an attribute it leaves out and logs a
traceback. So attributes are looked at before, and everything is brought down to plain values where
that is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from telemetry.logs.values import describe, plain, text

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "are_sound",
    "repaired_attributes",
    "repaired_id",
    "repaired_resource",
    "repaired_scope",
    "repaired_text",
    "repaired_time",
]

_DEEPEST: Final = 16  # receivers stop at 100 nested messages; each of our levels is three
_INT64: Final = 1 << 63
_UINT64: Final = 1 << 64
_ALWAYS_SOUND: Final = frozenset({bool, float, bytes, type(None)})


def are_sound(attributes: Mapping[str, object] | None) -> bool:
    """Whether all attributes can be encoded as they are; never raises."""
    if not attributes:
        return True
    try:
        for key, value in attributes.items():
            if type(key) is not str or not (key.isascii() or _is_unicode(key)):
                return False
            # Nearly all values are such texts, and every record passes here.
            if not (type(value) is str and value.isascii()) and not _is_sound(value):
                return False
    except Exception:  # noqa: BLE001 - mappings of users' own making may raise anything; such are not sound
        return False
    return True


def _is_sound(value: object, depth: int = 0) -> bool:
    kind = type(value)
    if kind is str:
        return value.isascii() or _is_unicode(value)  # type: ignore[attr-defined]  # a str, see above
    if kind is int:
        return -_INT64 <= value < _INT64  # type: ignore[operator]  # an int, see above
    if kind in _ALWAYS_SOUND:
        return True
    if depth == _DEEPEST:
        return False
    if kind is tuple or kind is list:
        return all(_is_sound(item, depth + 1) for item in value)  # type: ignore[attr-defined]  # see above
    if isinstance(value, Mapping):
        return all(
            type(key) is str and _is_sound(key) and _is_sound(item, depth + 1) for key, item in value.items()
        )
    return False  # subclasses too: their own methods may do anything


def _is_unicode(value: Any) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def repaired_attributes(attributes: Mapping[str, Any] | None, dropped: int = 0) -> Mapping[str, Any]:
    """Returns attributes that can be encoded: sound values as they are, others as plain ones.

    Args:
        attributes: The attributes.
        dropped: How many were left out before, which is told with them.
    """
    made = BoundedAttributes(immutable=False, extended_attributes=True)
    for key, value in _items(attributes or {}):
        made[repaired_text(key)] = value if _is_sound(value) else plain(value)
    made.dropped = dropped
    return made


def _items(attributes: Mapping[str, Any]) -> Iterable[tuple[Any, Any]]:
    try:
        return list(attributes.items())
    except Exception as error:  # noqa: BLE001 - a mapping of a user's own making may raise anything
        return [("unreadable", f"{type(attributes).__name__}: {type(error).__name__}")]


def repaired_text(value: object) -> str:
    """Returns a text that can be encoded; of something else a description, of None nothing."""
    if isinstance(value, str):
        return text(value)
    return "" if value is None else describe(value)


def repaired_time(value: object) -> int:
    """Returns nanoseconds that fit into 64 bits without a sign; 0, which means unknown, for others."""
    return value if isinstance(value, int) and 0 <= value < _UINT64 else 0


def repaired_id(value: object, bits: int) -> int:
    """Returns a trace or span id; 0, which means none, for what is none."""
    return value if isinstance(value, int) and 0 <= value < 1 << bits else 0


def repaired_resource(resource: Resource) -> Resource:
    """Returns the same resource if it can be encoded, else one that can."""
    if are_sound(resource.attributes) and _is_sound(resource.schema_url):
        return resource
    return Resource(repaired_attributes(resource.attributes), repaired_text(resource.schema_url))


def repaired_scope(scope: InstrumentationScope | None) -> InstrumentationScope | None:
    """Returns the same scope if it can be encoded, else one that can."""
    if scope is None:
        return None
    texts = (scope.name, scope.version, scope.schema_url)
    if are_sound(scope.attributes) and all(
        each is None or (type(each) is str and _is_sound(each)) for each in texts
    ):
        return scope
    name, version, schema_url = (repaired_text(each) for each in texts)
    return InstrumentationScope(name, version, schema_url, repaired_attributes(scope.attributes))
