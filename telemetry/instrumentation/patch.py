# SPDX-License-Identifier: Apache-2.0
"""Replacing a library's method so that it can be undone."""

from __future__ import annotations

from functools import wraps
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Patch"]


class Patch:
    """A method of a class, replaced until `undo`.

    Where somebody else has replaced it on top since, theirs stays in place, and ours only passes
    calls on.

    Args:
        owner: The class.
        name: The method.
        observe: Makes the replacement from the original; of the same kind, sync or async.
    """

    __slots__ = ("_is_active", "_method", "_name", "_original", "_owner")

    def __init__(
        self, owner: type, name: str, observe: Callable[[Callable[..., Any]], Callable[..., Any]]
    ) -> None:
        self._owner = owner
        self._name = name
        self._is_active = True
        self._original: Callable[..., Any] = vars(owner)[name]
        self._method = self._switch(self._original, observe(self._original))
        setattr(owner, name, self._method)

    def undo(self) -> None:
        """Restores the method."""
        self._is_active = False
        if vars(self._owner).get(self._name) is self._method:
            setattr(self._owner, self._name, self._original)

    def _switch(self, original: Callable[..., Any], observed: Callable[..., Any]) -> Callable[..., Any]:
        if iscoroutinefunction(original):

            @wraps(original)
            async def switched_async(*args: Any, **kwargs: Any) -> Any:
                return await (observed if self._is_active else original)(*args, **kwargs)

            return switched_async

        @wraps(original)
        def switched(*args: Any, **kwargs: Any) -> Any:
            return (observed if self._is_active else original)(*args, **kwargs)

        return switched
