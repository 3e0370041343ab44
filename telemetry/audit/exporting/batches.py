# SPDX-License-Identifier: Apache-2.0
"""From lines to batches of spans, each with the place up to which it goes."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from telemetry.audit.errors import AuditError
from telemetry.audit.exporting.passing import PassingProof
from telemetry.audit.exporting.quick_spans import QuickSpanTexts
from telemetry.audit.exporting.spans import Carried
from telemetry.audit.files import archived_files
from telemetry.audit.lines import lines_of, read_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from telemetry.audit.exporting.options import ExportOptions
    from telemetry.audit.exporting.summary import Summary
    from telemetry.audit.reading.log_files import Chunk
    from telemetry.audit.reading.positions import Position

__all__ = ["FULL", "Batch", "Batches", "genesis_before"]

FULL: Final = 512 * 1024
"""Characters at which a batch is full: with one more span it is below the MiB that readers of files take."""


class Batch(NamedTuple):
    """Spans that go out together.

    Attributes:
        spans: Their texts; none where only malformed lines were read.
        position: The place behind the last row; None where there is no going back.
        carried: What the rows after it need of those before.
        proof: The state of the verification; None without keys.
    """

    spans: list[str]
    position: Position | None
    carried: Carried
    proof: dict[str, Any] | None


class Batches:
    """Turns the chunks of one log into batches.

    Args:
        options: How.
        summary: Counts rows and malformed lines.
        carried: What an earlier run left.
        proof: Likewise.
        has_positions: Whether the places are wanted.
    """

    def __init__(
        self,
        options: ExportOptions,
        summary: Summary,
        carried: Carried = Carried(),  # noqa: B008 - it cannot change
        proof: dict[str, Any] | None = None,
        *,
        has_positions: bool = False,
    ) -> None:
        if options.batch < 1:
            raise AuditError(f"batch={options.batch} is not possible; allowed: 1 or more spans")
        if options.ts not in ("start", "end"):
            raise AuditError(f"ts={options.ts!r} is not known; allowed: 'start', 'end'")
        self.texts = QuickSpanTexts(options, carried)
        self._most = options.batch
        self._summary = summary
        self._proof = PassingProof(options.key_ring, proof) if options.key_ring is not None else None
        self._has_positions = has_positions

    def of(self, chunks: Iterable[Chunk | None]) -> Iterator[Batch]:
        """Gives full batches, and at the end, or where a chunk is None, what there is."""
        spans: list[str] = []
        position: Position | None = None
        quick = self.texts.quick if self._proof is None else None
        for chunk in chunks:
            if chunk is None:
                if spans:
                    yield self._batch(spans, position)
                    spans = []
                continue
            offset, number, most = chunk.start, chunk.number - 1, self._most
            size = sum(map(len, spans))
            for line in chunk.lines:
                number += 1
                text = (quick and quick(line, offset)) or self._slow(line, chunk, number, offset)
                offset += len(line) + 1
                if not text:
                    continue
                spans.append(text)
                size += len(text)
                if len(spans) >= most or size >= FULL:
                    yield self._batch(spans, self._position(chunk, offset, number, line))
                    spans, size, position = [], 0, None
            position = self._position(chunk, offset, number, chunk.lines[-1])
        if spans or position is not None:
            yield self._batch(spans, position)

    def _batch(self, spans: list[str], position: Position | None) -> Batch:
        self._summary.rows += len(spans)
        proof = self._proof.state if self._proof is not None else None
        return Batch(spans, position, self.texts.carried, proof)

    def _slow(self, line: bytes, chunk: Chunk, number: int, offset: int) -> str:
        """Returns the span of a line that needs a closer look; empty when it is no row."""
        if not line.strip() and not chunk.problem:
            return ""
        row = chunk.problem or read_row(line)
        if isinstance(row, str):
            self._summary.skip(chunk.name, number, row)
            if self._proof is not None:
                self._proof.skip()
            return ""
        verified, problem = self._proof.check(line, row) if self._proof is not None else (None, "")
        if problem:
            self._summary.doubt(chunk.name, number, problem)
        return self.texts.span(line, row, offset, verified)

    def _position(self, chunk: Chunk, offset: int, number: int, line: bytes) -> Position | None:
        file = chunk.file
        if file is None or not self._has_positions:
            return None
        if number == chunk.number + len(chunk.lines) - 1:
            return file.here()
        return file.position(offset, number, line + b"\n")


def genesis_before(path: Path) -> str:
    """Returns the hash of the row that began the trail of a closed file; empty for other files."""
    named = re.fullmatch(r"(?P<stem>.+)-\d{8}T\d{6}Z-\d{12,}(?P<suffix>\.[^.]*|)", path.name)
    if named is None:
        return ""
    first = next(iter(archived_files(path.with_name(named["stem"] + named["suffix"]))), path)
    if first == path:
        return ""
    try:
        with first.open("rb") as file:
            for line in lines_of(file):
                if not isinstance(read_row(line), str):
                    return sha256(line.rstrip(b"\n")).hexdigest()
    except OSError:
        pass
    return ""
