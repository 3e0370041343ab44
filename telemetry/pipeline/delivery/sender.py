# SPDX-License-Identifier: Apache-2.0
"""Sends what waits: the oldest request first, until the receiver has settled it; books how that ended."""

from __future__ import annotations

import logging
from functools import partial
from queue import Empty
from time import monotonic, perf_counter, time_ns
from typing import TYPE_CHECKING

from telemetry.exporters.transport import Accepted, Denied, Refused, RetryLater
from telemetry.logs.otel_api import suppressed
from telemetry.metrics.courtesy import COURTESY
from telemetry.pipeline.delivery.backoff import Backoff
from telemetry.pipeline.process import threads
from telemetry.pipeline.process.threads import Latch
from telemetry.spool.queue import Held

if TYPE_CHECKING:
    from collections.abc import Callable
    from queue import SimpleQueue

    from telemetry.exporters.transport import Reply, Transport
    from telemetry.pipeline.delivery.outcomes import Ledger
    from telemetry.spool.queue import RequestQueue
    from telemetry.spool.request import Request

__all__ = ["Sender"]

_logger = logging.getLogger("telemetry")
_LOOK_AGAIN_S = 2.0
"""How often an idle sender looks whether a process that is gone left requests on disk."""
_LEAST_ATTEMPT_S = 0.05
_SETTLING_S = 0.05
"""What booking an answer may take; a deadline does not wait for longer."""


class Sender:
    """Queue, thread and books of one exporter and one signal. Thread-safe.

    The thread starts with the first request, or at once where there may be some of earlier processes.
    Requests go one after the other, so a receiver sees them in the order in which they were recorded.

    Args:
        queue: Where requests wait.
        transport: Makes attempts.
        ledger: Books what becomes of the records.
        on_attempt: Told (seconds, whether it succeeded) of every attempt.
        timeout_s: Limit of one attempt.
        looks_for_others: Whether the queue may give what other processes left.
        on_end: Called last in the thread: what belongs to the thread is closed there.
        backoff: The pauses after failures.
    """

    def __init__(
        self,
        queue: RequestQueue,
        transport: Transport,
        ledger: Ledger,
        on_attempt: Callable[[float, bool], None],
        *,
        timeout_s: float,
        looks_for_others: bool = False,
        on_end: Callable[[], None] | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self.queue = queue
        self._transport = transport
        self._ledger = ledger
        self._on_attempt = on_attempt
        self._timeout_s = timeout_s
        self._idle_s = _LOOK_AGAIN_S if looks_for_others else None
        self._on_end = on_end
        self._backoff = backoff or Backoff()
        self._not_before = 0.0
        self._flushes: list[tuple[Latch, int]] = []
        # What the thread is asked to do. SimpleQueue.put is reentrant, for signal handlers.
        self._commands: SimpleQueue[Callable[[], None]] = threads.queue()
        self._deadline: float | None = None
        self._allowed_s = 0.0
        self._settling = threads.rlock()
        self._is_cut = False
        self._has_failed_since_asked = False
        ledger.count_pending(lambda: queue.in_memory().records)
        ledger.count_spooled(lambda: queue.on_disk().records)
        self._name = f"kairos-send-{ledger.signal}-{ledger.exporter}"
        self._thread = threads.LateThread(self._run, self._name)
        if looks_for_others:
            self._thread.start()

    def put(self, request: Request) -> None:
        """Takes a request into custody and sends it when its turn comes."""
        with self._settling:
            is_cut = self._is_cut
            if not is_cut:
                self.queue.put(request)
        if is_cut:  # it was encoded a moment too late
            self._ledger.drop("shutdown_timeout", request.records)
            return
        self._thread.start()
        self._commands.put(_look)

    def begin_flush(self) -> Latch:
        """Asks for an attempt now; the latch is set when what waits now is settled or cannot be soon.

        "Cannot be soon" is an attempt that failed while everything is safe on disk. What waits in memory
        only is tried again until whoever waits for it has no more time.
        """
        done = Latch()
        if self._thread.is_alive():
            asked_ns = time_ns()
            self._commands.put(lambda: self._promise(done, asked_ns))
        else:
            done.set()
        return done

    def stop(self, deadline: float, allowed_s: float) -> None:
        """Begins the last attempts; the thread ends when they have, or at the deadline.

        Args:
            deadline: `time.monotonic()` at which the time to shut down is over.
            allowed_s: How long that time was, for people.
        """
        self._allowed_s = allowed_s
        self._deadline = deadline
        self._commands.put(self._hurry)
        if self._thread.is_refused:
            self._run()

    def join(self, deadline: float) -> bool:
        """Waits for the thread to end and returns whether it did by `deadline`."""
        return self._thread.join(deadline)

    def give_up(self) -> None:
        """Books what is in memory only as dropped, and lets go of the queue; later answers change nothing."""
        is_alone = self._settling.acquire(timeout=_SETTLING_S)
        try:
            self._is_cut = True
            self._ledger.drop("shutdown_timeout", self.queue.in_memory().records)
            self._ledger.close()
        finally:
            if is_alone:
                self._settling.release()
        self.queue.close()

    def reject(self, request: Request, reason: str, error: str) -> None:
        """Gives up a request that must not be sent; where there is a place, it is kept there."""
        self.queue.bury(Held(request, is_own=True, place=None), reason, error)

    # -- the thread ------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._is_cut:
            try:
                if self._is_last_step():
                    break
            except Exception:
                _logger.exception("%s: sending failed; it goes on", self._name)
                self._not_before = monotonic() + 1.0
        self._obey_all()
        for done, _ in self._flushes:
            done.set()
        if self._on_end is not None:
            self._on_end()

    def _is_last_step(self) -> bool:
        """Sends one request, or waits until there is a reason to; True when the thread is to end."""
        self._obey_all()
        pause = self._not_before - monotonic()
        if pause > 0 and self._deadline is None and not self._flushes:
            self._wait(pause)
            return False
        held = self.queue.peek()
        self._keep_promises(held)
        if self._deadline is not None and (monotonic() >= self._deadline or self._is_settled(held)):
            return True
        if held is None:
            self._wait(self._idle_s)
        elif pause > 0:
            self._wait(pause)
        else:
            self._attempt(held)
        return False

    def _is_settled(self, held: Held | None) -> bool:
        """Whether there is nothing left to try for somebody who waits."""
        return held is None or (self._has_failed_since_asked and not self.queue.in_memory().records)

    def _keep_promises(self, held: Held | None) -> None:
        for promise in list(self._flushes):
            done, asked_ns = promise
            if self._is_settled(held) or (held is not None and held.request.created_ns > asked_ns):
                self._flushes.remove(promise)
                done.set()

    def _wait(self, seconds: float | None) -> None:
        if self._deadline is not None:
            left = max(0.0, self._deadline - monotonic())
            seconds = left if seconds is None else min(seconds, left)
        try:
            self._commands.get(timeout=seconds)()
        except Empty:
            return

    def _obey_all(self) -> None:
        while not self._commands.empty():
            self._commands.get()()

    def _promise(self, done: Latch, asked_ns: int) -> None:
        self._flushes.append((done, asked_ns))
        self._hurry()

    def _hurry(self) -> None:
        """Forgets the pauses: they are for times when nobody waits."""
        self._not_before = 0.0
        self._backoff.succeed()
        self._has_failed_since_asked = False

    def _attempt(self, held: Held) -> None:
        timeout_s = self._timeout_s
        if self._deadline is not None:
            timeout_s = max(_LEAST_ATTEMPT_S, min(timeout_s, self._deadline - monotonic()))
        else:
            COURTESY.look()  # whoever encoded the request has just taken its time
        started = perf_counter()
        with suppressed():
            reply = self._transport.send(held.request, timeout_s)
        self._on_attempt(perf_counter() - started, isinstance(reply, Accepted))
        with self._settling:
            say = _nothing if self._is_cut else self._settle(held, reply)
        # Not under the lock: whoever ends the pipeline waits for it, and a handler may take its time.
        say()
        self._ledger.notices.tell()

    def _settle(self, held: Held, reply: Reply) -> Callable[[], None]:
        """Books an answer and returns how to tell of it."""
        ledger, records = self._ledger, held.request.records
        match reply:
            case Accepted(rejected, message):
                rejected = min(rejected, records)
                self.queue.settle(held)
                ledger.deliver(records - rejected, is_own=held.is_own)
                ledger.drop("rejected", rejected, message, is_own=held.is_own)
                self._backoff.succeed()
                return partial(self._say_success, message if not rejected else "")
            case Refused(error):
                self.queue.bury(held, "refused", error)
                self._backoff.succeed()
                return self._say_success
            case Denied(error):
                # While somebody waits, credentials may be mended in a moment; else in an hour.
                is_awaited = self._deadline is not None or bool(self._flushes)
                pause_s = self._backoff.after_failure(None) if is_awaited else self._backoff.after_denial()
                return self._fail(error, pause_s)
            case RetryLater(error, after_s, is_unanswered):
                if is_unanswered and self._is_over():
                    # Not the receiver's time limit, and nothing that it did: the end came first.
                    allowed = f"{self._allowed_s:.3g} s"
                    error = f"the time to shut down ({allowed}) was over before the receiver answered"
                return self._fail(error, self._backoff.after_failure(after_s))

    def _is_over(self) -> bool:
        """Whether the time to shut down is over, or would be before another attempt."""
        return self._deadline is not None and monotonic() > self._deadline - _LEAST_ATTEMPT_S

    def _say_success(self, message: str = "") -> None:
        if message:
            self._ledger.notices.remark(message)
        self._ledger.notices.success()

    def _fail(self, error: str, pause_s: float) -> Callable[[], None]:
        self._not_before = monotonic() + pause_s
        self._has_failed_since_asked = True
        self._ledger.fail(error)
        on_disk, in_memory = self.queue.on_disk().records, self.queue.in_memory().records
        where = f"{on_disk} wait on disk, {in_memory} in memory"
        return partial(self._ledger.notices.failure, error, where)


def _nothing() -> None:
    """Says nothing."""


def _look() -> None:
    """Wakes the thread, which then looks at its queue."""
