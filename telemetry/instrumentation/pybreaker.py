# SPDX-License-Identifier: Apache-2.0
"""pybreaker: states of its breakers, and the failures that they count."""

from __future__ import annotations

from logging import getLogger
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from telemetry.instrumentation.base import LibraryInstrumentor
from telemetry.instrumentation.circuit import component_of, report_circuit
from telemetry.instrumentation.patch import Patch
from telemetry.metrics.states import CircuitState
from telemetry.pipeline.recording import record_error_metric

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pybreaker import CircuitBreaker

    from telemetry.instrumentation.base import Undoable
    from telemetry.instrumentation.circuit import NamedComponent

__all__ = ["PybreakerInstrumentor"]

_STATES = {
    "open": CircuitState.OPEN,
    "half-open": CircuitState.HALF_OPEN,
    "closed": CircuitState.CLOSED,
}

_log = getLogger(__name__)


class PybreakerInstrumentor(LibraryInstrumentor):
    """Reports every breaker of the process: those made from now on, and older ones when they are used.

    `PybreakerInstrumentor().instrument(component=...)`: which component a breaker stands before, a
    name or a function that returns one for the breaker's name; by default its name. A breaker
    without one reports failures only, for its state would be mistaken for that of another.
    """

    requirement = "pybreaker >= 1.0"

    def _observe(self, component: NamedComponent) -> Sequence[Undoable]:
        from pybreaker import CircuitBreaker

        listener = _Listener(component)
        return [
            listener,
            Patch(CircuitBreaker, "__init__", listener.observe_init),
            Patch(CircuitBreaker, "call", listener.observe_call),
            Patch(CircuitBreaker, "call_async", listener.observe_call),
        ]


class _Listener:
    """One listener of all breakers; pybreaker asks for the four methods and nothing more."""

    def __init__(self, component: NamedComponent) -> None:
        self._component = component
        self._breakers: WeakSet[CircuitBreaker] = WeakSet()

    def observe_init(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def observed(breaker: CircuitBreaker, *args: Any, **kwargs: Any) -> None:
            original(breaker, *args, **kwargs)
            self._attach(breaker)

        return observed

    def observe_call(self, original: Callable[..., Any]) -> Callable[..., Any]:
        from pybreaker import CircuitBreakerError

        def observed(breaker: CircuitBreaker, *args: Any, **kwargs: Any) -> Any:
            self._attach(breaker)
            try:
                return original(breaker, *args, **kwargs)
            except CircuitBreakerError as error:
                # Raised in place of the failure that opened the breaker: the same failure, to be
                # counted once. A call that an open breaker refuses has no such context.
                if error.__cause__ is None and error.__context__ is not None:
                    error.__cause__ = error.__context__
                raise

        return observed

    def undo(self) -> None:
        """Leaves the breakers."""
        for breaker in list(self._breakers):
            if self in breaker.listeners:  # type: ignore[comparison-overlap] # as below
                breaker.remove_listener(self)  # type: ignore[type-var] # it asks for its own class, uses its methods
        self._breakers.clear()

    def before_call(self, breaker: CircuitBreaker, func: object, *args: object, **kwargs: object) -> None:
        """Does nothing: a call is no event of ours."""

    def success(self, breaker: CircuitBreaker) -> None:
        """Does nothing: a breaker does not retry, so nothing was made good."""

    def failure(self, breaker: CircuitBreaker, error: BaseException) -> None:
        """Counts a failure."""
        record_error_metric(error, component_of(breaker.name, self._component) if breaker.name else None)

    def state_change(self, breaker: CircuitBreaker, _old: object, new: Any) -> None:
        """Reports the new state."""
        self._report(breaker, new.name)

    def _attach(self, breaker: CircuitBreaker) -> None:
        if breaker in self._breakers:
            return
        self._breakers.add(breaker)
        breaker.add_listener(self)  # type: ignore[type-var] # it asks for its own class, uses its methods
        if not breaker.name:
            _log.warning(
                "a pybreaker.CircuitBreaker has no name, so its state is not reported; give it one: "
                "CircuitBreaker(name='weather')"
            )
        self._report(breaker, breaker.current_state)

    def _report(self, breaker: CircuitBreaker, state: str) -> None:
        if breaker.name:
            report_circuit(component_of(breaker.name, self._component), _STATES[state])
