# SPDX-License-Identifier: Apache-2.0
"""What a receiver has accepted, on disk, so that an export goes on where it stopped."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from telemetry.audit.errors import AuditError
from telemetry.audit.exporting.spans import Carried
from telemetry.audit.reading.positions import Position

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Checkpoint", "State", "checkpoint_path"]

_VERSION = 1


class State(NamedTuple):
    """How far an export has come.

    Attributes:
        position: Behind the last row that was accepted; None at the beginning.
        carried: What later rows need of earlier ones.
        proof: State of the verification; None without keys.
    """

    position: Position | None = None
    carried: Carried = Carried()
    proof: dict[str, Any] | None = None


def checkpoint_path(log: Path) -> Path:
    """Returns where the checkpoint of a log is unless told otherwise."""
    return log.with_name(log.name + ".export.json")


class Checkpoint:
    """The file of one log's export, held by one process at a time; `with` takes and leaves it.

    Args:
        path: The file.

    Raises:
        AuditError: On entering: another process has it, or it cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state = State()
        self._lock = -1

    def __enter__(self) -> Checkpoint:
        try:
            self._take()
        except OSError as error:
            raise AuditError(
                f"the checkpoint {str(self.path)!r} cannot be used: {error.strerror}; allowed: a file in an "
                "existing directory that this process may write. Give another one with --checkpoint"
            ) from error
        try:
            self.state = self._read()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()

    def save(self, state: State) -> None:
        """Writes how far the export has come; a crash of the machine leaves this state or the one before.

        Raises:
            OSError: It cannot be written; the file is as before.
        """
        members = {
            "version": _VERSION,
            "position": state.position._asdict() if state.position is not None else None,
            "carried": state.carried._asdict(),
            "proof": state.proof,
        }
        beside = self.path.with_name(self.path.name + ".new")
        descriptor = os.open(
            beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0), 0o600
        )
        try:
            os.write(descriptor, json.dumps(members, sort_keys=True).encode("ascii") + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        beside.replace(self.path)
        self.state = state

    def _read(self) -> State:
        try:
            members = json.loads(self.path.read_bytes())
            position = {_VERSION: members["position"]}[members["version"]]
            return State(
                Position(**position) if position is not None else None,
                Carried(**members["carried"]),
                members["proof"],
            )
        except FileNotFoundError:
            return State()
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise AuditError(
                f"the checkpoint {str(self.path)!r} cannot be read ({type(error).__name__}); nothing is "
                "sent, because everything would be sent again. Restore it, or remove it to begin anew"
            ) from error

    def _take(self) -> None:
        self._lock = os.open(
            self.path.with_name(self.path.name + ".lock"),
            os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0),
            0o600,
        )
        try:
            from fcntl import LOCK_EX, LOCK_NB, flock

            flock(self._lock, LOCK_EX | LOCK_NB)
        except ImportError:  # a platform without it has no second exporter to be kept away in this way
            pass
        except BlockingIOError:
            self._leave()
            raise AuditError(
                f"another export uses the checkpoint {str(self.path)!r} at this moment; both would send the "
                "same rows. Stop it, or give this one another with --checkpoint"
            ) from None

    def _leave(self) -> None:
        with suppress(OSError):
            os.close(self._lock)
        self._lock = -1
