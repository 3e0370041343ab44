# SPDX-License-Identifier: Apache-2.0
"""Circuit breaker: stops calling a component that keeps failing, and finds out when it works again.

Closed: calls pass; so many consecutive failures open it. Open: calls are refused for a while.
Half-open: a few calls may try; so many consecutive successes close it, one failure opens it again.
Every change of state starts a new generation, and a result that belongs to an older one is
discarded: a call that began before the breaker opened says nothing about now (as in sony/gobreaker).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

from telemetry import CircuitState, get_logger

if TYPE_CHECKING:
    from agent_runtime.resilience.policy import BreakerSettings

__all__ = ["CircuitBreaker", "Listener", "Permit"]

Listener = Callable[[CircuitState], None]
"""Told each new state, in order; called outside any lock."""

_log = get_logger(__name__)


class Permit:
    """Leave to make one call; report its outcome exactly once, later reports change nothing."""

    __slots__ = ("_breaker", "_generation")

    def __init__(self, breaker: CircuitBreaker, generation: int) -> None:
        self._breaker: CircuitBreaker | None = breaker
        self._generation = generation

    def succeeded(self) -> None:
        """Reports that the component answered."""
        self._report(outcome=True)

    def failed(self) -> None:
        """Reports that the component failed."""
        self._report(outcome=False)

    def abandoned(self) -> None:
        """Reports that nothing was learned: the call was cancelled."""
        self._report(outcome=None)

    def _report(self, *, outcome: bool | None) -> None:
        breaker, self._breaker = self._breaker, None
        if breaker is not None:
            breaker.report(self._generation, outcome=outcome)


class CircuitBreaker:
    """One component's breaker. Thread-safe, and usable from sync and async code alike.

    It moves from open to half-open with the first call after `open_s`, not by a timer.

    Args:
        settings: When it opens and closes.
        clock: Monotonic seconds.
    """

    def __init__(self, settings: BreakerSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = Lock()
        self._state = CircuitState.CLOSED
        self._generation = 0
        self._failures = 0  # consecutive, while closed
        self._successes = 0  # while half-open
        self._under_way = 0  # calls in this generation without a result, while half-open
        self._opened_at = 0.0
        self._listeners: tuple[Listener, ...] = ()
        self._news: deque[CircuitState] = deque()
        self._is_telling = False

    @property
    def state(self) -> CircuitState:
        """The state after the last call."""
        return self._state

    def listen(self, listener: Listener) -> None:
        """Adds a listener and tells everyone the current state, so that it is known at once."""
        with self._lock:
            self._listeners = (*self._listeners, listener)
        self.announce()

    def announce(self) -> None:
        """Tells the listeners the current state, in order with the changes."""
        with self._lock:
            self._news.append(self._state)
        self._tell()

    def enter(self) -> Permit | None:
        """Returns leave to make a call, or None while the breaker refuses calls."""
        with self._lock:
            if self._state is CircuitState.OPEN and self._open_for_s() <= 0:
                self._change(CircuitState.HALF_OPEN)
            permit: Permit | None = None
            if self._state is CircuitState.CLOSED:
                permit = Permit(self, self._generation)
            elif (
                self._state is CircuitState.HALF_OPEN
                and self._successes + self._under_way < self._settings.success_threshold
            ):
                self._under_way += 1
                permit = Permit(self, self._generation)
        self._tell()
        return permit

    def retry_in_s(self) -> float:
        """Returns the seconds until calls may try again; 0 when they may now."""
        with self._lock:
            return max(0.0, self._open_for_s()) if self._state is CircuitState.OPEN else 0.0

    def report(self, generation: int, *, outcome: bool | None) -> None:
        """Takes the outcome of a call; `Permit` calls this.

        Args:
            generation: The generation that the call began in; an older one is discarded.
            outcome: True: worked, False: failed, None: nothing was learned.
        """
        with self._lock:
            if generation == self._generation:
                if self._state is CircuitState.HALF_OPEN:
                    self._under_way -= 1
                if outcome is True:
                    self._on_success()
                elif outcome is False:
                    self._on_failure()
        self._tell()

    def _on_success(self) -> None:
        self._failures = 0
        if self._state is CircuitState.HALF_OPEN:
            self._successes += 1
            if self._successes >= self._settings.success_threshold:
                self._change(CircuitState.CLOSED)

    def _on_failure(self) -> None:
        self._failures += 1
        if self._state is CircuitState.HALF_OPEN or self._failures >= self._settings.failure_threshold:
            self._opened_at = self._clock()
            self._change(CircuitState.OPEN)

    def _change(self, state: CircuitState) -> None:
        self._state = state
        self._generation += 1
        self._failures = self._successes = self._under_way = 0
        self._news.append(state)

    def _open_for_s(self) -> float:
        return self._opened_at + self._settings.open_s - self._clock()

    def _tell(self) -> None:
        """Delivers the news: by one thread at a time, so that listeners see the changes in order."""
        while True:
            with self._lock:
                if self._is_telling or not self._news:
                    return
                self._is_telling = True
                state, listeners = self._news.popleft(), self._listeners
            try:
                for listener in listeners:
                    self._tell_one(listener, state)
            finally:
                with self._lock:
                    self._is_telling = False

    def _tell_one(self, listener: Listener, state: CircuitState) -> None:
        try:
            listener(state)
        except Exception:  # noqa: BLE001 - somebody's listener; logged with its traceback
            # A listener's mistake must not fail the call that changed the state.
            _log.exception("a circuit breaker's listener failed")
