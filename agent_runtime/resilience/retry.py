# SPDX-License-Identifier: Apache-2.0
"""Another attempt after an error that may pass: exponential backoff with full jitter.

"Full jitter" as in AWS's "Exponential Backoff And Jitter": a uniformly random wait between zero
and the exponential limit, which spreads the retries of many clients best.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from telemetry import retry_after

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from agent_runtime.resilience.policy import RetrySettings, Timing

__all__ = ["Retry"]

T = TypeVar("T")


class Retry:
    """Makes attempts until one works, the error is not worth another, or there are no more.

    Holds no state between calls; thread-safe.

    Args:
        settings: How many attempts, and how long to wait between them.
        timing: How time passes.
    """

    def __init__(self, settings: RetrySettings, timing: Timing) -> None:
        self._settings = settings
        self._timing = timing

    async def call(
        self,
        attempt: Callable[[], Awaitable[T]],
        *,
        is_recoverable: Callable[[Exception], bool],
        on_retry: Callable[[Exception, int, float], None],
    ) -> T:
        """Makes attempts until one works.

        Args:
            attempt: One attempt.
            is_recoverable: Whether an error is worth another attempt.
            on_retry: Told the error, how many attempts failed, and the seconds to wait, before
                each wait.

        Returns:
            The first result.

        Raises:
            Exception: The last attempt's error.
        """
        failures = 0
        while True:
            try:
                return await attempt()
            except Exception as error:
                failures += 1
                wait_s = self._wait_s(error, failures) if is_recoverable(error) else None
                if wait_s is None:
                    raise
                on_retry(error, failures, wait_s)
            await self._timing.sleep(wait_s)

    def _wait_s(self, error: Exception, failures: int) -> float | None:
        """Returns the seconds to wait before the next attempt, or None when there is none."""
        settings = self._settings
        if failures >= settings.max_attempts:
            return None
        # The exponent is bounded because 2.0 ** 1024 overflows.
        limit_s = min(settings.max_wait_s, settings.base_wait_s * 2.0 ** min(failures - 1, 64))
        wait_s = self._timing.uniform(0.0, limit_s)
        told_s = retry_after(error)
        if told_s is None:
            return wait_s
        # Whoever says "in ten minutes" will not answer earlier: waiting less is of no use, and
        # waiting that long is for a fallback or the caller to decide.
        return None if told_s > settings.max_retry_after_s else max(told_s, wait_s)
