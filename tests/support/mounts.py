# SPDX-License-Identifier: Apache-2.0
"""Small real filesystems for tests that may mount them."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager

import pytest


def _mount(*arguments):
    done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"mounting is not permitted here: {done.stderr.strip()}")


@contextmanager
def tmpfs(path, size):
    """A filesystem in memory of that size (as `mount` writes it); gone afterwards."""
    path.mkdir(exist_ok=True)
    _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", path)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def remount(path, mode):
    """Makes a mounted filesystem read-only (`ro`) or writable (`rw`)."""
    _mount("-o", f"remount,{mode}", path)
