# SPDX-License-Identifier: Apache-2.0
"""OTLP over gRPC: one channel for all signals, bytes in and bytes out, one attempt at a time."""

from __future__ import annotations

import re
from threading import Lock
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from telemetry.exporters.answers import CREDENTIALS_HINT, MAX_ANSWER_BYTES, Speech, accepted
from telemetry.exporters.connection_trouble import SETUP_FAILED, UNKNOWN_CAUSE, explain
from telemetry.exporters.transport import Denied, Refused, RetryLater
from telemetry.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    import grpc

    from telemetry.config import Settings
    from telemetry.config.exporters import Signal
    from telemetry.exporters.transport import Reply
    from telemetry.spool.request import Request

__all__ = ["GrpcTransport"]

_SERVICES: Final[dict[Signal, str]] = {
    "metrics": "metrics.v1.MetricsService",
    "traces": "trace.v1.TraceService",
    "logs": "logs.v1.LogsService",
}
_OPTIONS: Final = (
    # How long one attempt to connect may take: a network that swallowed packets is asked again then.
    # gRPC's 20 seconds are more than a whole request has.
    ("grpc.min_reconnect_backoff_ms", 5_000),
    # gRPC waits up to two minutes between attempts to connect; ours are made when there is something to send.
    ("grpc.initial_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # A new channel must not find the broken connection of the old one, nor the application's.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", MAX_ANSWER_BYTES),
)
# OTLP specification, "OTLP/gRPC response": the codes after which a client tries again.
# RESOURCE_EXHAUSTED is one of them only when the server says when.
_RETRYABLE: Final = frozenset(
    {"CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"}
)
_DENIED: Final = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED"})
# How gRPC says that there is no connection; anything else comes from a server, or from a connection that was.
_UNREACHABLE: Final = ("failed to connect to all addresses", "errors resolving")
_RESOLVING: Final = re.compile(r"errors resolving (?:dns:/*)?(?P<where>\S+): ")
_TRYING: Final = re.compile(r".*last error: [A-Z_]+: ipv[46]:(?P<where>\S+): (?P<words>.*)", re.DOTALL)
_HANG_UP: Final = re.compile(
    r"(Stream removed \()?(recvmsg:|sendmsg:)?(Socket closed|Connection reset by peer|Broken pipe)"
)
_OUR_DEADLINE: Final = "Deadline Exceeded"  # a server that sends this code has words of its own


class GrpcTransport:
    """Sends over one gRPC channel, which comes into being with the first request. Thread-safe.

    Args:
        config: Endpoint, credentials, headers, compression.
        connect: Opens a channel.
    """

    def __init__(self, config: Settings, connect: Callable[[Settings], grpc.Channel] | None = None) -> None:
        self._config = config
        self._connect = connect or _connect
        target, is_insecure = config.grpc_target()
        self._speech = Speech(target, config)
        self._is_secure = not is_insecure
        self._line: _Line | None = None
        self._lock = Lock()  # guards the swap only: connecting reads files and imports gRPC
        self._is_closed = False

    def send(self, request: Request, timeout_s: float) -> Reply:
        """Makes one attempt that ends within `timeout_s`; never raises.

        Certificates that cannot be read, or that one side does not accept, are `Denied`: somebody
        has to act, and nothing is lost until then.
        """
        try:
            line = self._take()
        except Exception as error:  # noqa: BLE001 - files of certificates fail in many ways, and none may escape
            return Denied(self._speech.lament(SETUP_FAILED, f"{type(error).__name__}: {error}"))
        if line is None:
            return RetryLater(self._speech.say("is not sent to any more: the exporter is shut down"))
        try:
            return self._attempt(line, request, timeout_s)
        except Exception as error:  # noqa: BLE001 - a transport answers, whatever gRPC meets
            return RetryLater(self._speech.say("was not sent to", f"{type(error).__name__}: {error}"))
        finally:
            self._give_back(line)

    def close(self) -> None:
        """Cuts running attempts short; later ones fail with `RetryLater`. Does not wait."""
        with self._lock:
            line, self._line = self._line, None
            self._is_closed = True
        if line is not None:
            line.channel.close()

    def _attempt(self, line: _Line, request: Request, timeout_s: float) -> Reply:
        import grpc

        try:
            body = line.calls[request.signal](
                request.body,
                timeout=timeout_s,
                metadata=(*line.metadata, ("idempotency-key", request.batch_id)),
                compression=line.compression,
                wait_for_ready=False,
            )
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            details = error.details() or ""
            if code is grpc.StatusCode.CANCELLED and self._is_closed:
                return self._speech.cut_short()
            if code is grpc.StatusCode.DEADLINE_EXCEEDED and details == _OUR_DEADLINE:
                self._replace(line)  # its connection may be dead without knowing
                return self._speech.too_late(timeout_s)
            if details.startswith(_UNREACHABLE):
                self._replace(line)  # it would answer so until its own time to connect again has come
                return self._unreached(details)
            return self._reply_of(code.name, details, _status_details(error))
        return accepted(request.signal, body, self._speech)

    def _reply_of(self, code: str, details: str, status: bytes) -> Reply:
        after_s = _pause(status)
        words = self._speech.say(f"answered {code}", details)
        if code in _DENIED:
            return Denied(f"{words}; {CREDENTIALS_HINT}")
        if code == "UNAVAILABLE":
            if _HANG_UP.match(details):
                return RetryLater(self._speech.say("closed the connection without an answer"))
            return RetryLater(self._speech.say("is not available", details), after_s)
        if code in _RETRYABLE or (code == "RESOURCE_EXHAUSTED" and after_s is not None):
            return RetryLater(words, after_s)
        return Refused(words)

    def _unreached(self, details: str) -> Reply:
        """Says why there is no connection, and to which address when that is not what the settings say."""
        found = _TRYING.match(details)
        words = found["words"] if found else details
        found = found or _RESOLVING.match(details)
        place = self._speech.endpoint
        # The name's address, or a proxy's, which gRPC takes from the environment.
        if found and (where := unquote(found["where"])) != place:
            place += f" ({self._speech.quote(where)})"
        trouble = explain(words, is_secure=self._is_secure) or UNKNOWN_CAUSE
        text = self._speech.lament(trouble, words, place)
        return Denied(text) if trouble.needs_somebody else RetryLater(text)

    def _take(self) -> _Line | None:
        with self._lock:
            line = None if self._is_closed else self._line
            if line is not None:
                line.users += 1
            if line is not None or self._is_closed:
                return line
        made = _Line(self._connect(self._config), self._config)
        with self._lock:
            is_kept = not self._is_closed and self._line is None
            if is_kept:
                self._line = made
                made.users += 1
        if is_kept:
            return made
        made.channel.close()  # another thread was faster, or the end came in between
        return self._take()

    def _replace(self, line: _Line) -> None:
        with self._lock:
            if self._line is line:
                self._line = None  # others may still be using it: the last one closes it

    def _give_back(self, line: _Line) -> None:
        with self._lock:
            line.users -= 1
            is_over = line.users == 0 and self._line is not line
        if is_over:
            line.channel.close()


class _Line:
    """A channel and what every call over it needs; `users` counts the calls under way."""

    def __init__(self, channel: grpc.Channel, config: Settings) -> None:
        import grpc

        self.channel = channel
        self.users = 0
        self.calls = {
            signal: channel.unary_unary(f"/opentelemetry.proto.collector.{service}/Export", None, None)
            for signal, service in _SERVICES.items()
        }
        self.compression = (
            grpc.Compression.Gzip if config.otlp_compression == "gzip" else grpc.Compression.NoCompression
        )
        self.metadata = tuple(
            (name, value) for name, value in config.headers().items() if name != "user-agent"
        )


def _connect(config: Settings) -> grpc.Channel:
    import grpc

    target, is_insecure = config.grpc_target()
    agent = config.headers().get("user-agent", f"kairos-telemetry/{__version__}")
    options = (*_OPTIONS, ("grpc.primary_user_agent", agent))
    if is_insecure:
        return grpc.insecure_channel(target, options)
    from telemetry.exporters.grpc_credentials import credentials

    return grpc.secure_channel(target, credentials(config), options)


def _status_details(error: grpc.RpcError) -> bytes:
    metadata: Any = error.trailing_metadata() or ()  # pairs, whatever the stubs say
    found = [value for key, value in metadata if key == "grpc-status-details-bin"]
    return found[0] if found else b""


def _pause(status: bytes) -> float | None:
    from telemetry.classification.retry_info import of_status

    try:
        return of_status(status)
    except ValueError:  # damaged details: the code alone decides
        return None
