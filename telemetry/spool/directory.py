# SPDX-License-Identifier: Apache-2.0
"""A folder that is ours alone, held open; what others may have put into it is not trusted."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING

from telemetry.spool.stored import DamagedError

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry.spool.descriptors import Descriptors

__all__ = ["Directory", "intrusion"]

_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
# Non-blocking: opening a pipe that somebody put into the folder must not wait for its other end.
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)


class Directory:
    """A folder and its files, all reached by the folder's descriptor: no link in it is ever followed.

    Every method raises OSError where the system does.

    Args:
        path: Where it is; made with mode 0700 when it is missing.
        descriptors: Keeps track of what is open.
        is_visit: Only to look at it: nothing is made or changed, and it may be another user's.

    Raises:
        PermissionError: The folder belongs to another user or others may write into it.
    """

    def __init__(self, path: Path, descriptors: Descriptors, *, is_visit: bool = False) -> None:
        self.path = path
        self._descriptors = descriptors
        self._is_visit = is_visit
        if not is_visit:
            _make(path)
        self.fd = descriptors.open(str(path), _FOLDER)
        if not is_visit:
            try:
                _insist_on_privacy(self.fd, path)
            except OSError:
                self.close()
                raise

    def close(self) -> None:
        """Lets go of the folder; every later use raises OSError."""
        descriptor, self.fd = self.fd, -1
        self._descriptors.close(descriptor)

    def is_in_place(self) -> bool:
        """Whether the path still leads to this folder; it may have been removed or renamed."""
        try:
            return os.path.samestat(self.path.lstat(), os.fstat(self.fd))
        except OSError:
            return False

    def subfolder(self, name: str) -> Directory:
        """Opens a folder in this one."""
        return Directory(self.path / name, self._descriptors, is_visit=self._is_visit)

    def names(self) -> list[str]:
        """Lists the folder."""
        # By a descriptor of its own: those that share one share the position in the listing, too.
        descriptor = os.open(".", _FOLDER, dir_fd=self.fd)
        try:
            return os.listdir(descriptor)  # noqa: PTH208 - Path knows no descriptors
        finally:
            os.close(descriptor)

    def has(self, name: str) -> bool:
        """Whether there is such a file; an error other than its absence counts as presence."""
        try:
            self.status(name)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return True

    def status(self, name: str) -> os.stat_result:
        """Describes a file, or a link itself."""
        return os.stat(name, dir_fd=self.fd, follow_symlinks=False)

    def write(self, name: str, data: bytes) -> None:
        """Makes a file of mode 0600 under a name that is free; removes what a full disk left of it."""
        descriptor = os.open(name, _CREATE, 0o600, dir_fd=self.fd)
        try:
            try:
                os.fchmod(descriptor, 0o600)  # the umask may take bits away
                rest = memoryview(data)
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
            finally:
                os.close(descriptor)  # a full quota on a network disk is told here
        except OSError:
            with contextlib.suppress(OSError):
                self.remove(name)
            raise

    def read(self, name: str, size: int) -> bytes:
        """Reads a file of a size that is known.

        Raises:
            DamagedError: It is no plain file, or its size is another.
        """
        descriptor = os.open(name, _READ, dir_fd=self.fd)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise DamagedError("not a plain file")
            if status.st_size != size:
                raise DamagedError(f"{status.st_size} bytes instead of {size}")
            parts = []
            while size > 0 and (part := os.read(descriptor, size)):
                parts.append(part)
                size -= len(part)
            return b"".join(parts)
        finally:
            os.close(descriptor)

    def move(self, name: str, new_name: str, to: Directory | None = None) -> None:
        """Renames a file, perhaps into another folder of the same disk."""
        os.rename(name, new_name, src_dir_fd=self.fd, dst_dir_fd=(to or self).fd)

    def remove(self, name: str) -> bool:
        """Removes a file or a link; False when it was gone already."""
        try:
            os.unlink(name, dir_fd=self.fd)
        except FileNotFoundError:
            return False
        return True

    def sync(self, name: str) -> None:
        """Waits until a file is on the disk; does nothing for one that is gone."""
        try:
            descriptor = os.open(name, _READ, dir_fd=self.fd)
        except FileNotFoundError:
            return
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def sync_names(self) -> None:
        """Waits until names that were added or removed are on the disk."""
        os.fsync(self.fd)


def _make(path: Path) -> None:
    """Makes a folder and those above it, each for this user only, whatever the umask."""
    missing = []
    while not os.path.lexists(path):
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        with contextlib.suppress(FileExistsError):  # another process was faster
            folder.mkdir(0o700)
            folder.chmod(0o700)


def intrusion(status: os.stat_result) -> str | None:
    """Says why a folder cannot be trusted with telemetry, for people; None when it can.

    Args:
        status: Its description.
    """
    if status.st_uid != os.geteuid():
        return "it belongs to another user"
    return "other users may write into it" if status.st_mode & 0o022 else None


def _insist_on_privacy(descriptor: int, path: Path) -> None:
    status = os.fstat(descriptor)
    problem = intrusion(status)
    if problem is not None:
        raise PermissionError(errno.EPERM, problem, str(path))
    if status.st_mode & 0o055:
        os.fchmod(descriptor, 0o700)  # made by hand: what waits in it is nobody else's business
