# SPDX-License-Identifier: Apache-2.0
"""Forking: nothing is under way while the process is copied, and the copy starts a pipeline of its own."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import dataclass
from threading import get_ident
from typing import TYPE_CHECKING

from telemetry.pipeline.process.preloading import preload

if TYPE_CHECKING:
    from types import FrameType

    from telemetry.pipeline.handle import Handle
    from telemetry.pipeline.process.exits import Exits
    from telemetry.pipeline.process.fork_safe import ForkSafe

__all__ = ["Forks"]

_logger = logging.getLogger("telemetry")
_GRPC_IN_USE = (
    "OTLP over gRPC cannot be used in this process: when it was forked, another thread was in the middle of "
    "a gRPC call, and gRPC does not survive that. Use the exporter 'otlp-http', or start processes with "
    "multiprocessing's method 'spawn'. Records wait, on disk where spool_dir is set."
)


@dataclass
class _Fork:
    """One fork, from before it to after it.

    Attributes:
        paused: What sends nothing meanwhile.
        is_grpc_usable: Whether gRPC works in the child.
        mask: The signals that waited before, if others are held back now.
    """

    paused: list[ForkSafe]
    is_grpc_usable: bool = True
    mask: set[int] | None = None


class Forks:
    """What happens around every fork of this process.

    Args:
        handle: Holds the active pipeline.
        exits: Told that a child is a process of its own.
    """

    def __init__(self, handle: Handle, exits: Exits) -> None:
        self._handle = handle
        self._exits = exits
        self._under_way: dict[int, _Fork] = {}
        """By thread: one may begin to fork while another one does."""

    def watch(self) -> None:
        """Begins; there is no end of it."""
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self.prepare, after_in_parent=self.resume, after_in_child=self.start_in_child
            )

    def prepare(self) -> None:
        """Before a fork: brings to an end what must not be copied half done."""
        telemetry = self._handle.telemetry
        fork = self._under_way[get_ident()] = _Fork(self._transports())
        are_safe = [transport.pause() for transport in fork.paused]
        preload(telemetry.config.all_exporters if telemetry is not None else ())
        fork.is_grpc_usable = all(are_safe) and not _is_grpc_in_use()
        fork.mask = self._exits.hold_back()

    def resume(self) -> None:
        """After a fork, in the process that forked."""
        fork = self._under_way.pop(get_ident())
        for transport in fork.paused:
            transport.resume()
        self._exits.let_through(fork.mask)

    def start_in_child(self) -> None:
        """After a fork, in the child: a pipeline of its own, with the same settings."""
        fork = self._under_way.pop(get_ident())
        self._under_way.clear()  # the child does not have the other threads
        self._exits.let_through(fork.mask)
        handle = self._handle
        is_watched = self._exits.forget()
        handle.renew_locks()
        telemetry = handle.telemetry
        if telemetry is None:
            return
        try:
            telemetry.restart_in_child()
            handle.activate(telemetry)
            if not fork.is_grpc_usable:
                for transport in self._transports():
                    if transport.is_fragile:
                        transport.forbid(_GRPC_IN_USE)
            if is_watched:
                self._exits.watch(telemetry, is_child=True)
        except Exception:  # an exception here would only be printed, without its meaning
            handle.set_aside()
            _logger.exception(
                "telemetry is off in the forked process %d: its pipeline could not be built", os.getpid()
            )

    def _transports(self) -> list[ForkSafe]:
        telemetry = self._handle.telemetry
        return [] if telemetry is None else telemetry.providers.fork_safe


def _is_grpc_in_use() -> bool:
    """Whether another thread is inside gRPC, as far as the Python frames tell."""
    grpc = sys.modules.get("grpc")
    if grpc is None:
        return False
    folder = os.path.dirname(grpc.__file__ or "")  # noqa: PTH120 - a prefix of co_filename, compared as text
    frames: dict[int, FrameType] = sys._current_frames()  # noqa: SLF001 - documented, for this kind of use
    return any(frame.f_code.co_filename.startswith(folder) for frame in frames.values())
