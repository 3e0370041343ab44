# SPDX-License-Identifier: Apache-2.0
"""Send one point of each signal over HTTP and read the answer."""

from __future__ import annotations

import gzip
import http.client
import ssl
import time
from typing import TYPE_CHECKING, NamedTuple

from google.protobuf.message import DecodeError

from telemetry.diagnosis import symptoms
from telemetry.diagnosis.findings import Answer, Symptom
from telemetry.diagnosis.recognise import Speech, offers_http2, recognise
from telemetry.diagnosis.replies import quote, received
from telemetry.diagnosis.tls import explain_hang_up, explain_tls_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from telemetry.diagnosis.payload import Parcel
    from telemetry.diagnosis.proxies import Proxy
    from telemetry.diagnosis.targets import Target

__all__ = ["Reply", "explain_reply", "send_all"]

_PROTOBUF = "application/x-protobuf"
_BODY_BYTES = 65536
_BY_STATUS: dict[int, Symptom] = {
    401: symptoms.UNAUTHENTICATED,
    403: symptoms.FORBIDDEN,
    404: symptoms.WRONG_PATH,
    405: symptoms.WRONG_PATH,
    407: symptoms.PROXY_REFUSED,
    413: symptoms.TOO_LARGE,
    429: symptoms.THROTTLED,
}


class Reply(NamedTuple):
    """An HTTP answer."""

    status: int
    reason: str
    headers: dict[str, str]
    body: bytes


def send_all(
    target: Target,
    parcels: list[Parcel],
    context: ssl.SSLContext | None,
    proxy: Proxy | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[tuple[Parcel, Answer]]:
    """POST each parcel, as the exporter `otlp-http` does; end when there is no answer at all.

    Args:
        target: Where to.
        parcels: What.
        context: For TLS; None for plain text.
        proxy: What stands between.
        clock: Measures the latency, in seconds.
    """
    for parcel in parcels:
        started = clock()
        try:
            reply = _post(target, parcel, context, proxy)
        except ValueError:
            # The error quotes the header's value, which may be a secret.
            yield parcel, Answer(symptoms.BAD_HEADER, ", ".join(name for name, _ in target.headers))
            return
        except (OSError, http.client.HTTPException) as err:
            yield parcel, _explain_failure(err, target, context)
            return
        yield parcel, explain_reply(reply, parcel, clock() - started, target)


def _post(target: Target, parcel: Parcel, context: ssl.SSLContext | None, proxy: Proxy | None) -> Reply:
    host, port = (target.host, target.port) if proxy is None else (proxy.host, proxy.port)
    path = target.base_path + parcel.path
    headers = {"user-agent": "kairos-doctor", **dict(target.headers), "content-type": _PROTOBUF}
    connection: http.client.HTTPConnection
    if context is not None:
        connection = http.client.HTTPSConnection(host, port, timeout=target.timeout_s, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=target.timeout_s)
    if proxy is not None:
        authorization = {"proxy-authorization": proxy.authorization} if proxy.authorization else {}
        if context is not None:
            connection.set_tunnel(target.host, target.port, authorization)
        else:
            path = f"http://{target.address}{path}"
            headers |= {"host": target.address, **authorization}
    body = parcel.request.SerializeToString()
    if target.is_compressed:
        body = gzip.compress(body)
        headers["content-encoding"] = "gzip"
    try:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        fields = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, response.reason, fields, response.read(_BODY_BYTES))
    finally:
        connection.close()


def _explain_failure(
    err: OSError | http.client.HTTPException, target: Target, context: ssl.SSLContext | None
) -> Answer:
    """Say why no answer came, or none that is HTTP."""
    if isinstance(err, ssl.SSLError) and not isinstance(err, ssl.SSLEOFError):
        return explain_tls_error(err, target)
    if isinstance(err, TimeoutError):
        return Answer(symptoms.SILENT, f"{target.address}, within {target.timeout_s:g} s")
    if isinstance(err, OSError) and "Tunnel connection failed" in str(err):
        return Answer(symptoms.PROXY_REFUSED, quote(str(err), target))
    if isinstance(err, http.client.HTTPException) and not isinstance(err, http.client.RemoteDisconnected):
        return _explain_speech(target) or Answer(
            symptoms.NOT_OTLP, f"{target.address} does not answer in HTTP"
        )
    if context is not None:
        return explain_hang_up(target, context)
    return _explain_speech(target) or Answer(symptoms.CLOSED, target.address)


def _explain_speech(target: Target) -> Answer | None:
    """Whether HTTP was spoken to a port for something else."""
    if target.is_secure:
        is_grpc, is_tls = offers_http2(target.host, target.port, target.timeout_s), False
    else:
        speech = recognise(target.host, target.port, target.timeout_s)
        is_grpc, is_tls = speech is Speech.HTTP2, speech is Speech.TLS
    if is_tls:
        return Answer(symptoms.WANTS_TLS, target.address)
    if is_grpc:
        return Answer(symptoms.GRPC_PORT, f"{target.address} answers with HTTP/2")
    return None


def explain_reply(reply: Reply, parcel: Parcel, seconds: float, target: Target) -> Answer:
    """Say what an HTTP answer means for somebody who sends telemetry."""
    if 200 <= reply.status < 300:
        return _explain_success(reply, parcel, seconds, target)
    detail = f"HTTP {reply.status} {reply.reason}".rstrip() + f" for {target.base_path}{parcel.path}"
    if 300 <= reply.status < 400:
        return Answer(symptoms.REDIRECTED, detail).also(quote(reply.headers.get("location", ""), target))
    if reply.status == 400 and not target.is_secure:
        # Go and nginx answer plain text on a TLS port with a 400 in plain text.
        wrong_port = _explain_speech(target)
        if wrong_port is not None:
            return wrong_port
    fallback = symptoms.OVERLOADED if reply.status >= 500 else symptoms.REFUSED
    answer = Answer(_BY_STATUS.get(reply.status, fallback), detail)
    if "retry-after" in reply.headers:
        answer = answer.also(f"Retry-After: {quote(reply.headers['retry-after'], target)}")
    return answer.also(quote(_words(reply), target))


def _explain_success(reply: Reply, parcel: Parcel, seconds: float, target: Target) -> Answer:
    kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    if reply.body and kind == "text/html":
        return Answer(symptoms.NOT_OTLP, f"HTTP {reply.status} with a web page")
    response = parcel.response_type()
    if kind == _PROTOBUF:
        try:
            response.ParseFromString(reply.body)
        except DecodeError:
            return Answer(symptoms.NOT_OTLP, f"HTTP {reply.status} with a body that is no OTLP response")
    return received(parcel, response, seconds, target)


def _words(reply: Reply) -> str:
    """The server's words: the text body, or the readable part of a `google.rpc.Status`."""
    if reply.headers.get("content-type", "").startswith(_PROTOBUF):
        # A dependency of the OTLP exporters.
        from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # it has no type hints

        try:
            return str(Status.FromString(reply.body).message)
        except DecodeError:
            return ""
    return reply.body.decode("utf-8", "replace")
