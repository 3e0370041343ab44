# SPDX-License-Identifier: Apache-2.0
"""Watching tenacity's retry loop, which stamina's is made of too.

`before_sleep`, `after` and stamina's hooks tell of retries only: not that one of them worked, nor
that the last one failed. So the loop itself is watched, where it decides: in `iter`. A `with
attempt:` block that ends well may leave the loop without another `iter`, hence `__exit__`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telemetry.instrumentation.attempts import Attempts
from telemetry.instrumentation.patch import Patch

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenacity import AttemptManager, BaseRetrying, RetryCallState

    from telemetry.instrumentation.attempts import ErrorComponent

__all__ = ["watch"]

_ATTEMPTS = "__kairos_attempts__"


def watch(component: ErrorComponent, concerns: Callable[[BaseRetrying], bool]) -> list[Patch]:
    """Watches the retry loops of the process.

    Args:
        component: Whose errors the failed attempts are.
        concerns: Which loops; called often.
    """
    from tenacity import AttemptManager, BaseRetrying
    from tenacity.asyncio import AsyncRetrying

    loop = _Loop(component, concerns)
    return [
        Patch(BaseRetrying, "iter", loop.observe_iter),
        Patch(AsyncRetrying, "iter", loop.observe_async_iter),
        Patch(AttemptManager, "__exit__", loop.observe_exit),
    ]


class _Loop:
    def __init__(self, component: ErrorComponent, concerns: Callable[[BaseRetrying], bool]) -> None:
        self._component = component
        self._concerns = concerns

    def observe_iter(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def observed(retrying: BaseRetrying, retry_state: RetryCallState) -> Any:
            if retry_state.outcome is None or not self._concerns(retrying):
                return original(retrying, retry_state)
            try:
                decision = original(retrying, retry_state)
            except BaseException:
                self._ended(retrying, retry_state)
                raise
            self._decided(retry_state, decision)
            return decision

        return observed

    def observe_async_iter(self, original: Callable[..., Any]) -> Callable[..., Any]:
        async def observed(retrying: BaseRetrying, retry_state: RetryCallState) -> Any:
            if retry_state.outcome is None or not self._concerns(retrying):
                return await original(retrying, retry_state)
            try:
                decision = await original(retrying, retry_state)
            except BaseException:
                self._ended(retrying, retry_state)
                raise
            self._decided(retry_state, decision)
            return decision

        return observed

    def observe_exit(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def observed(attempt: AttemptManager, kind: Any, error: Any, traceback: Any) -> Any:
            is_swallowed = original(attempt, kind, error, traceback)
            state = attempt.retry_state
            if kind is None and self._concerns(state.retry_object):
                self._attempts(state).made_good()
            return is_swallowed

        return observed

    def _decided(self, state: RetryCallState, decision: object) -> None:
        from tenacity import DoSleep

        attempts, error = self._attempts(state), _error(state)
        if error is not None:
            attempts.failed(error)
        if not isinstance(decision, DoSleep):  # a result, or what `retry_error_callback` gives instead of one
            attempts.made_good()

    def _ended(self, retrying: BaseRetrying, state: RetryCallState) -> None:
        attempts, error = self._attempts(state), _error(state)
        # Whether it stopped is only asked after an error that is to be retried; others just pass through.
        if error is not None and retrying.iter_state.stop_run_result:
            attempts.failed(error)
        attempts.gave_up()

    def _attempts(self, state: RetryCallState) -> Attempts:
        attempts: Attempts | None = vars(state).get(_ATTEMPTS)
        if attempts is None:
            attempts = vars(state)[_ATTEMPTS] = Attempts(self._component)
        return attempts


def _error(state: RetryCallState) -> BaseException | None:
    """Returns the error of the last attempt; of a `raise TryAgain from error`, that error."""
    from tenacity import TryAgain

    error = state.outcome.exception() if state.outcome is not None else None
    return error.__cause__ if isinstance(error, TryAgain) else error
