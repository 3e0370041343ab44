# SPDX-License-Identifier: Apache-2.0
"""What one run may cost: tokens and time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from telemetry import ErrorCode, KairosError

if TYPE_CHECKING:
    from agent_runtime.types import Usage

__all__ = ["Budget", "BudgetExceededError"]


class BudgetExceededError(KairosError):
    """A run was ended because its budget was used up.

    Args:
        code: `timeout` for time; `internal_error` for tokens, which, like too many iterations, is
            the agent's own failure to finish.
        message: What was used up.
    """

    def __init__(self, code: ErrorCode, message: str) -> None:
        # Time may be kept the next time; a run that needs so many tokens needs them again.
        super().__init__(code, message, recoverable=code is ErrorCode.TIMEOUT)

    def __reduce__(self) -> tuple[type[BudgetExceededError], tuple[ErrorCode, str]]:
        return type(self), (self.code, self.message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits of one run.

    Attributes:
        max_tokens: Tokens read and written by all model calls of a run, as the providers report
            them; None: no limit. Known only after a call, so what is refused is the next step:
            an answer that is already there is given, even when it went past the limit.
        max_time_s: Seconds from the start of a run to its end, waits between attempts and the
            time that a stream's reader takes included; None: no limit. Whatever is under way
            then is cancelled.

    Raises:
        ValueError: A number is not positive.
    """

    max_tokens: int | None = None
    max_time_s: float | None = None

    def __post_init__(self) -> None:
        if self.max_tokens is not None and (not isinstance(self.max_tokens, int) or self.max_tokens < 1):
            raise ValueError(
                f"max_tokens={self.max_tokens!r}: allowed are whole numbers from 1 upwards; None is no limit."
            )
        if self.max_time_s is not None and not self.max_time_s > 0:
            raise ValueError(
                f"max_time_s={self.max_time_s!r}: allowed are seconds above 0; None is no limit."
            )

    def check(self, agent: str, usage: Usage | None) -> None:
        """Refuses another step when the tokens are used up.

        Args:
            agent: The agent's name, for the message.
            usage: What the run's model calls have used; None: nobody reported any.

        Raises:
            BudgetExceededError: They are.
        """
        if self.max_tokens is not None and usage is not None and usage.total_tokens >= self.max_tokens:
            raise BudgetExceededError(
                ErrorCode.INTERNAL_ERROR,
                f"agent {agent!r} did not finish within its budget of max_tokens={self.max_tokens}: it has "
                f"used {usage.total_tokens}; allow more tokens, or give it less to read.",
            )

    def out_of_time(self, agent: str) -> BudgetExceededError:
        """Returns the error of a run that took too long.

        Args:
            agent: The agent's name, for the message.
        """
        return BudgetExceededError(
            ErrorCode.TIMEOUT,
            f"agent {agent!r} did not finish within its budget of max_time_s={self.max_time_s:g}; "
            "allow more time, or shorten its timeouts and retries.",
        )
