# SPDX-License-Identifier: Apache-2.0
"""What a receiver says: how much of a request it took, and its words made fit for people to read."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from telemetry.exporters.transport import Accepted, Denied, RetryLater
from telemetry.text import clip

if TYPE_CHECKING:
    from telemetry.config import Settings
    from telemetry.config.exporters import Signal
    from telemetry.exporters.connection_trouble import Trouble

__all__ = ["CREDENTIALS_HINT", "MAX_ANSWER_BYTES", "Speech", "accepted"]

MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024
"""The longest answer that is read; OTLP's own have some hundred bytes."""

CREDENTIALS_HINT: Final = "check otlp_token and otlp_headers"
"""What to do about an answer that the credentials are not accepted."""

_WORDS_BYTES: Final = 500
_SHORTEST_SECRET: Final = 4  # a shorter one is no secret, and would tear holes into every text
_RESPONSES: Final = {
    "metrics": ("metrics.v1.metrics_service_pb2", "ExportMetricsServiceResponse", "rejected_data_points"),
    "traces": ("trace.v1.trace_service_pb2", "ExportTraceServiceResponse", "rejected_spans"),
    "logs": ("logs.v1.logs_service_pb2", "ExportLogsServiceResponse", "rejected_log_records"),
}


def accepted(signal: Signal, body: bytes, speech: Speech) -> Accepted | Denied:
    """Reads the answer to a request that the receiver says it took.

    Source: OTLP specification, "Partial success": the number may be 0, then the message is a warning.

    Args:
        signal: Whose records the request held.
        body: The serialized response; empty means that everything was taken.
        speech: Makes its message readable.

    Returns:
        What was taken; `Denied` when the answer is none of OTLP's: then nobody knows, so the request is
        kept and tried again slowly until somebody has looked.
    """
    if not body:
        return Accepted()
    from google.protobuf.message import DecodeError  # only for answers that say something

    module, name, field = _RESPONSES[signal]
    response: Any = getattr(import_module(f"opentelemetry.proto.collector.{module}"), name)()
    try:
        response.ParseFromString(body)
    except DecodeError:
        return Denied(speech.foreign(f"{len(body)} bytes that are no {name}"))
    partial = response.partial_success
    return Accepted(max(0, getattr(partial, field)), speech.quote(partial.error_message))


class Speech:
    """The words about one receiver: its name in front, no secret inside.

    Args:
        endpoint: The receiver's address, without user and password.
        config: Header values and the token in it never appear in a text.
    """

    def __init__(self, endpoint: str, config: Settings) -> None:
        self.endpoint = endpoint
        secrets = [*config.headers().values()]
        if config.otlp_token is not None:
            secrets.append(config.otlp_token.get_secret_value())
        secrets += [secret.rpartition(" ")[2] for secret in secrets]  # the key of "Bearer <key>" alone, too
        self._secrets = sorted(
            {secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}, key=len, reverse=True
        )

    def say(self, words: str, quoted: str = "") -> str:
        """Returns `<endpoint> <words>`, and in quotes what the server or the system said about it."""
        quoted = self.quote(quoted)
        return f'{self.endpoint} {words}: "{quoted}"' if quoted else f"{self.endpoint} {words}"

    def too_late(self, timeout_s: float) -> RetryLater:
        """Returns the reply after an attempt whose time was over."""
        return RetryLater(self.say(f"did not answer within {timeout_s:.3g} s"), is_unanswered=True)

    def cut_short(self) -> RetryLater:
        """Returns the reply after an attempt during which the transport was closed."""
        return RetryLater(self.say("had not answered when the attempt was cut short"), is_unanswered=True)

    def lament(self, trouble: Trouble, details: str, place: str | None = None) -> str:
        """Returns why the receiver could not be talked to.

        Args:
            trouble: The cause.
            details: What gRPC or the system said, for causes that have no name of their own.
            place: The receiver's address, perhaps with more about the way to it; default: the endpoint.
        """
        said = f': "{self.quote(details)}"' if trouble.wants_details else ""
        return f"{trouble.before}{place or self.endpoint}{trouble.after}{said}"

    def quote(self, words: str) -> str:
        """Returns somebody else's words on one line, without secrets, and not too long."""
        line = " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())
        for secret in self._secrets:
            line = line.replace(secret, "****")
        return clip(line, _WORDS_BYTES)

    def foreign(self, what: str) -> str:
        """Returns the words about an answer that no OTLP receiver gives."""
        return self.say(
            f"says that it took the request but answered {self.quote(what)}: it is no OTLP receiver. "
            "Let otlp_endpoint name one"
        )
