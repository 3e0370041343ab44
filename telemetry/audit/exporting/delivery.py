# SPDX-License-Identifier: Apache-2.0
"""`audit export --endpoint`: rows are delivered when the receiver said so, and counted when it did."""

from __future__ import annotations

import os
import random
import time
import zlib
from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING, Final

from telemetry.audit.errors import AuditError
from telemetry.audit.exporting.batches import Batches, genesis_before
from telemetry.audit.exporting.checkpoint import Checkpoint, State, checkpoint_path
from telemetry.audit.exporting.documents import Documents
from telemetry.audit.exporting.endpoint import resolve
from telemetry.audit.exporting.export import POLL_S, TURN_CHUNKS
from telemetry.audit.exporting.receiver import Accepted, Later, Misdirected, Receiver, Refused
from telemetry.audit.exporting.summary import Summary, say_on_stderr
from telemetry.audit.plurals import plural
from telemetry.audit.reading.follow import Log
from telemetry.audit.reading.inputs import distinct, is_pipe, pipe_chunks, whole
from telemetry.audit.reading.stopping import Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from telemetry.audit.exporting.batches import Batch
    from telemetry.audit.exporting.options import DeliveryOptions, ExportOptions

__all__ = ["deliver"]

_RETRY_FOR_S: Final = 300.0
_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 5.0
_LONGEST_OBEYED_S: Final = 600.0
_GZIP: Final = 31  # zlib's window bits for the gzip format; its header then holds no time
_GZIP_LEVEL: Final = 4


def deliver(
    paths: Iterable[str | os.PathLike[str]],
    delivery: DeliveryOptions,
    options: ExportOptions,
    *,
    say: Callable[[str], None] = say_on_stderr,
) -> Summary:
    """Sends logs to a receiver of OTLP/HTTP, from where the last run stopped.

    A batch is sent until the receiver takes it. What it refuses for good (400, 413, 415, 422) ends the
    export, or is kept in `<checkpoint>.refused.jsonl` with `skip_refused`; other answers of its kind (401,
    403, 404, a page that is no OTLP, a certificate that is not trusted) always end it. Nothing is skipped
    without a word. With `delivery.follow` this returns after SIGTERM or SIGINT, when what was read has been
    delivered.

    Args:
        paths: Logs; `-` is standard input, which has no checkpoint.
        delivery: Where and how.
        options: How rows become spans.
        say: Takes messages for the person who runs this.

    Raises:
        AuditError: An option is wrong, a log cannot be read, or its checkpoint is in use.
    """
    summary = Summary(say)
    logs = distinct(paths)
    pipes = [path for path in logs if is_pipe(path)]
    if pipes and len(logs) > 1:
        raise AuditError(f"{str(pipes[0])!r} is a pipe, and a pipe can be delivered only alone")
    if delivery.checkpoint is not None and len(logs) > 1:
        raise AuditError("one checkpoint is for one log; name one log, or leave out --checkpoint")
    stop = Stop()
    receiver = Receiver(resolve(delivery))
    sender = _Sender(receiver, Documents(options), delivery, summary, stop)
    try:
        with ExitStack() as stack:
            stack.callback(receiver.close)
            stack.enter_context(stop if delivery.follow else nullcontext())
            if pipes:
                for batch in Batches(options, summary).of(pipe_chunks(pipes[0], stop)):
                    sender.ship(batch, None)
                    if summary.problem:
                        break
                return summary
            shipments = [stack.enter_context(_Shipment(path, delivery, options, summary)) for path in logs]
            _ship(shipments, sender, stop, summary, follow=delivery.follow)
    except OSError as error:
        raise AuditError(f"{error.filename or 'the log or its checkpoint'}: {error.strerror}") from error
    return summary


class _Shipment:
    """One log, its checkpoint, and what becomes of its rows."""

    def __init__(
        self, path: Path, delivery: DeliveryOptions, options: ExportOptions, summary: Summary
    ) -> None:
        self.checkpoint = Checkpoint(delivery.checkpoint or checkpoint_path(path))
        self._path = path
        self._options = options
        self._summary = summary

    def __enter__(self) -> _Shipment:
        state = self.checkpoint.__enter__().state
        self._is_seen = state.position is not None
        self._log = Log(self._path, state.position, self._summary)
        self._batches = Batches(self._options, self._summary, state.carried, state.proof, has_positions=True)
        self._batches.texts.begin(genesis_before(self._path))
        return self

    def __exit__(self, *_: object) -> None:
        self._log.close()
        self.checkpoint.__exit__()

    def whole(self, stop: Stop) -> Iterator[Batch]:
        return self._batches.of(whole(self._log, self._path, stop, is_seen=self._is_seen))

    def turn(self, stop: Stop) -> Iterator[Batch]:
        return self._batches.of(self._log.available(stop, TURN_CHUNKS))


def _ship(shipments: list[_Shipment], sender: _Sender, stop: Stop, summary: Summary, *, follow: bool) -> None:
    while not stop.is_set():
        is_idle = True
        for shipment in shipments:
            for batch in shipment.turn(stop) if follow else shipment.whole(stop):
                is_idle = False
                sender.ship(batch, shipment.checkpoint)
                if summary.problem:
                    return
        if not follow:
            return
        if is_idle:
            stop.wait(POLL_S)


class _Sender:
    """Sends batches one after the other, each until it is taken or refused."""

    def __init__(
        self,
        receiver: Receiver,
        documents: Documents,
        delivery: DeliveryOptions,
        summary: Summary,
        stop: Stop,
    ) -> None:
        self._receiver = receiver
        self._documents = documents
        self._endpoint = resolve(delivery)
        self._skip_refused = delivery.skip_refused
        self._retry_for_s = delivery.retry_for_s
        if self._retry_for_s is None and not delivery.follow:
            self._retry_for_s = _RETRY_FOR_S
        self._summary = summary
        self._stop = stop

    def ship(self, batch: Batch, checkpoint: Checkpoint | None) -> None:
        """Delivers a batch and moves the checkpoint; where it cannot, the summary has the problem."""
        if batch.spans and not self._deliver(batch, checkpoint):
            return
        if (
            checkpoint is not None
            and batch.position is not None
            and batch.position != checkpoint.state.position
        ):
            checkpoint.save(State(batch.position, batch.carried, batch.proof))

    def _deliver(self, batch: Batch, checkpoint: Checkpoint | None) -> bool:
        document = self._documents.document(batch.spans)
        body = zlib.compress(document, _GZIP_LEVEL, wbits=_GZIP) if self._endpoint.is_gzip else document
        reply = self._until_answered(body)
        summary, count = self._summary, len(batch.spans)
        if isinstance(reply, Accepted):
            rejected = min(reply.rejected, count)
            summary.delivered += count - rejected
            summary.rejected += rejected
            if rejected:
                summary.say(
                    f"{self._endpoint} took {count - rejected} of {count} {plural(count, 'span')}: "
                    f"{reply.message or 'it says no reason'}"
                )
            elif reply.message:
                summary.say(f"{self._endpoint} took all spans and says: {reply.message}")
            return True
        if isinstance(reply, Refused) and self._skip_refused and checkpoint is not None:
            kept = checkpoint.path.with_name(checkpoint.path.name + ".refused.jsonl")
            _append(kept, document + b"\n")
            summary.refused += count
            were = plural(count, "span was", "spans were")
            summary.say(f"{self._endpoint} {reply.reason}; its {count} {were} appended to {str(kept)!r}")
            return True
        again = (
            f"the next run goes on with {plural(count, 'it', 'them')}"
            if checkpoint is not None
            else plural(count, "it came through a pipe and is lost", "they came through a pipe and are lost")
        )
        hint = (
            "; to keep such spans in a file and go on, use --skip-refused"
            if isinstance(reply, Refused)
            else ""
        )
        left = f"{count} {plural(count, 'span is', 'spans are')} not delivered"
        summary.problem = f"{self._endpoint} {reply.reason}: {left}, {again}{hint}"
        return False

    def _until_answered(self, body: bytes) -> Accepted | Refused | Misdirected | Later:
        """Sends the same bytes until there is an answer that stands, or no time."""
        began, pause = time.monotonic(), _FIRST_PAUSE_S
        is_told = False
        while True:
            is_last = self._stop.is_set()
            reply = self._receiver.send(body)
            self._summary.requests += 1
            if not isinstance(reply, Later):
                if is_told:
                    self._summary.say(f"{self._endpoint} answers again")
                return reply
            wait = min(reply.after_s, _LONGEST_OBEYED_S) if reply.after_s is not None else 0.0
            wait = max(wait, pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads attempts, guards nothing
            spent = time.monotonic() - began
            if is_last or (self._retry_for_s is not None and spent + wait > self._retry_for_s):
                return reply
            if not is_told:
                is_told = True
                self._summary.say(f"{self._endpoint} {reply.reason}; trying again")
            self._stop.wait(wait)
            pause = min(pause * 2, _LONGEST_PAUSE_S)


def _append(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        os.write(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
