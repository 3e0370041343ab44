# SPDX-License-Identifier: Apache-2.0
"""Settings of resilience: what to do about errors, per component, and one switch for all of it."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from agent_runtime.llm.protocol import Model
    from agent_runtime.resilience.fallback import Value
    from agent_runtime.tools import Tool

__all__ = ["BreakerSettings", "Policy", "Resilience", "RetrySettings", "Timing"]


def _require_positive(setting: str, value: float) -> None:
    if not value > 0:
        raise ValueError(f"{setting}={value!r}: allowed are numbers above 0.")


def _require_count(setting: str, value: int) -> None:
    if not isinstance(value, int) or value < 1:
        raise ValueError(f"{setting}={value!r}: allowed are whole numbers from 1 upwards.")


@dataclass(frozen=True, slots=True)
class Timing:
    """How time and chance come in; tests and the demo give their own.

    Attributes:
        clock: Monotonic seconds.
        sleep: Lets seconds pass.
        uniform: A random number between two others.
    """

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    uniform: Callable[[float, float], float] = random.uniform


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySettings:
    """How often, and after which waits, a call is tried again.

    Attributes:
        max_attempts: Attempts in all; 1: none is repeated.
        base_wait_s: Upper limit of the first wait; doubled for each further one.
        max_wait_s: Upper limit of every wait that we choose.
        max_retry_after_s: The longest `Retry-After` that is waited for; past it the error goes
            on to the fallback or the caller at once.

    Raises:
        ValueError: A number is not positive.
    """

    max_attempts: int = 3
    base_wait_s: float = 0.5
    max_wait_s: float = 30.0
    max_retry_after_s: float = 60.0

    def __post_init__(self) -> None:
        _require_count("max_attempts", self.max_attempts)
        _require_positive("base_wait_s", self.base_wait_s)
        _require_positive("max_wait_s", self.max_wait_s)
        _require_positive("max_retry_after_s", self.max_retry_after_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerSettings:
    """When a circuit breaker opens and closes.

    Attributes:
        failure_threshold: Consecutive failed attempts that open it.
        success_threshold: Consecutive successes in half-open that close it; also how many calls
            may be under way in half-open.
        open_s: Seconds it stays open before it lets calls try again.

    Raises:
        ValueError: A number is not positive.
    """

    failure_threshold: int = 5
    success_threshold: int = 2
    open_s: float = 30.0

    def __post_init__(self) -> None:
        _require_count("failure_threshold", self.failure_threshold)
        _require_count("success_threshold", self.success_threshold)
        _require_positive("open_s", self.open_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is done for one component.

    Attributes:
        timeout_s: Limit of one attempt; None: no limit.
        retry: When to try again; None: never.
        breaker: When to stop trying; None: never.

    Raises:
        ValueError: The timeout is not positive.
    """

    timeout_s: float | None = 60.0
    retry: RetrySettings | None = field(default_factory=RetrySettings)
    breaker: BreakerSettings | None = field(default_factory=BreakerSettings)

    def __post_init__(self) -> None:
        if self.timeout_s is not None:
            _require_positive("timeout_s", self.timeout_s)

    @classmethod
    def off(cls) -> Policy:
        """Returns the policy that does nothing: one attempt, however long it takes."""
        return cls(timeout_s=None, retry=None, breaker=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resilience:
    """What an agent does about errors; errors are reported the same with all of it off.

    Attributes:
        is_enabled: False: no timeouts, retries, breakers or fallbacks at all.
        model: The policy of models.
        tool: The policy of tools.
        memory: The policy of memory.
        components: Policies of single components, by component name (`llm`, `tool.search`).
        fallback_models: Models to ask, in order, when the agent's own fails.
        fallback_tools: By tool name, what to use when that tool fails: other tools, or a value.
        timing: How time and chance come in.
    """

    is_enabled: bool = True
    model: Policy = field(default_factory=Policy)
    tool: Policy = field(default_factory=Policy)
    memory: Policy = field(default_factory=lambda: Policy(timeout_s=5.0))
    components: Mapping[str, Policy] = field(default_factory=dict)
    fallback_models: Sequence[Model] = ()
    fallback_tools: Mapping[str, Sequence[Tool | Value]] = field(default_factory=dict)
    timing: Timing = field(default_factory=Timing)

    def policy(self, component: str, default: Policy) -> Policy:
        """Returns what holds for a component.

        Args:
            component: Its name.
            default: The policy of its kind.
        """
        return self.components.get(component, default) if self.is_enabled else Policy.off()
