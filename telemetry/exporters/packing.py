# SPDX-License-Identifier: Apache-2.0
"""Records into requests: in small pieces, none too large, and a bad record costs itself only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

from telemetry.spool.request import Request, new_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from telemetry.config.exporters import Signal

__all__ = ["MAX_REQUEST_BYTES", "Encoded", "Packer"]

MAX_REQUEST_BYTES: Final = 4 * 1024 * 1024 - 4096
"""The longest request: gRPC receivers take 4 MiB, and this leaves room for what others may add."""

_RecordT = TypeVar("_RecordT")


class Encoded(NamedTuple):
    """What became of a batch.

    Attributes:
        requests: To be sent, in the order of the records.
        oversized: Requests of a single record each that no receiver would take.
        unencodable: Number of records that cannot be expressed in OTLP, not even repaired.
    """

    requests: list[Request]
    oversized: list[Request]
    unencodable: int = 0


class Packer(Generic[_RecordT]):
    """Encodes the records of one batch.

    A message's bytes behind another's are one message with the repeated fields of both: so pieces
    are serialized on their own and put together afterwards.

    Args:
        signal: Whose records.
        serialize: Gives the request of some records; raises when it cannot express one.
        repair: Gives a copy of a record that can be expressed.
        pause: Called before each piece, and before what was encoded is put together.
        max_bytes: The longest request.
    """

    def __init__(
        self,
        signal: Signal,
        serialize: Callable[[Sequence[_RecordT]], bytes],
        repair: Callable[[_RecordT], _RecordT],
        pause: Callable[[], None],
        max_bytes: int = MAX_REQUEST_BYTES,
    ) -> None:
        self._signal = signal
        self._serialize = serialize
        self._repair = repair
        self._pause = pause
        self._max_bytes = max_bytes
        self._bodies: list[bytes] = []
        self._bytes = 0
        self._records = 0
        self._done = Encoded([], [])
        self._unencodable = 0

    def pack(self, pieces: Iterable[Sequence[_RecordT]]) -> Encoded:
        """Encodes everything; never raises for what a record holds."""
        for piece in pieces:
            self._pause()
            self._add(piece)
        self._pause()
        self._close_request()
        return self._done._replace(unencodable=self._unencodable)

    def _add(self, records: Sequence[_RecordT]) -> None:
        body = self._try(records)
        if len(records) > 1 and (body is None or len(body) > self._max_bytes):
            middle = len(records) // 2
            self._add(records[:middle])
            self._add(records[middle:])
            return
        if body is None:
            body = self._try_repaired(records[0])
        if body is None:
            self._unencodable += len(records)
        elif len(body) > self._max_bytes:
            self._done.oversized.append(new_request(self._signal, len(records), body))
        else:
            self._put(len(records), body)

    def _try(self, records: Sequence[_RecordT]) -> bytes | None:
        try:
            return self._serialize(records)
        except Exception:  # noqa: BLE001 - encoders raise all sorts, and so do users' objects inside records
            return None

    def _try_repaired(self, record: _RecordT) -> bytes | None:
        try:
            return self._serialize([self._repair(record)])
        except Exception:  # noqa: BLE001 - see above
            return None

    def _put(self, records: int, body: bytes) -> None:
        if self._bytes + len(body) > self._max_bytes:
            self._close_request()
        self._bodies.append(body)
        self._bytes += len(body)
        self._records += records

    def _close_request(self) -> None:
        if self._records:
            self._done.requests.append(new_request(self._signal, self._records, b"".join(self._bodies)))
        self._bodies, self._bytes, self._records = [], 0, 0
