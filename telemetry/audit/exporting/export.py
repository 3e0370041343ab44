# SPDX-License-Identifier: Apache-2.0
"""`audit export` to a stream: OTLP/JSON documents, one on a line."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, BinaryIO, Final

from telemetry.audit.errors import AuditError
from telemetry.audit.exporting.batches import Batches, genesis_before
from telemetry.audit.exporting.documents import Documents
from telemetry.audit.exporting.summary import Summary, say_on_stderr
from telemetry.audit.reading.follow import Log
from telemetry.audit.reading.inputs import distinct, is_pipe, pipe_chunks, whole
from telemetry.audit.reading.stopping import Stop

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from telemetry.audit.exporting.batches import Batch
    from telemetry.audit.exporting.options import ExportOptions

__all__ = ["POLL_S", "TURN_CHUNKS", "export_to"]

POLL_S: Final = 0.05
"""Pause between two looks at a log that is followed."""
TURN_CHUNKS: Final = 16
"""Blocks of one log that are read before the next log has its turn."""


def export_to(
    stream: BinaryIO,
    paths: Iterable[str | os.PathLike[str]],
    options: ExportOptions,
    *,
    follow: bool = False,
    say: Callable[[str], None] = say_on_stderr,
) -> Summary:
    """Writes logs as OTLP/JSON, one document on a line.

    A document holds up to `options.batch` spans; while following it holds what was there. Malformed lines
    are counted and named. Where `follow` is set, this returns after SIGTERM or SIGINT.

    Args:
        stream: Where documents go; each is written whole and flushed.
        paths: Logs; `-` is standard input. Closed files of a trail are read with its live file.
        options: How rows become spans.
        follow: Go on with what is appended.
        say: Takes messages for the person who runs this.

    Raises:
        AuditError: A log does not exist or cannot be read, or an option is wrong.
    """
    summary = Summary(say)
    documents = Documents(options)
    logs = distinct(paths)
    stop = Stop()
    try:
        with stop if follow else nullcontext():
            batches = (
                _followed(logs, options, summary, stop) if follow else _once(logs, options, summary, stop)
            )
            for batch in batches:
                if batch.spans:
                    stream.write(documents.document(batch.spans, "\n"))
                    stream.flush()
    except BrokenPipeError:
        summary.problem = "the reader of the output has gone before its end"
    except OSError as error:
        raise AuditError(f"{error.filename or 'the log or the output'}: {error.strerror}") from error
    return summary


def _once(logs: list[Path], options: ExportOptions, summary: Summary, stop: Stop) -> Iterator[Batch]:
    for path in logs:
        batches = Batches(options, summary)
        if is_pipe(path):
            yield from batches.of(pipe_chunks(path, stop))
            continue
        batches.texts.begin(genesis_before(path))
        log = Log(path, None, summary)
        try:
            yield from batches.of(whole(log, path, stop, is_seen=False))
        finally:
            log.close()


def _followed(logs: list[Path], options: ExportOptions, summary: Summary, stop: Stop) -> Iterator[Batch]:
    pipes = [path for path in logs if is_pipe(path)]
    if pipes and len(logs) > 1:
        raise AuditError(f"{str(pipes[0])!r} is a pipe, and a pipe can be followed only alone")
    if pipes:
        yield from Batches(options, summary).of(pipe_chunks(pipes[0], stop))
        return
    turns = [(Log(path, None, summary), Batches(options, summary)) for path in logs]
    for path, (_, batches) in zip(logs, turns, strict=True):
        batches.texts.begin(genesis_before(path))
    try:
        while not stop.is_set():
            is_idle = True
            for log, batches in turns:
                for batch in batches.of(log.available(stop, TURN_CHUNKS)):
                    is_idle = False
                    yield batch
            if is_idle:
                stop.wait(POLL_S)
    finally:
        for log, _ in turns:
            log.close()
