# SPDX-License-Identifier: Apache-2.0
"""A span's attributes: the SDK's, at a fraction of the cost while values are plain, as nearly all are."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.attributes import BoundedAttributes

if TYPE_CHECKING:
    from _thread import RLock
    from collections.abc import Mapping

    from opentelemetry.util.types import AnyValue

__all__ = ["SpanAttributes"]

_PLAIN: Final = frozenset({bool, int, float, type(None)})
_KNOWN: Final = frozenset({dict, MappingProxyType})


class SpanAttributes(BoundedAttributes):
    """Attributes that are looked at by their exact types, and go the SDK's way when there is more to do.

    The SDK asks of every value whether it is an instance of a sequence and of a mapping, which are abstract
    classes: that is more than half of what a span costs. Where it would change nothing, nor drop anything,
    the result here is the same, in the same order.

    There is no public way to choose a span's attributes; `tests/pipeline/guarded` holds the two against
    each other and sees a renaming.

    Args:
        maxlen: How many there may be; None: any number.
        max_value_len: Characters of a text; None: any number.
        lock: The span's own.
    """

    def __init__(self, maxlen: int | None, max_value_len: int | None, lock: RLock) -> None:
        # All that the SDK's sets, without a lock that would be thrown away.
        self._dict: dict[str, AnyValue] = {}
        self.maxlen = maxlen
        self.dropped = 0
        self.max_value_len = max_value_len
        self._lock: Any = lock
        self._immutable = False

    def _set_items(self, attributes: Mapping[str, AnyValue]) -> None:
        if not self._immutable and type(attributes) in _KNOWN and self._are_plain(attributes):
            with self._lock:
                own = self._dict
                if self.maxlen is None or len(own) + len(attributes) <= self.maxlen:
                    for key, value in attributes.items():
                        if key in own:
                            del own[key]  # what is set again goes to the end
                        own[key] = value
                    return
        super()._set_items(attributes)

    def _are_plain(self, attributes: Mapping[str, Any]) -> bool:
        longest = self.max_value_len
        for key, value in attributes.items():
            if type(key) is not str or not key:
                return False
            kind = type(value)
            if kind is str:
                if longest is not None and len(value) > longest:
                    return False
            elif kind is tuple:
                for item in value:
                    if type(item) is not str or (longest is not None and len(item) > longest):
                        return False
            elif kind not in _PLAIN:
                return False
        return True
