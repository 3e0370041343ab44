# SPDX-License-Identifier: Apache-2.0
"""purgatory: states of its breakers, and the failures that they count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from telemetry.instrumentation.base import LibraryInstrumentor
from telemetry.instrumentation.circuit import component_of, report_circuit
from telemetry.instrumentation.patch import Patch
from telemetry.metrics.states import CircuitState
from telemetry.pipeline.recording import record_error_metric

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from purgatory import AsyncCircuitBreakerFactory, SyncCircuitBreakerFactory
    from purgatory.domain.model import Context

    from telemetry.instrumentation.base import Undoable
    from telemetry.instrumentation.circuit import NamedComponent

    Factory = AsyncCircuitBreakerFactory | SyncCircuitBreakerFactory

__all__ = ["PurgatoryInstrumentor"]

_STATES = {
    "opened": CircuitState.OPEN,
    "half-opened": CircuitState.HALF_OPEN,
    "closed": CircuitState.CLOSED,
}


class PurgatoryInstrumentor(LibraryInstrumentor):
    """Reports the breakers of every factory, sync and async, from the moment that one is asked for.

    `PurgatoryInstrumentor().instrument(component=...)`: which component a breaker stands before, a
    name or a function that returns one for the circuit's name; by default its name.
    """

    requirement = "purgatory >= 3"

    def _observe(self, component: NamedComponent) -> Sequence[Undoable]:
        from purgatory import AsyncCircuitBreakerFactory, SyncCircuitBreakerFactory
        from purgatory.domain.model import Context

        circuits = _Circuits(component)
        return [
            circuits,
            Patch(SyncCircuitBreakerFactory, "get_breaker", circuits.observe_get),
            Patch(AsyncCircuitBreakerFactory, "get_breaker", circuits.observe_async_get),
            Patch(Context, "handle_exception", circuits.observe_exception),
        ]


class _Circuits:
    """The circuits of all factories."""

    def __init__(self, component: NamedComponent) -> None:
        self._component = component
        self._factories: WeakSet[Factory] = WeakSet()

    def observe_get(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def observed(factory: Factory, *args: Any, **kwargs: Any) -> Any:
            self._attach(factory)
            breaker = original(factory, *args, **kwargs)
            self._report(breaker.context.name, breaker.context.state)
            return breaker

        return observed

    def observe_async_get(self, original: Callable[..., Any]) -> Callable[..., Any]:
        async def observed(factory: Factory, *args: Any, **kwargs: Any) -> Any:
            self._attach(factory)
            breaker = await original(factory, *args, **kwargs)
            self._report(breaker.context.name, breaker.context.state)
            return breaker

        return observed

    def observe_exception(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Counts what a breaker takes for a failure: hooks are not told the exception."""
        from purgatory import CircuitBreakerFailed, ContextChanged

        def observed(context: Context, error: BaseException) -> Any:
            before = len(context.messages)
            result = original(context, error)
            if any(
                isinstance(event, CircuitBreakerFailed)
                or (isinstance(event, ContextChanged) and event.state == "opened")
                for event in context.messages[before:]
            ):
                record_error_metric(error, component_of(context.name, self._component))
            return result

        return observed

    def undo(self) -> None:
        """Leaves the factories."""
        for factory in list(self._factories):
            if self._on_event in factory.listeners:
                factory.remove_listener(self._on_event)
        self._factories.clear()

    def _attach(self, factory: Factory) -> None:
        if factory not in self._factories:
            self._factories.add(factory)
            factory.add_listener(self._on_event)

    def _on_event(self, circuit: str, kind: str, event: Any) -> None:
        if kind == "state_changed":
            self._report(circuit, event.state)

    def _report(self, circuit: str, state: str) -> None:
        report_circuit(component_of(circuit, self._component), _STATES[state])
