# SPDX-License-Identifier: Apache-2.0
"""An OTLP receiver that fails to order and counts what arrived: for tests of what a fault costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, cast

from telemetry.testing.receiver_books import Books, total
from telemetry.testing.receiver_desk import Desk
from telemetry.testing.receiver_gate import HOST
from telemetry.testing.receiver_grpc import GrpcSide
from telemetry.testing.receiver_http import HttpSide
from telemetry.testing.receiver_orders import GRPC_CODE_OF, Fault, Kind, Orders

if TYPE_CHECKING:
    from datetime import datetime
    from types import TracebackType

    from telemetry.config.exporters import Signal
    from telemetry.testing.received import ReceivedLog, ReceivedPoint, ReceivedRequest, ReceivedSpan

__all__ = ["FaultyReceiver"]


class FaultyReceiver:
    """A real OTLP receiver over gRPC and HTTP on free ports of 127.0.0.1, whose faults you order.

        with FaultyReceiver() as receiver:
            pipeline = telemetry.init("s", "1", exporter="otlp", otlp_endpoint=receiver.grpc_endpoint)
            receiver.fail(times=2, status=503, retry_after=1)
            with telemetry.observe("tool", name="fetch"):
                ...
            pipeline.force_flush(10)
            assert [span.name for span in receiver.spans()] == ["fetch"]
            assert receiver.duplicated("traces") == 0

    Orders are carried out in the order they were given; a request takes the first one that is meant for
    its signal. `signal=None` means all, `times=None` all until `heal()`. Without an order requests are
    accepted. Both protocols share orders and books.

    A record is counted by its identity: a span by trace and span id; a log record and a data point by
    their whole content, time and resource included. So `delivered` and `duplicated` are exact.

    It starts when it is made and ends with the block, or with `close()`. Thread-safe; one that is to
    outlive the code under test belongs in another process.

    Args:
        max_request_bytes: Larger requests are refused (gRPC RESOURCE_EXHAUSTED, HTTP 413). gRPC's default.
        max_records: Records of one signal that are kept; then requests get RESOURCE_EXHAUSTED or 429.
        max_requests: Requests that `requests` remembers.
    """

    def __init__(
        self,
        *,
        max_request_bytes: int = 4 * 1024 * 1024,
        max_records: int = 1_000_000,
        max_requests: int = 10_000,
    ) -> None:
        self._orders = Orders()
        self._books = Books(max_records, max_requests)
        self._desk = Desk(self._orders, self._books)
        self._grpc = GrpcSide(self._desk, max_request_bytes)
        self._http = HttpSide(self._desk, max_request_bytes)
        self._sides = (self._grpc, self._http)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def grpc_endpoint(self) -> str:
        """`otlp_endpoint` for the exporter `otlp`."""
        return f"{HOST}:{self._grpc.gate.port}"

    @property
    def http_endpoint(self) -> str:
        """`otlp_endpoint` for the exporter `otlp-http`."""
        return f"http://{HOST}:{self._http.gate.port}"

    # -- the whole receiver ----------------------------------------------------------------

    def refuse(self) -> None:
        """Is down: connections are broken and new ones refused, until `accept()`.

        What is being stored is answered before, for a second at most; to lose answers, order `reset`.
        """
        self._desk.go_down()
        for side in self._sides:
            side.gate.shut()

    def accept(self) -> None:
        """Is up again, on the same ports."""
        self._desk.go_up()
        for side in self._sides:
            side.gate.open()

    def freeze(self) -> None:
        """Accepts connections and lets no byte through, as a host does that stopped; until `thaw()`."""
        for side in self._sides:
            side.gate.freeze()

    def thaw(self) -> None:
        """Lets everything through again, also what was held back."""
        for side in self._sides:
            side.gate.thaw()

    # -- orders for requests ---------------------------------------------------------------

    def fail(
        self,
        *,
        times: int | None = None,
        signal: Signal | None = None,
        status: int = 503,
        code: str | None = None,
        message: str = "to order",
        retry_after: float | datetime | None = None,
        retry_info: float | None = None,
        is_stored: bool = False,
    ) -> None:
        """Answers with an error.

        Args:
            times: For so many requests.
            signal: For requests of this signal.
            status: HTTP status.
            code: gRPC code, as `UNAVAILABLE`; default: the one that belongs to the status.
            message: What the answer says.
            retry_after: `Retry-After` of HTTP, in seconds or as a date in UTC. Seconds are also told over
                gRPC, as RetryInfo, unless `retry_info` is given.
            retry_info: `RetryInfo` in seconds: gRPC's `grpc-status-details-bin`, HTTP's `Status` body.
            is_stored: Whether the records are kept all the same.
        """
        over_grpc = code or GRPC_CODE_OF.get(status, "UNKNOWN")
        if retry_info is None and isinstance(retry_after, (int, float)):
            retry_info = retry_after
        self._orders.give(
            Fault(
                Kind.FAIL,
                is_stored=is_stored,
                status=status,
                code=over_grpc,
                message=message,
                retry_after=retry_after,
                retry_info_s=retry_info,
            ),
            times,
            signal,
        )

    def redirect(
        self, location: str, *, status: int = 302, times: int | None = None, signal: Signal | None = None
    ) -> None:
        """Sends HTTP requests elsewhere; gRPC, which has no redirects, hears UNKNOWN."""
        fault = Fault(Kind.FAIL, is_stored=False, status=status, code="UNKNOWN", location=location)
        self._orders.give(fault, times, signal)

    def hang(
        self, *, times: int | None = None, signal: Signal | None = None, is_stored: bool = False
    ) -> None:
        """Takes requests and never answers; `heal()` breaks their connections."""
        self._orders.give(Fault(Kind.HANG, is_stored=is_stored), times, signal)

    def delay(self, seconds: float, *, times: int | None = None, signal: Signal | None = None) -> None:
        """Accepts requests, but looks at each only after so many seconds; not at those given up meanwhile."""
        self._orders.give(Fault(delay_s=seconds), times, signal)

    def reset(
        self, *, times: int | None = None, signal: Signal | None = None, is_stored: bool = False
    ) -> None:
        """Breaks the connection instead of answering: `is_stored` decides whether the records were kept."""
        self._orders.give(Fault(Kind.RESET, is_stored=is_stored), times, signal)

    def reject(
        self,
        records: int,
        *,
        message: str = "to order",
        times: int | None = None,
        signal: Signal | None = None,
    ) -> None:
        """Accepts requests but for their first so many records: OTLP's partial success."""
        self._orders.give(Fault(rejected=records, message=message), times, signal)

    def garble(
        self, *, times: int | None = None, signal: Signal | None = None, is_stored: bool = True
    ) -> None:
        """Answers with success and a body that is no OTLP message."""
        self._orders.give(Fault(Kind.GARBLE, is_stored=is_stored), times, signal)

    def heal(self) -> None:
        """Withdraws all orders; is up again, and lets everything through."""
        self._orders.withdraw()
        self.thaw()
        self.accept()

    # -- what arrived ----------------------------------------------------------------------

    def delivered(self, signal: Signal) -> int:
        """Return how many different records were stored."""
        return self._books.delivered(signal)

    def duplicated(self, signal: Signal) -> int:
        """Return how many records were stored that had been stored before."""
        return self._books.duplicated(signal)

    def repetitions(self, signal: Signal) -> list[ReceivedSpan] | list[ReceivedLog] | list[ReceivedPoint]:
        """Return the records that were stored again, once for every time."""
        return cast("list[ReceivedSpan]", self._books.repetitions(signal))

    def spans(self) -> list[ReceivedSpan]:
        """Return the stored spans, each once, in the order of their first arrival."""
        return cast("list[ReceivedSpan]", self._books.values("traces"))

    def logs(self) -> list[ReceivedLog]:
        """Return the stored log records, each once, in the order of their first arrival."""
        return cast("list[ReceivedLog]", self._books.values("logs"))

    def points(self) -> list[ReceivedPoint]:
        """Return the stored data points, each once, in the order of their first arrival."""
        return cast("list[ReceivedPoint]", self._books.values("metrics"))

    def total(self, name: str, **attributes: object) -> float:
        """Return the value of a sum over all its series, processes and restarts.

        Of cumulative series the last points are added up, of delta series all points.

        Args:
            name: Name of the metric.
            **attributes: Attributes that a series must have, perhaps among others.
        """
        return total(self.points(), name, attributes)

    def requests(self, signal: Signal | None = None) -> list[ReceivedRequest]:
        """Return the requests that arrived whole, also those that were not stored, in their order."""
        return [request for request in self._books.requests() if signal in (None, request.signal)]

    def clear(self) -> None:
        """Forgets what arrived; orders stay."""
        self._books.clear()

    def close(self) -> None:
        """Ends both servers and lets go of the ports."""
        self._orders.withdraw()
        for side in self._sides:
            side.close()
