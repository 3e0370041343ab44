# SPDX-License-Identifier: Apache-2.0
"""Foreign callbacks of observable instruments: what they do wrong costs their own instrument only."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Observation

from telemetry.metrics.attributes import any_attributes
from telemetry.metrics.numbers import number_of
from telemetry.pipeline.process import threads

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackT

    from telemetry.metrics.limits import Limits
    from telemetry.pipeline.trouble import Trouble

__all__ = ["Callback", "ForeignCallbacks", "as_function"]

Callback = Callable[[CallbackOptions], Iterable[Observation]]
MOST_SECONDS = 5.0
"""How long a collection waits for one callback; less when the collection itself has less time."""
_MOST_OBSERVATIONS = 100_000
"""Of one callback: a generator that never ends must not fill the memory."""


def as_function(callback: CallbackT) -> Callback:
    """Returns the callback as a function; a generator is started with its first observation, once only."""
    if not isinstance(callback, Generator):
        return callback
    is_started = False

    def advance(options: CallbackOptions) -> Iterable[Observation]:
        nonlocal is_started
        try:
            if not is_started:
                is_started = True
                next(callback)  # up to its first yield, which receives the options
            return callback.send(options)
        except StopIteration:
            return ()

    return advance


class ForeignCallbacks:
    """The callbacks of one meter provider, and the thread that they run in.

    They all run in one thread, one after the other, as they would in the SDK: some keep what they know of the
    last time per thread. One that does not return keeps its thread; the others go on in a new one.

    Args:
        limits: Of attributes; counts values that are no numbers.
        trouble: Takes what could not be observed.
    """

    def __init__(self, limits: Limits, trouble: Trouble) -> None:
        self._limits = limits
        self._trouble = trouble
        self._worker: _Worker | None = None
        self._is_closed = False

    def guarded(self, instrument: str, callback: CallbackT) -> Callback:
        """Returns the callback of an instrument so that it neither raises nor blocks for long."""
        return _Guarded(self, instrument, as_function(callback))

    def run(self, work: Callable[[], None], timeout_s: float) -> _Job:
        """Does a piece of work and waits for it; the job tells whether it has been done."""
        job = _Job(work)
        worker = self._worker
        if worker is None:
            try:
                worker = self._worker = _Worker()
            except RuntimeError:  # Python 3.12 starts no thread while the interpreter shuts down
                job.run()
                return job
        worker.do(job.run)
        if not job.done.wait(timeout_s) or self._is_closed:
            worker.end()
            self._worker = None
        return job

    def close(self) -> None:
        """Ends the thread, as soon as it can."""
        self._is_closed = True
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.end()

    def observations(self, instrument: str, found: Iterable[object]) -> Iterator[Observation]:
        """Yields those of a callback's observations that can be recorded."""
        for observation in islice(found, _MOST_OBSERVATIONS):
            value = number_of(getattr(observation, "value", None))
            if value is None:
                self._limits.refuse(instrument, getattr(observation, "value", observation))
                continue
            context = getattr(observation, "context", None)
            attributes: Any = any_attributes(
                getattr(observation, "attributes", None),
                self._limits.attribute_bytes,
                self._limits.truncated.add_one,
            )
            yield Observation(value, attributes, context if issubclass(type(context), Context) else None)

    def report(self, instrument: str, problem: BaseException) -> None:
        """Notes that a callback could not be asked."""
        self._trouble.report(f"a callback of {instrument}", problem)


class _Guarded:
    def __init__(self, callbacks: ForeignCallbacks, instrument: str, function: Callback) -> None:
        self._callbacks = callbacks
        self._instrument = instrument
        self._function = function
        self._job: _Job | None = None

    def __call__(self, options: CallbackOptions) -> Iterable[Observation]:
        if self._job is not None and not self._job.done.is_set():
            self._callbacks.report(self._instrument, TimeoutError("it still has not returned; it is skipped"))
            return ()
        found: list[Observation] = []

        def ask() -> None:
            observed = self._function(options)
            if observed is not None:  # the SDK takes it for a failure; it is nothing to observe
                for observation in self._callbacks.observations(self._instrument, observed):
                    found.append(observation)  # noqa: PERF402 - one by one: it may raise after the first ones

        # Half of what the collection has left: it has to end itself, and at an exit to be exported.
        timeout_s = min(MOST_SECONDS, max(0.0, options.timeout_millis) / 2000)
        self._job = job = self._callbacks.run(ask, timeout_s)
        if not job.done.is_set():
            problem = TimeoutError(f"it did not return within {timeout_s:g} s; it is skipped until it does")
            self._callbacks.report(self._instrument, problem)
            return ()
        if job.problem is not None:
            self._callbacks.report(self._instrument, job.problem)
        return found


class _Job:
    """A piece of work and what became of it."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self.done = threads.Latch()
        self.problem: BaseException | None = None

    def run(self) -> None:
        try:
            self._work()
        except BaseException as problem:  # noqa: BLE001 - a thread of ours has nobody to pass it on to
            self.problem = problem
        self.done.set()


class _Worker:
    """A thread that does one thing after the other."""

    def __init__(self) -> None:
        self._work = threads.queue()
        threads.start(self._run, "kairos-callbacks")

    def do(self, work: Callable[[], None]) -> None:
        self._work.put(work)

    def end(self) -> None:
        self._work.put(None)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()
