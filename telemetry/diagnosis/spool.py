# SPDX-License-Identifier: Apache-2.0
"""Checks of the spool: can it be written, what waits in it, what was given up."""

from __future__ import annotations

import os
import tempfile
from importlib.util import find_spec
from time import time_ns
from typing import TYPE_CHECKING

from telemetry.config.exporters import BUILT_IN
from telemetry.diagnosis import symptoms
from telemetry.diagnosis.findings import Answer
from telemetry.spool.directory import intrusion
from telemetry.spool.report import age, size
from telemetry.spool.survey import survey
from telemetry.text import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from telemetry.spool.survey import ExporterSpool

__all__ = ["check_spool"]


def check_spool(spool_dir: Path, now_ns: Callable[[], int] = time_ns) -> Iterator[Answer]:
    """Looks at the spool directory; makes and changes nothing that stays.

    Args:
        spool_dir: The setting.
        now_ns: The wall clock.
    """
    if find_spec("fcntl") is None:
        yield Answer(symptoms.SPOOL_BLOCKED, f"{spool_dir} (this platform has no file locks)")
        return
    yield _check_writable(spool_dir)
    try:
        spools = survey(spool_dir)
    except OSError:
        return  # said already: what cannot be read cannot be written
    yield _check_waiting(spool_dir, spools, now_ns())
    for spool in spools:
        for letters in spool.dead_letters:
            yield Answer(
                symptoms.SPOOL_DEAD_LETTERS,
                f"{letters.records} {spool.exporter} {letters.signal} {plural(letters.records, 'record')}, "
                f"{letters.reason}",
            ).also(letters.last_error)
        if spool.corrupt_files:
            files = f"{spool.corrupt_files} {plural(spool.corrupt_files, 'file')}"
            detail = f"{files}, {size(spool.corrupt_bytes)} in {spool_dir / spool.exporter}"
            yield Answer(symptoms.SPOOL_DAMAGED, detail)


def _check_writable(spool_dir: Path) -> Answer:
    try:
        if spool_dir.exists():
            with tempfile.TemporaryFile(dir=spool_dir) as file:
                file.write(b"\0" * 4096)
            for folder in (spool_dir / name for name in BUILT_IN):
                problem = intrusion(folder.lstat()) if folder.is_dir() else None
                if problem is not None:
                    return Answer(symptoms.SPOOL_BLOCKED, f"{folder} ({problem})")
        else:
            parent = next(path for path in spool_dir.absolute().parents if path.exists())
            # Not by making it: doctor leaves nothing behind.
            if not os.access(parent, os.W_OK | os.X_OK) or _is_read_only(parent):
                return Answer(symptoms.SPOOL_BLOCKED, f"{spool_dir} (cannot be made in {parent})")
    except OSError as error:
        return Answer(symptoms.SPOOL_BLOCKED, f"{error.filename or spool_dir} ({error.strerror})")
    return Answer(symptoms.SPOOL_WRITABLE, str(spool_dir))


def _is_read_only(folder: Path) -> bool:
    """For root every folder is writable, on a read-only disk as well."""
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def _check_waiting(spool_dir: Path, spools: list[ExporterSpool], now: int) -> Answer:
    rows = [row for spool in spools for row in spool.waiting]
    if not rows:
        return Answer(symptoms.SPOOL_EMPTY, str(spool_dir))
    records, total = sum(row.records for row in rows), sum(row.bytes for row in rows)
    oldest = age(now - min(row.oldest_ns for row in rows))
    counted = f"{records} {plural(records, 'record')}"
    answer = Answer(
        symptoms.SPOOL_WAITS, f"{counted}, {size(total)}, the oldest {oldest} old, in {spool_dir}"
    )
    is_orphaned = not any(row.writers_alive for row in rows)
    return answer.also("no process that wrote them still runs" if is_orphaned else "")
