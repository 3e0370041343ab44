# SPDX-License-Identifier: Apache-2.0
"""OTLP over HTTP with protobuf bodies: one session for all signals, one attempt at a time."""

from __future__ import annotations

import zlib
from threading import Lock
from time import time
from typing import TYPE_CHECKING, Any, Final

from telemetry.exporters.answers import Speech
from telemetry.exporters.connection_trouble import SETUP_FAILED, explain
from telemetry.exporters.transport import Denied, RetryLater

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from telemetry.config import Settings
    from telemetry.exporters.http_attempt import Attempt
    from telemetry.exporters.http_session import PinnedSession
    from telemetry.exporters.transport import Reply
    from telemetry.spool.request import Request

__all__ = ["HttpTransport"]

_TAKEN_BYTES: Final = 1024 * 1024
_FAILURE_BYTES: Final = 64 * 1024
_GZIP: Final = 31  # zlib's window bits for the gzip format; its header then holds no time


class HttpTransport:
    """Sends over one session, which comes into being with the first request. Thread-safe.

    Args:
        config: Endpoint, certificates, headers, compression.
        now_s: The wall clock, for a `Retry-After` that is a date.
    """

    def __init__(self, config: Settings, now_s: Callable[[], float] = time) -> None:
        self._config = config
        self._base = config.http_base_url()
        self._speech = Speech(self._base, config)
        self._now_s = now_s
        self._session: PinnedSession | None = None
        self._running: set[Attempt] = set()
        self._lock = Lock()  # guards the members only: opening a session reads files
        self._is_closed = False

    def send(self, request: Request, timeout_s: float) -> Reply:
        """Makes one attempt that ends within `timeout_s`; never raises.

        Certificates that cannot be read, or that one side does not accept, are `Denied`: somebody
        has to act, and nothing is lost until then.
        """
        try:
            from telemetry.exporters.http_attempt import Attempt

            attempt = Attempt(timeout_s)
            session = self._begin(attempt)
            if session is None:
                return RetryLater(self._speech.say("is not sent to any more: the exporter is shut down"))
            try:
                with attempt.running():
                    return self._attempt(session, attempt, request)
            finally:
                with self._lock:
                    self._running.discard(attempt)
        except Exception as error:  # noqa: BLE001 - a transport answers, whatever requests and its parts raise
            return self._failed(error, timeout_s)

    def close(self) -> None:
        """Cuts running attempts short; later ones fail with `RetryLater`. Does not wait."""
        with self._lock:
            session, self._session = self._session, None
            running = list(self._running)
            self._is_closed = True
        for attempt in running:
            attempt.cut()
        if session is not None:
            session.close()

    def _begin(self, attempt: Attempt) -> PinnedSession | None:
        with self._lock:
            if self._is_closed:
                return None
            self._running.add(attempt)
            session = self._session
        return session or self._open()

    def _open(self) -> PinnedSession | None:
        from telemetry.exporters.http_session import PinnedSession

        config = self._config
        made = PinnedSession(
            self._base,
            headers=config.headers(),
            certificate=config.otlp_certificate,
            client_certificate=config.otlp_client_certificate,
            client_key=config.otlp_client_key,
        )
        with self._lock:
            if not self._is_closed and self._session is None:
                self._session = made
            kept = self._session
        if kept is not made:  # another thread was faster, or the end came in between
            made.close()
        return kept

    def _attempt(self, session: PinnedSession, attempt: Attempt, request: Request) -> Reply:
        from telemetry.exporters.http_replies import Answer, reply_of

        body, headers = request.body, {"idempotency-key": request.batch_id}
        if self._config.otlp_compression == "gzip":
            body, headers["content-encoding"] = zlib.compress(body, wbits=_GZIP), "gzip"
        url = f"{self._base}/v1/{request.signal}"
        with session.send_otlp(url, body, headers, attempt.left_s()) as response:
            is_taken = 200 <= response.status_code < 300
            limit = _TAKEN_BYTES if is_taken else _FAILURE_BYTES
            try:
                text = response.raw.read(limit + 1, decode_content=True)
            except Exception:
                if is_taken:
                    raise
                text = b""  # the status says it all
            if len(text) > limit and is_taken:
                return Denied(self._speech.foreign(f"with more than {limit} bytes"))
            answer = Answer(response.status_code, response.reason or "", response.headers, text[:limit])
        return reply_of(request.signal, answer, self._speech, self._now_s)

    def _failed(self, error: Exception, timeout_s: float) -> Reply:
        if self._is_closed:
            return self._speech.cut_short()
        causes = list(_causes(error))
        if any(isinstance(each, TimeoutError) for each in causes):
            return self._speech.too_late(timeout_s)
        words = [f"{type(each).__name__}: {each}" for each in reversed(causes)]  # the root comes last
        is_secure = self._base.startswith("https:")
        trouble = next(filter(None, (explain(each, is_secure=is_secure) for each in words)), None)
        if any(isinstance(each, FileNotFoundError) or "invalid path" in str(each) for each in causes):
            trouble = SETUP_FAILED  # the settings were checked, but files vanish
        if trouble is None:
            return RetryLater(self._speech.say("is not available", words[0]))
        is_proxy = any(type(each).__name__ == "ProxyError" for each in causes)
        place = f"{self._base} through the proxy" if is_proxy else self._base
        text = self._speech.lament(trouble, str(causes[-1]), place)
        return Denied(text) if trouble.needs_somebody else RetryLater(text)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and what it was raised for; urllib3 and requests hide that in several places."""
    seen: set[int] = set()
    waiting: list[Any] = [error]
    while waiting:
        each = waiting.pop()
        if isinstance(each, BaseException) and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [each.__context__, getattr(each, "reason", None), each.__cause__, *each.args]
