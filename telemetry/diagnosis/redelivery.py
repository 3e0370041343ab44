# SPDX-License-Identifier: Apache-2.0
"""Sending what waits in a spool although the process that wrote it is gone."""

from __future__ import annotations

import math
from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from telemetry.config.exporters import SIGNALS
from telemetry.exporters.transport import Accepted, Refused
from telemetry.spool.disk import Spool
from telemetry.spool.stored import DamagedError, decode
from telemetry.spool.survey import left_records, visit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from telemetry.config import Settings
    from telemetry.exporters.transport import Reply, Transport
    from telemetry.spool.queue import RequestQueue
    from telemetry.spool.request import Request

__all__ = ["Sent", "redeliver"]


class Sent(NamedTuple):
    """What became of the records of one exporter's spool.

    Attributes:
        exporter: Its name.
        delivered: Records that the receiver accepted.
        dropped: Records that were given up, by reason.
        error: What was said last when something could not be delivered; None when all went well.
        waiting: Records that wait still, of processes that are gone.
        running: Records of processes that still run: they send them themselves.
    """

    exporter: str
    delivered: int = 0
    dropped: Mapping[str, int] = MappingProxyType({})
    error: str | None = None
    waiting: int = 0
    running: int = 0

    @property
    def is_success(self) -> bool:
        """Whether everything that was to be sent was accepted."""
        return self.error is None and not self.dropped and not self.waiting


class _Sending:
    """One round of sending; stops at the first sign that the receiver takes nothing now."""

    def __init__(self, transport: Transport, timeout_s: float) -> None:
        self._transport = transport
        self._timeout_s = timeout_s
        self.delivered = 0
        self.dropped: Counter[str] = Counter()
        self.error: str | None = None
        self.is_stopped = False

    def drop(self, reason: str, records: int, error: str | None, *, is_own: bool) -> None:  # noqa: ARG002 - the signature of OnDrop
        """Books what a queue gives up."""
        self.dropped[reason] += records
        self.error = error or self.error

    def send(self, request: Request) -> Reply:
        """Makes one attempt and books what was accepted."""
        reply = self._transport.send(request, self._timeout_s)
        if isinstance(reply, Accepted):
            self.delivered += request.records - reply.rejected
            if reply.rejected:
                self.drop("rejected", reply.rejected, reply.message, is_own=False)
        else:
            self.error = reply.error
            self.is_stopped = not isinstance(reply, Refused)
        return reply

    def empty(self, queue: RequestQueue) -> None:
        """Sends a queue."""
        while not self.is_stopped and (held := queue.peek()) is not None:
            reply = self.send(held.request)
            if isinstance(reply, Accepted):
                queue.settle(held)
            elif isinstance(reply, Refused):
                queue.bury(held, "refused", reply.error)

    def send_letters(self, folder: Path) -> None:
        """Sends the dead letters; those that are refused again stay."""
        with visit(folder) as (_, letters, _corrupt):
            for entry in letters.entries():
                if self.is_stopped:
                    return
                try:
                    data = letters.folder.read(entry.file.name, entry.file.size)
                    request = decode(data, entry.file)
                except (OSError, DamagedError) as error:
                    self.error = f"{entry.file.name}: {error}"
                    continue
                if isinstance(self.send(request), Accepted):
                    letters.discard(entry)


def redeliver(folder: Path, transport: Transport, config: Settings, *, has_dead_letters: bool) -> Sent:
    """Sends what waits in the folder of one exporter and belongs to no process that still runs.

    Age does not matter: whoever asks for it wants it sent.

    Args:
        folder: The exporter's folder.
        transport: Sends.
        config: Limits of the spool, and the time that one attempt may take.
        has_dead_letters: Also the dead letters, before the rest.

    Raises:
        ConfigError: The folder can never be a spool.
        OSError: The folder cannot be read.
    """
    sending = _Sending(transport, config.otlp_timeout_seconds)
    spool = Spool(
        folder,
        max_bytes=config.spool_max_bytes,
        max_files=config.spool_max_files,
        max_age_s=math.inf,
        fsync=config.spool_fsync,
    )
    try:
        queues = [spool.queue(signal, config.queue_max_bytes, sending.drop) for signal in SIGNALS]
        if has_dead_letters:  # first: what is refused below must not be tried again at once
            sending.send_letters(folder)
        for queue in queues:
            sending.empty(queue)
    finally:
        spool.close()
    running, waiting = left_records(folder)
    return Sent(folder.name, sending.delivered, dict(sending.dropped), sending.error, waiting, running)
