# SPDX-License-Identifier: Apache-2.0
"""What is known of one component: by its check, its circuit breaker and its calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from telemetry import CircuitState, HealthStatus, classify, redact

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from agent_runtime.health.check import Check
    from agent_runtime.health.hysteresis import Hysteresis

__all__ = ["Breaker", "Component", "Plan", "word"]

_MAX_MESSAGE = 300
"""Characters of an error in the report."""


class Breaker(Protocol):
    """What is asked of a circuit breaker."""

    @property
    def state(self) -> CircuitState:
        """Its state after the last call."""
        ...

    def retry_in_s(self) -> float:
        """Returns the seconds until calls may try again."""
        ...

    def listen(self, listener: Callable[[CircuitState], None]) -> None:
        """Adds a listener for each new state, and tells it the current one."""
        ...


class Plan:
    """How and how often a component is checked.

    Args:
        check: The check.
        interval_s: Seconds from the start of one to the start of the next.
        timeout_s: Seconds that one may take.
        hysteresis: What the results make of the status.

    Raises:
        ValueError: A number is not positive.
    """

    __slots__ = ("check", "hysteresis", "interval_s", "timeout_s")

    def __init__(self, check: Check, interval_s: float, timeout_s: float, hysteresis: Hysteresis) -> None:
        for name, value in (("interval_s", interval_s), ("timeout_s", timeout_s)):
            if not value > 0:
                raise ValueError(f"{name}={value!r}: allowed are numbers above 0.")
        self.check = check
        self.interval_s = interval_s
        self.timeout_s = timeout_s
        self.hysteresis = hysteresis


class Component:
    """One component. Not thread-safe: its registry is.

    Args:
        name: Its name in metrics.
        since: When it became what it is: now.

    Attributes:
        plan: How it is checked; None: it is not.
        breaker: Its circuit breaker, if that is known.
        by_calls: What its calls say, if they are heard.
        is_required: Whether the process is of no use without it.
    """

    def __init__(self, name: str, since: datetime) -> None:
        self.name = name
        self.plan: Plan | None = None
        self.breaker: Breaker | None = None
        self.by_calls: HealthStatus | None = None
        self.is_required = True
        self._status: HealthStatus | None = None
        self._since = since
        self._checked_at: datetime | None = None
        self._latency_s: float | None = None
        self._error: Exception | None = None
        self._failed_at: datetime | None = None

    def checked(self, plan: Plan, error: Exception | None, latency_s: float, at: datetime) -> None:
        """Takes the result of a check."""
        plan.hysteresis.take(is_success=error is None)
        self._checked_at, self._latency_s = at, latency_s
        if error is not None:
            # Without its traceback, which would hold on to the frames of the check.
            self._error, self._failed_at = error.with_traceback(None), at

    def status(self, at: datetime) -> HealthStatus | None:
        """Returns the worst of what is known now; None while nothing is."""
        known = [
            status
            for status in (
                self.plan.hysteresis.status if self.plan is not None else None,
                _by_circuit(self.breaker) if self.breaker is not None else None,
                self._by_calls(),
            )
            if status is not None
        ]
        is_unchecked = self.plan is not None and self._checked_at is None
        status = min(known, default=None)
        if is_unchecked and status is HealthStatus.HEALTHY:
            status = None  # a breaker that is closed before any call says nothing
        if status is not self._status:
            self._status, self._since = status, at
        return status

    def _by_calls(self) -> HealthStatus | None:
        """Returns what calls say; UNHEALTHY is left to the breaker, which knows when its time is over."""
        if self.by_calls is HealthStatus.UNHEALTHY and self.breaker is not None:
            return HealthStatus.DEGRADED
        return self.by_calls

    def report(self, at: datetime) -> dict[str, object]:
        """Returns what is known, for JSON."""
        status = self.status(at)
        error: dict[str, str] | None = None
        if self._error is not None and self._failed_at is not None:
            error = {
                "type": type(self._error).__qualname__,
                "code": str(classify(self._error, self.name).code),
                "message": redact(str(self._error))[:_MAX_MESSAGE],
                "at": self._failed_at.isoformat(),
            }
        return {
            "status": word(status),
            "since": self._since.isoformat(),
            "is_required": self.is_required,
            "checked_at": self._checked_at.isoformat() if self._checked_at is not None else None,
            "latency_s": self._latency_s,
            "last_error": error,
            "circuit": self.breaker.state.name.lower() if self.breaker is not None else None,
        }


def word(status: HealthStatus | None) -> str:
    """Returns what the report calls a status."""
    return status.name.lower() if status is not None else "unknown"


def _by_circuit(breaker: Breaker) -> HealthStatus:
    """Returns what a breaker says of its component.

    One whose time is over is no longer UNHEALTHY, although it stays open until the next call: a
    load balancer that sends none to an unhealthy process would keep it open for ever.
    """
    state = breaker.state
    if state is CircuitState.CLOSED:
        return HealthStatus.HEALTHY
    if state is CircuitState.OPEN and breaker.retry_in_s() > 0:
        return HealthStatus.UNHEALTHY
    return HealthStatus.DEGRADED
