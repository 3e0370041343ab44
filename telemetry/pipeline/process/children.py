# SPDX-License-Identifier: Apache-2.0
"""Worker processes that end without `atexit`: those of multiprocessing and of Celery.

They end with `os._exit`, but not before they have asked around: `multiprocessing` (and `billiard`, which
uses its registry) runs finalizers, Celery sends a signal. Nothing is imported for it: what is not loaded
when a process starts telemetry, or is forked, does not run that process.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["WorkerEnds", "is_worker"]

_AFTER_ALL_OTHERS = -1000
"""Priority of the finalizer: queues (-5) and the application's own finalizers may still record."""

_PROCESSES = Path("/proc")
_START_OF_STACK = 25
"""Index of `startstack` among the fields of /proc/<pid>/stat that follow the program's name (proc(5))."""


def is_worker(processes: Path = _PROCESSES) -> bool:
    """Whether this is one of several processes that one program is made of.

    Those of multiprocessing know it themselves. Those of a server that forks before it loads the
    application are told by the memory that they share with their parent: the address of the stack is
    drawn at random when a program starts, and inherited by forks. Elsewhere than on Linux they cannot be
    told.

    Args:
        processes: The directory of processes.
    """
    if _is_started_by_multiprocessing():
        return True
    own, parents = (_start_of_stack(processes / str(pid) / "stat") for pid in (os.getpid(), os.getppid()))
    return own == parents and own not in {None, "0"}  # 0: we may not know


def _is_started_by_multiprocessing() -> bool:
    multiprocessing: Any = sys.modules.get("multiprocessing.process")
    return multiprocessing is not None and multiprocessing.parent_process() is not None


def _start_of_stack(stat: Path) -> str | None:
    try:
        return stat.read_text(errors="replace").rpartition(")")[2].split()[_START_OF_STACK]
    except (OSError, IndexError):
        return None


class WorkerEnds:
    """Sees to it that the end of a worker process is noticed.

    Args:
        end: Ends telemetry; called at the end of a worker, perhaps more than once.
        begin: Called when this process turns out to be a worker of `multiprocessing`, in its main thread
            unless it starts telemetry in another one, perhaps more than once.
    """

    def __init__(self, end: Callable[[], object], begin: Callable[[], object] | None = None) -> None:
        self._end = end
        self._begin = begin
        self._is_registered = False
        self._finalizer: Any = None

    def watch(self) -> None:
        """Has the end of this process, and of those forked from it, noticed."""
        self._watch_multiprocessing(is_starting=False)
        self._watch_celery()

    def watch_in_child(self) -> None:
        """The same in a forked child, which `multiprocessing` is about to set up as a worker of its own."""
        self._watch_multiprocessing(is_starting=True)
        self._watch_celery()

    def _watch_multiprocessing(self, *, is_starting: bool) -> None:
        util: Any = sys.modules.get("multiprocessing.util")
        if util is None:
            return
        if not self._is_registered:
            self._is_registered = True
            # A worker forgets the finalizers that it inherited, and then calls these.
            util.register_after_fork(self, WorkerEnds._add_finalizer)
        if not is_starting:
            self._add_finalizer()

    def _add_finalizer(self) -> None:
        util: Any = sys.modules["multiprocessing.util"]
        if self._finalizer is not None:
            self._finalizer.cancel()
        self._finalizer = util.Finalize(None, self._end, exitpriority=_AFTER_ALL_OTHERS)
        if self._begin is not None and _is_started_by_multiprocessing():
            self._begin()

    def _watch_celery(self) -> None:
        signals: Any = sys.modules.get("celery.signals")
        if signals is not None:
            # The workers of its pool end without finalizers.
            signals.worker_process_shutdown.connect(
                self._on_celery_shutdown, weak=False, dispatch_uid="kairos-telemetry"
            )

    def _on_celery_shutdown(self, **_: object) -> None:
        self._end()
