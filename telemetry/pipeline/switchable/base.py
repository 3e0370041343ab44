# SPDX-License-Identifier: Apache-2.0
"""What the three switchable providers share: a current real provider, and things that follow it.

Nothing here takes a lock: a forked child may switch whatever its parent's threads were doing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from telemetry.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Follower", "SwitchableProvider", "as_text"]

_ProviderT = TypeVar("_ProviderT")
_RealT = TypeVar("_RealT")


class SwitchableProvider(Generic[_ProviderT]):
    """Delegates to a real provider that can be exchanged. Thread-safe.

    What the API does not know (`add_span_processor`, `force_flush`, `resource`, ...) is asked of the
    real provider, so that libraries which expect the SDK's class go on working.

    Args:
        nothing: Makes the provider that stands in where there is none.

    Attributes:
        current: The real provider.
    """

    def __init__(self, nothing: Callable[[], _ProviderT]) -> None:
        self._nothing = nothing
        self.current: _ProviderT = nothing()

    def switch(self, provider: _ProviderT | None) -> None:
        """Delegate to this provider from now on; None: record nothing."""
        self.current = self._nothing() if provider is None else provider

    def __getattr__(self, name: str) -> Any:
        # Without the second condition, an instance that is not initialised yet would ask itself for ever.
        if name.startswith("_") or name == "current":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.current, name)


class Follower(ABC, Generic[_ProviderT, _RealT]):
    """Something that a provider gave out and that stands for its counterpart on the current provider.

    The counterpart is made once for each provider that becomes current, when it is first needed.

    Args:
        provider: Knows the current real provider.
    """

    def __init__(self, provider: SwitchableProvider[_ProviderT]) -> None:
        self._provider = provider
        self._bound = self._make_bound()

    @abstractmethod
    def _make(self, provider: _ProviderT) -> _RealT:
        """Make the counterpart on this provider."""

    def _make_bound(self) -> tuple[_ProviderT, _RealT]:
        # One tuple, so that another thread never sees one provider beside the other's counterpart.
        provider = self._provider.current
        return provider, self._make(provider)

    def _rebind(self) -> _RealT:
        self._bound = bound = self._make_bound()
        return bound[1]

    @property
    def current(self) -> _RealT:
        """The counterpart on the current provider."""
        bound = self._bound
        return bound[1] if bound[0] is self._provider.current else self._rebind()


def as_text(given: object) -> str:
    """Return a name, unit or description as text, whatever was given as one."""
    return given if type(given) is str else printable(given)
