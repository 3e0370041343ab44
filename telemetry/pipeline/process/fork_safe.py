# SPDX-License-Identifier: Apache-2.0
"""A transport that sends nothing while the process forks."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from telemetry.exporters.transport import Denied, RetryLater
from telemetry.pipeline.process import threads
from telemetry.pipeline.process.threads import Latch

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.exporters.transport import Reply, Transport
    from telemetry.spool.request import Request

__all__ = ["ForkSafe"]

_GRACE_SECONDS = 0.5
"""What a fork waits for an attempt under way; one that is cut short is made again, and may arrive twice."""
_CUT_SECONDS = 1.0
"""What cutting an attempt short may take; gRPC does it at once."""


class ForkSafe:
    """Begins no attempt while the process forks, and ends those of a fragile transport before.

    gRPC is fragile: in a child that was forked while a thread was inside it the first call crashes or
    fails (grpcio 1.85). Thread-safe.

    Args:
        make: Makes the transport, again after one had to be closed for a fork; imports nothing.
        is_fragile: Whether a fork in the middle of an attempt harms the child.
        grace_s: Seconds that a fork waits for an attempt under way; a fragile one is then cut short.

    Attributes:
        is_fragile: As given.
    """

    def __init__(
        self, make: Callable[[], Transport], *, is_fragile: bool, grace_s: float = _GRACE_SECONDS
    ) -> None:
        self.is_fragile = is_fragile
        self._make = make
        self._grace_s = grace_s
        self._transport: Transport | None = None
        self._lock = threads.lock()
        self._running = 0
        self._may_begin = _open()
        self._pauses = 0
        self._quiet = _open()
        self._is_closed = False
        self._has_loaded = False
        self._forbidden: str | None = None

    def send(self, request: Request, timeout_s: float) -> Reply:
        """Makes one attempt that ends within `timeout_s`; never raises."""
        if self._forbidden is not None:
            return Denied(self._forbidden)
        deadline = monotonic() + timeout_s
        while (transport := self._begin(deadline)) is not None:
            try:
                reply = transport.send(request, max(0.0, deadline - monotonic()))
            finally:
                is_cut = self._end(transport)
            # What a fork cuts short says nothing of the receiver.
            if not (is_cut and isinstance(reply, RetryLater)) or monotonic() >= deadline:
                return reply
        why = "the exporter is shut down" if self._is_closed else "the process was forking"
        return RetryLater(f"not sent: {why}")

    def close(self) -> None:
        """Cuts running attempts short; later ones fail with `RetryLater`. Does not wait."""
        with self._lock:
            self._is_closed = True
        self._cut()

    def pause(self) -> bool:
        """Lets nothing begin any more, and waits for what must not be under way, or cuts it short.

        Several threads may fork at a time; each resumes once.

        Blocks, also in a greenlet: a fork is no moment to do something else.

        Returns:
            Whether the process can be forked without harm.
        """
        with self._lock:
            self._pauses += 1
            if self._pauses == 1:
                self._may_begin = Latch()
        # The first attempt loads modules, which a child must not inherit half loaded.
        is_awaited = self.is_fragile or not self._has_loaded
        if not is_awaited or self._quiet.block(self._grace_s) or not self.is_fragile:
            return True
        self._cut()
        return self._quiet.block(_CUT_SECONDS)

    def resume(self) -> None:
        """Lets attempts begin again, in the process that forked, when no other thread forks."""
        with self._lock:
            self._pauses -= 1
            if self._pauses == 0:
                self._may_begin.set()

    def forbid(self, why: str) -> None:
        """Makes no attempt from now on: `why` is what each of them answers (`Denied`)."""
        self._forbidden = why

    def _begin(self, deadline: float) -> Transport | None:
        while threads.wait(self._may_begin, deadline):
            with self._lock:
                if self._is_closed:
                    return None
                if self._may_begin.is_set():  # else the next fork has begun
                    transport = self._transport = self._transport or self._make()
                    self._running += 1
                    self._quiet = Latch() if self._running == 1 else self._quiet
                    return transport
        return None

    def _end(self, transport: Transport) -> bool:
        """Notes the end of an attempt and returns whether a fork cut it short."""
        self._has_loaded = True
        with self._lock:
            self._running -= 1
            if self._running == 0:
                self._quiet.set()
            return self._transport is not transport and not self._is_closed

    def _cut(self) -> None:
        with self._lock:
            transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()


def _open() -> Latch:
    latch = Latch()
    latch.set()
    return latch
