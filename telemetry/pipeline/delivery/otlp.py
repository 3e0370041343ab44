# SPDX-License-Identifier: Apache-2.0
"""What stands between the pipeline and one OTLP receiver: the places to wait, the senders, the transport."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.pipeline.delivery.sender import Sender
from telemetry.pipeline.process.fork_safe import ForkSafe
from telemetry.spool.memory import MemoryQueue

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.config import Settings
    from telemetry.exporters.base import Otlp
    from telemetry.pipeline.delivery.outcomes import Ledger
    from telemetry.spool.disk import Spool
    from telemetry.spool.queue import RequestQueue

__all__ = ["Delivery"]


class Delivery:
    """One exporter's senders, one for each signal, and what they share.

    Args:
        name: Name of the exporter; its folder in `spool_dir`.
        otlp: Where requests go.
        config: The settings.

    Attributes:
        transports: One for each signal; they have to be paused around a fork.
        senders: One for each signal.
    """

    def __init__(self, name: str, otlp: Otlp, config: Settings) -> None:
        self._otlp = otlp
        self._config = config
        self.transports: list[ForkSafe] = []
        self._spool = _open_spool(name, config)
        self.senders: list[Sender] = []

    def add_sender(self, ledger: Ledger, on_attempt: Callable[[float, bool], None]) -> Sender:
        """Makes the sender of one signal.

        Args:
            ledger: The books.
            on_attempt: Told (seconds, whether it succeeded) of every attempt.
        """
        queue: RequestQueue
        if self._spool is None:
            queue = MemoryQueue(ledger.signal, self._config.queue_max_bytes, ledger.drop)
        else:
            queue = self._spool.queue(ledger.signal, self._config.queue_max_bytes, ledger.drop)
        transport = self._transport()
        sender = Sender(
            queue,
            transport,
            ledger,
            on_attempt,
            timeout_s=self._config.otlp_timeout_seconds,
            looks_for_others=self._spool is not None,
            on_end=transport.close,
        )
        self.senders.append(sender)
        return sender

    def spooled_bytes(self) -> int:
        """How many bytes of this process wait on disk."""
        return sum(sender.queue.on_disk().bytes for sender in self.senders)

    def cut(self) -> None:
        """Cuts running attempts short."""
        for transport in self.transports:
            transport.close()

    def give_up(self) -> None:
        """Books what is left in memory as dropped; what is on disk stays for the next process."""
        for sender in self.senders:
            sender.give_up()
        if self._spool is not None:
            self._spool.close()

    def abandon_in_child(self) -> None:
        """Lets go, in a forked child, of what belongs to the parent."""
        if self._spool is not None:
            self._spool.abandon_in_child()

    def _transport(self) -> ForkSafe:
        """The transport of one more sender, for its thread alone, which closes it in the end.

        Where gevent has replaced locks and sockets, they do not work between threads: a thread that waits for
        the lock of another one's gRPC channel may wait for ever, and sockets belong to who opened them.
        """
        self.transports.append(ForkSafe(self._otlp.connect, is_fragile=self._otlp.is_fragile))
        return self.transports[-1]


def _open_spool(name: str, config: Settings) -> Spool | None:
    if config.spool_dir is None:
        return None
    from telemetry.spool.disk import Spool

    return Spool(
        config.spool_dir / name,
        max_bytes=config.spool_max_bytes,
        max_files=config.spool_max_files,
        max_age_s=config.spool_max_age_seconds,
        fsync=config.spool_fsync,
    )
