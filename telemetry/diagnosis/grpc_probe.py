# SPDX-License-Identifier: Apache-2.0
"""Send one point of each signal over gRPC and read the answer."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

from telemetry.diagnosis import symptoms
from telemetry.diagnosis.findings import Answer, Symptom
from telemetry.diagnosis.replies import received

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from telemetry.diagnosis.payload import Parcel
    from telemetry.diagnosis.targets import Target

__all__ = ["explain_status", "send_all"]

_BY_STATUS: dict[grpc.StatusCode, Symptom] = {
    grpc.StatusCode.UNAUTHENTICATED: symptoms.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED: symptoms.FORBIDDEN,
    grpc.StatusCode.UNIMPLEMENTED: symptoms.NOT_ENABLED,
    grpc.StatusCode.RESOURCE_EXHAUSTED: symptoms.THROTTLED,
    grpc.StatusCode.UNAVAILABLE: symptoms.OVERLOADED,
    grpc.StatusCode.DEADLINE_EXCEEDED: symptoms.SILENT,
}
# gRPC has one status for many causes; its words tell them apart. First match wins.
_BY_WORDS: tuple[tuple[str, Symptom], ...] = (
    ("http2 header with status: 40", symptoms.HTTP_PORT),
    ("http2 header with status: 41", symptoms.HTTP_PORT),
    ("http2 header with status: 3", symptoms.REDIRECTED),
    ("http proxy returned response code", symptoms.PROXY_REFUSED),
    ("invalid metadata", symptoms.BAD_HEADER),
    ("larger than max", symptoms.TOO_LARGE),
    ("certificate_verify_failed", symptoms.UNTRUSTED),
    ("is not in peer certificate", symptoms.WRONG_NAME),
    ("dns resolution failed", symptoms.UNKNOWN_HOST),
    ("connection refused", symptoms.NOTHING_LISTENS),
)
_HTTP_DENIALS = ("http2 header with status: 401", "http2 header with status: 403")


def send_all(
    target: Target, parcels: list[Parcel], clock: Callable[[], float] = time.monotonic
) -> Iterator[tuple[Parcel, Answer]]:
    """Send each parcel over one channel, set up as the exporter `otlp` does.

    Args:
        target: Where to.
        parcels: What.
        clock: Measures the latency, in seconds.
    """
    with _channel(target) as channel:
        for parcel in parcels:
            yield parcel, _send(channel, target, parcel, clock)


def _channel(target: Target) -> grpc.Channel:
    compression = grpc.Compression.Gzip if target.is_compressed else grpc.Compression.NoCompression
    if not target.is_secure:
        return grpc.insecure_channel(target.address, compression=compression)
    credentials = grpc.ssl_channel_credentials(
        _read(target.certificate), _read(target.client_key), _read(target.client_certificate)
    )
    return grpc.secure_channel(target.address, credentials, compression=compression)


def _read(path: str | None) -> bytes | None:
    return None if path is None else Path(path).read_bytes()


def _send(channel: grpc.Channel, target: Target, parcel: Parcel, clock: Callable[[], float]) -> Answer:
    call = channel.unary_unary(
        parcel.method,
        request_serializer=lambda request: request.SerializeToString(),
        response_deserializer=parcel.response_type.FromString,
    )
    metadata = tuple((name.lower(), value) for name, value in target.headers)
    started = clock()
    try:
        response = call(parcel.request, timeout=target.timeout_s, metadata=metadata)
    except grpc.RpcError as err:
        return explain_status(err.code(), err.details() or "", target)
    return received(parcel, response, clock() - started, target)


def explain_status(code: grpc.StatusCode, details: str, target: Target) -> Answer:
    """Say what a gRPC status means for somebody who sends telemetry."""
    words = details.lower()
    symptom = _BY_STATUS.get(code, symptoms.REFUSED)
    if not any(denial in words for denial in _HTTP_DENIALS):
        symptom = next((meant for needle, meant in _BY_WORDS if needle in words), symptom)
    return Answer(symptom, f"gRPC status {code.name}" + (f', "{target.mask(details)}"' if details else ""))
