# SPDX-License-Identifier: Apache-2.0
"""One component's calls: timeout inside breaker inside retry, every failed attempt reported."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from agent_runtime.resilience.breaker import CircuitBreaker
from agent_runtime.resilience.retry import Retry
from agent_runtime.resilience.timeout import Allowance, allowance
from agent_runtime.resilience.vitals import Vitals
from telemetry import ErrorCode, KairosError, classify, get_logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from agent_runtime.resilience.ledger import Ledger
    from agent_runtime.resilience.policy import Policy, Timing

__all__ = ["CircuitOpenError", "Guard"]

T = TypeVar("T")
_log = get_logger(__name__)

_CALLERS_FAULT = (ErrorCode.INVALID_INPUT, ErrorCode.NOT_FOUND)
"""Codes that say nothing about the component's health: it answered, the request was wrong."""

_SPECIFIC = (ErrorCode.TIMEOUT, ErrorCode.RATE_LIMIT, ErrorCode.UNAUTHORIZED)
"""Codes that mean the same wherever they come from."""


class CircuitOpenError(KairosError):
    """A call was refused because the component's circuit breaker is open; nothing was called.

    Args:
        code: The code of a failure of this component.
        component: The component's name.
        retry_in_s: Seconds until calls may try again.

    Attributes:
        component: The same name.
        retry_in_s: The same seconds.
    """

    def __init__(self, code: ErrorCode, component: str, retry_in_s: float) -> None:
        self.component = component
        self.retry_in_s = retry_in_s
        super().__init__(
            code,
            f"{component} was not called: its circuit breaker is open after repeated failures; "
            f"it may be tried again in {retry_in_s:.1f} s",
            recoverable=True,
        )

    def __reduce__(self) -> tuple[type[CircuitOpenError], tuple[ErrorCode, str, float]]:
        return type(self), (self.code, self.component, self.retry_in_s)


class Guard:
    """Everything that stands between the loop and one component.

    Thread-safe. With everything off in its policy it makes one attempt, and still reports it.

    Args:
        component: The component's name in metrics.
        failure_code: The code of its failures that no more specific one fits.
        policy: What to do about errors.
        timing: How time and chance come in.
    """

    def __init__(self, component: str, failure_code: ErrorCode, policy: Policy, timing: Timing) -> None:
        self.component = component
        self._failure_code = failure_code
        self._timeout_s = policy.timeout_s
        self._retry = Retry(policy.retry, timing) if policy.retry is not None else None
        self._vitals = Vitals(component)
        self.breaker: CircuitBreaker | None = None
        if policy.breaker is not None:
            self.breaker = CircuitBreaker(policy.breaker, clock=timing.clock)
            self.breaker.listen(self._vitals.circuit_is)
        else:
            self._vitals.announce()

    def announce(self) -> None:
        """Reports circuit state and health as they are, for a pipeline that began after this guard."""
        if self.breaker is not None:
            self.breaker.announce()
        else:
            self._vitals.announce()

    async def call(self, attempt: Callable[[], Awaitable[T]], ledger: Ledger) -> T:
        """Makes attempts until one works.

        Args:
            attempt: One attempt.
            ledger: The operation's errors; failed attempts are added, success closes them all.

        Returns:
            The result.

        Raises:
            CircuitOpenError: The breaker refused the call.
            TimeoutError: The last attempt took too long.
            Exception: The last attempt's error; as a KairosError when its own type does not say
                what failed.
        """
        return await self.call_in_parts(lambda time: time.spend(attempt), ledger)

    async def call_in_parts(
        self,
        attempt: Callable[[Allowance], Awaitable[T]],
        ledger: Ledger,
        is_final: Callable[[], bool] = bool,
    ) -> T:
        """Makes attempts that do not wait for the component all the time, such as streams.

        Args:
            attempt: One attempt; given the time that it may spend waiting for the component.
            ledger: As for `call`.
            is_final: Whether what has happened so far forbids another attempt; default: no.

        Returns:
            The result.

        Raises:
            Exception: As for `call`.
        """

        async def once() -> T:
            try:
                return await self._attempt(attempt)
            except Exception as error:
                ledger.failed(error, self.component)
                raise

        try:
            if self._retry is None:
                result = await once()
            else:
                result = await self._retry.call(
                    once,
                    is_recoverable=lambda error: not is_final() and self._is_recoverable(error),
                    on_retry=self._log_retry,
                )
        except Exception as error:
            if self._is_own_failure(error):
                self._vitals.failed()
            raise
        self._vitals.worked()
        ledger.made_good()
        return result

    async def _attempt(self, attempt: Callable[[Allowance], Awaitable[T]]) -> T:
        breaker = self.breaker
        permit = breaker.enter() if breaker is not None else None
        if breaker is not None and permit is None:
            raise CircuitOpenError(self._failure_code, self.component, breaker.retry_in_s())
        try:
            result = await attempt(allowance(self._timeout_s, self.component))
        except Exception as error:
            named = self._named(error)
            if permit is not None:
                if self._is_own_failure(named):
                    permit.failed()
                else:
                    permit.succeeded()
            if named is error:
                raise
            raise named from error
        except BaseException:  # a cancellation: it passes, and says nothing about the component
            if permit is not None:
                permit.abandoned()
            raise
        if permit is not None:
            permit.succeeded()
        return result

    def _named(self, error: Exception) -> Exception:
        """Returns an error whose code says what failed: this component, unless the type knows better.

        A ValueError inside a tool is the tool's failure, not invalid input of the agent; an HTTP
        400 of a model's client is invalid input all the same.
        """
        if isinstance(error, KairosError):
            return error
        code = classify(error, self.component).code
        if code in _SPECIFIC or code is self._failure_code:
            return error
        if code in _CALLERS_FAULT and not isinstance(error, ValueError):
            return error
        return KairosError(self._failure_code, f"{type(error).__name__}: {error}", cause=error)

    def _is_recoverable(self, error: Exception) -> bool:
        # While the breaker is open another attempt would only be refused again.
        return not isinstance(error, CircuitOpenError) and classify(error, self.component).recoverable

    def _is_own_failure(self, error: Exception) -> bool:
        return classify(error, self.component).code not in _CALLERS_FAULT

    def _log_retry(self, error: Exception, failures: int, wait_s: float) -> None:
        _log.warning("%s: attempt %d failed, next in %.2f s: %s", self.component, failures, wait_s, error)
