# SPDX-License-Identifier: Apache-2.0
"""The registry: checks components in the background, and says how they are."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from agent_runtime.health.check import Check
from agent_runtime.health.component import Breaker, Component, Plan, word
from agent_runtime.health.hysteresis import Hysteresis
from telemetry import HealthStatus, get_logger, set_health

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Self

    from telemetry import CircuitState

__all__ = ["HealthRegistry"]

_log = get_logger(__name__)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class HealthRegistry:
    """The health of a process's components: `async with registry:` or `with registry:` checks them.

    A component's status is the worst of what its check, its circuit breaker and its calls say.
    Every change, and every result, sets `kairos.health.status`. Thread-safe.

    With `async with`, checks run as tasks of the running event loop; with `with`, on a loop in a
    thread of their own.

    Args:
        clock: Monotonic seconds.
        now: The time of day, for the report.
    """

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, now: Callable[[], datetime] = _utc_now
    ) -> None:
        self._clock = clock
        self._now = now
        self._lock = threading.Lock()
        self._components: dict[str, Component] = {}
        self._task: asyncio.Task[None] | None = None
        self._background: tuple[threading.Thread, Callable[[], object]] | None = None

    def add(
        self,
        component: str,
        check: Callable[[], object],
        *,
        interval_s: float = 30.0,
        timeout_s: float = 5.0,
        failures: int = 3,
        successes: int = 2,
        is_required: bool = True,
    ) -> None:
        """Adds a check; checks that are added while the registry runs begin when it runs next.

        Args:
            component: The component, as metrics call it: `llm`, `memory`, `tool.search`.
            check: Any callable without arguments, sync or async; it fails by raising, or by
                returning False. `agent_runtime.health` has some ready.
            interval_s: Seconds from the start of one check to the start of the next.
            timeout_s: Seconds that a check may take.
            failures: Failures in a row that make the component UNHEALTHY.
            successes: Successes in a row that make it HEALTHY again.
            is_required: Whether `/healthz` and `/readyz` say 503 for it.

        Raises:
            ValueError: A number is out of range, or the component has a check already.
            TypeError: The check cannot be called.
        """
        plan = Plan(Check(check), interval_s, timeout_s, Hysteresis(failures, successes))
        with self._lock:
            known = self._get(component)
            if known.plan is not None:
                raise ValueError(
                    f"component={component!r} has a check already; a component has one, "
                    "combine them into one function."
                )
            known.plan, known.is_required = plan, is_required

    def watch(self, breakers: Mapping[str, Breaker]) -> None:
        """Takes circuit breakers into account: an open one makes its component UNHEALTHY.

        Args:
            breakers: By component, such as `agent.breakers`.
        """
        for component, breaker in breakers.items():
            with self._lock:
                self._get(component).breaker = breaker

            def changed(_state: CircuitState, component: str = component) -> None:
                self._publish(component)

            breaker.listen(changed)

    def set_health(self, component: str, status: HealthStatus) -> None:
        """Takes what a component's calls say of it; made to stand in for `telemetry.set_health`.

        Args:
            component: The component.
            status: How it is.
        """
        with self._lock:
            self._get(component).by_calls = HealthStatus(status)
        self._publish(component)

    def report(self) -> dict[str, object]:
        """Returns how everything is, ready for `json.dumps`.

        `status` is the worst of all components: `unhealthy`, `degraded`, `unknown` (not all were
        checked yet) or `healthy`; `components` has one entry each, with `status`, `since`,
        `is_required`, `checked_at`, `latency_s`, `last_error` and `circuit`.
        """
        at = self._now()
        with self._lock:
            return {
                "status": word(_worst([each.status(at) for each in self._components.values()])),
                "components": {name: each.report(at) for name, each in sorted(self._components.items())},
            }

    def is_healthy(self) -> bool:
        """Whether no required component is UNHEALTHY; what `/healthz` says."""
        return HealthStatus.UNHEALTHY not in self._required()

    def is_ready(self) -> bool:
        """Whether every required component is known and none is UNHEALTHY; what `/readyz` says."""
        return not {None, HealthStatus.UNHEALTHY} & set(self._required())

    async def check(self, component: str | None = None) -> None:
        """Checks a component now, or all of them at the same time.

        Args:
            component: The component; None: all that have a check.

        Raises:
            KeyError: It has no check.
        """
        plans = self._plans()
        if component is not None and component not in plans:
            raise KeyError(f"{component!r} has no check; those that have: {', '.join(plans) or 'none'}")
        chosen = plans if component is None else {component: plans[component]}
        async with asyncio.TaskGroup() as group:
            for name, plan in chosen.items():
                group.create_task(self._check(name, plan))

    async def run(self) -> None:
        """Checks everything, each at its own interval, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name, plan in self._plans().items():
                group.create_task(self._repeat(name, plan))

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self.run())
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    def __enter__(self) -> Self:
        loop = asyncio.new_event_loop()
        task = loop.create_task(self.run())

        def work() -> None:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(_until_cancelled(task))

        thread = threading.Thread(target=work, name="kairos-health", daemon=True)
        self._background = thread, lambda: loop.call_soon_threadsafe(task.cancel)
        thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        background, self._background = self._background, None
        if background is not None:
            thread, stop = background
            stop()
            thread.join()

    async def _repeat(self, name: str, plan: Plan) -> None:
        while True:
            began = self._clock()
            await self._check(name, plan)
            await asyncio.sleep(max(0.0, began + plan.interval_s - self._clock()))

    async def _check(self, name: str, plan: Plan) -> None:
        began = self._clock()
        error: Exception | None = None
        try:
            async with asyncio.timeout(plan.timeout_s) as limit:
                await plan.check.run()
        except TimeoutError as problem:
            error = problem
            if limit.expired():
                error = TimeoutError(f"the check did not end within timeout_s={plan.timeout_s:g}")
        except asyncio.CancelledError as problem:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            error = RuntimeError(f"what the check awaited was cancelled {problem}".rstrip())
        except Exception as problem:  # noqa: BLE001 - what a check is for; it is in the report
            error = problem
        with self._lock:
            self._components[name].checked(plan, error, self._clock() - began, self._now())
        if error is not None:
            _log.info("check of %s failed: %s: %s", name, type(error).__name__, error)
        self._publish(name)

    def _publish(self, name: str) -> None:
        with self._lock:
            status = self._components[name].status(self._now())
        if status is not None:
            set_health(name, status)

    def _get(self, name: str) -> Component:
        found = self._components.get(name)
        if found is None:
            found = self._components[name] = Component(name, self._now())
        return found

    def _plans(self) -> dict[str, Plan]:
        with self._lock:
            return {name: each.plan for name, each in self._components.items() if each.plan is not None}

    def _required(self) -> list[HealthStatus | None]:
        at = self._now()
        with self._lock:
            return [each.status(at) for each in self._components.values() if each.is_required]


def _worst(statuses: list[HealthStatus | None]) -> HealthStatus | None:
    known = [status for status in statuses if status is not None]
    worst = min(known, default=None)
    return None if worst is HealthStatus.HEALTHY and None in statuses else worst


async def _until_cancelled(task: asyncio.Task[None]) -> None:
    await asyncio.wait({task})
