# SPDX-License-Identifier: Apache-2.0
"""`prometheus`: an HTTP endpoint that Prometheus scrapes; every scrape is a collection."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics.export import MetricReader
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import make_wsgi_app
from prometheus_client.registry import Collector

from telemetry.errors import TelemetryError
from telemetry.exporters.base import Exporters
from telemetry.exporters.prometheus_families import families
from telemetry.exporters.scrape_server import ScrapeServer, asking_for, tls_context

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ssl import SSLContext
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from opentelemetry.sdk.metrics.export import MetricsData
    from prometheus_client.metrics_core import Metric as Family

    from telemetry.config import Settings

__all__ = ["PrometheusReader", "build"]

_log = logging.getLogger(__name__)
_LAST_SCRAPE_S = 1.0


def build(config: Settings) -> Exporters:
    """Build the exporter; the endpoint is open when this returns. It carries metrics only.

    Raises:
        TelemetryError: The address cannot be listened on, or a file for TLS cannot be read any more.
    """
    certificate, key, token = config.prometheus_certificate, config.prometheus_key, config.prometheus_token
    try:
        tls = tls_context(certificate, key) if certificate and key else None
    except OSError as error:
        raise TelemetryError(
            f"prometheus_certificate: {str(certificate)!r} and prometheus_key cannot be used for TLS: "
            f"{error.strerror or type(error).__name__}; allowed: PEM files that belong together. They were "
            "right when the settings were read: put them back, or set others."
        ) from error
    return Exporters(
        metrics=PrometheusReader(
            config.prometheus_host,
            config.prometheus_port,
            token=None if token is None else token.get_secret_value(),
            tls=tls,
        )
    )


class PrometheusReader(MetricReader):
    """Collects when it is scraped and answers in the text format or in OpenMetrics. Thread-safe.

    Sums are cumulative, as Prometheus needs them.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one, see `port`.
        token: Asked for as `Authorization: Bearer <token>`; None: not asked for.
        tls: Speaks TLS where given.

    Raises:
        TelemetryError: The address cannot be listened on.
    """

    def __init__(
        self, host: str, port: int, *, token: str | None = None, tls: SSLContext | None = None
    ) -> None:
        super().__init__()
        # Scrapes run side by side, each in a thread of its own, and take home what they collected.
        self._scrape = threading.local()
        registry = CollectorRegistry()
        registry.register(_Scraped(self))
        try:
            self._server = ScrapeServer(host, port, tls)
        except OSError as error:
            raise TelemetryError(
                f"prometheus_port: {host}:{port} cannot be listened on: {error.strerror or error}; allowed: "
                "an address of this machine with a free port. Stop what uses it, or set "
                "KAIROS_TELEMETRY_PROMETHEUS_PORT (or _HOST) to another one."
            ) from error
        self._address = (self._server.server_name, self._server.server_port)
        app = _quiet(make_wsgi_app(registry))
        self._server.set_app(asking_for(token, app) if token else app)
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="kairos-prometheus", daemon=True
        )
        self._thread.start()
        self._owner = os.getpid()
        self._is_open = True

    @property
    def port(self) -> int:
        """The port listened on."""
        return self._address[1]

    def scrape(self) -> list[Family]:
        """Collect now and return the metric families.

        Raises:
            Exception: What collecting raises, a timeout for one.
        """
        self._scrape.data = None
        self.collect()
        data: MetricsData | None = self._scrape.data
        self._scrape.data = None
        return [] if data is None else families(data)

    def _receive_metrics(
        self,
        metrics_data: MetricsData,
        timeout_millis: float = 10_000,  # noqa: ARG002 (the SDK's signature)
        **kwargs: object,  # noqa: ARG002 (the SDK's signature)
    ) -> None:
        self._scrape.data = metrics_data

    def force_flush(self, timeout_millis: float = 10_000) -> bool:  # noqa: ARG002 (the SDK's signature)
        """True: there is nothing to push, Prometheus comes when it comes."""
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: object) -> None:  # noqa: ARG002 (the SDK's signature)
        """Stop listening: the port is free and the threads gone when this returns.

        Scrapes under way have a second to be answered; after it their threads are left to themselves.
        In a forked child, which has the socket but not the threads, only the socket is closed.
        """
        if not self._is_open:
            return
        self._is_open = False
        is_owner = os.getpid() == self._owner
        if is_owner:
            self._stop_serving(timeout_millis / 1_000)
        self._server.server_close()
        if is_owner:
            self._server.hang_up(min(timeout_millis / 1_000, _LAST_SCRAPE_S))

    def _stop_serving(self, timeout_s: float) -> None:
        # The server looks whether it shall stop when a connection arrives, else twice a second:
        # an empty connection saves the wait.
        stopper = threading.Thread(target=self._server.shutdown, name="prometheus-shutdown", daemon=True)
        stopper.start()
        with contextlib.suppress(OSError):
            socket.create_connection(self._address, timeout=timeout_s).close()
        stopper.join(timeout_s)
        self._thread.join(timeout_s)


class _Scraped(Collector):
    """The reader as prometheus-client's registry sees it."""

    def __init__(self, reader: PrometheusReader) -> None:
        self._reader = reader

    def describe(self) -> Iterable[Family]:
        return ()  # else the registry would collect before the reader has a provider

    def collect(self) -> Iterable[Family]:
        return self._reader.scrape()


def _quiet(app: WSGIApplication) -> WSGIApplication:
    """The app, with a failed collection answered by 500 and a log record instead of a traceback on stderr."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            return app(environ, start_response)
        except Exception as error:  # noqa: BLE001 (whatever collecting raises, the server goes on)
            _log.warning("prometheus: a scrape failed: %s: %s", type(error).__name__, error)
            start_response("500 Internal Server Error", [("Content-Type", "text/plain; charset=utf-8")])
            return [b"collecting the metrics failed; the application's log says why\n"]

    return answer
