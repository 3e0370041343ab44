# SPDX-License-Identifier: Apache-2.0
"""What the instrumentors have in common, on OpenTelemetry's `BaseInstrumentor`."""

from __future__ import annotations

from abc import abstractmethod
from logging import getLogger
from typing import TYPE_CHECKING, Any

from telemetry.errors import MissingExtraError

try:
    from opentelemetry.instrumentation import instrumentor
except ImportError as error:
    raise MissingExtraError("opentelemetry-instrumentation", "instrumentation") from error

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import ClassVar, Protocol

    class Undoable(Protocol):
        """Something done to a library."""

        def undo(self) -> None:
            """Undoes it."""


__all__ = ["LibraryInstrumentor"]

_log = getLogger(__name__)


class LibraryInstrumentor(instrumentor.BaseInstrumentor):  # type: ignore[name-defined,misc,unused-ignore] # older releases hide it
    """Base of our instrumentors; as every OpenTelemetry instrumentor, each class has one instance.

    Attributes:
        requirement: The library and its versions, as pip spells them.
    """

    requirement: ClassVar[str]
    _done: Sequence[Undoable] = ()

    def instrumentation_dependencies(self) -> Collection[str]:
        """The library that is observed, and which versions of it."""
        return (self.requirement,)

    @abstractmethod
    def _observe(self, component: Any) -> Sequence[Undoable]:
        """Observes the library, which is installed."""

    def _instrument(self, **settings: Any) -> None:
        component = settings.pop("component", None)
        # `opentelemetry-instrument` starts all that it finds, and one that raises ends the others.
        conflict = self._check_dependency_conflicts()
        if conflict is not None:
            _log.debug("%s does nothing: %s", type(self).__name__, conflict)
            return
        self._done = self._observe(component)

    def _uninstrument(self, **_settings: Any) -> None:
        done, self._done = self._done, ()
        for each in reversed(done):
            each.undo()
