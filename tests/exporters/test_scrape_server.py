# SPDX-License-Identifier: Apache-2.0
"""Who may scrape: a token, TLS, and strangers who hold connections."""

from __future__ import annotations

import hmac
import http.client
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.ports import is_listening
from support.prometheus_server import PrometheusServer
from support.providers import providers
from support.tls import Certificates
from support.waiting import wait_for

from telemetry.config import load_config
from telemetry.errors import TelemetryError
from telemetry.exporters import prometheus, scrape_server
from telemetry.exporters.base import Exporters
from telemetry.exporters.prometheus import PrometheusReader

TOKEN = "s3cret-of-the-scraper"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates.make(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def serving(certificates):
    """Builds readers as settings say and shuts them down."""
    readers = []

    def serve(*, with_tls: bool = False, **settings) -> PrometheusReader:
        if with_tls:
            settings |= {"prometheus_certificate": certificates.server, "prometheus_key": certificates.server}
        config = load_config("svc", "1", exporter="prometheus", prometheus_port=0, **settings)
        readers.append(prometheus.build(config).metrics)
        return readers[-1]

    yield serve
    for reader in readers:
        reader.shutdown()


def get(reader: PrometheusReader, tls: ssl.SSLContext | None = None, **headers: str):
    make = http.client.HTTPConnection if tls is None else http.client.HTTPSConnection
    options = {} if tls is None else {"context": tls}
    connection = make("127.0.0.1", reader.port, timeout=5, **options)
    try:
        connection.request("GET", "/metrics", headers=headers)
        response = connection.getresponse()
        return response.status, response.read().decode(), response.headers
    finally:
        connection.close()


def test_a_real_prometheus_scrapes_with_token_and_tls_and_not_without(certificates):
    config = load_config(
        exporter="prometheus",
        prometheus_port=0,
        prometheus_host="0.0.0.0",
        prometheus_token=TOKEN,
        prometheus_certificate=certificates.server,
        prometheus_key=certificates.server,
    )
    reader = prometheus.build(config).metrics
    trusted = {"scheme": "https", "tls_config": {"ca_file": str(certificates.authority)}}
    with providers(Exporters(metrics=reader)) as sdk:
        sdk.meter.create_counter("calls").add(3)
        with PrometheusServer(
            reader.port,
            {**trusted, "authorization": {"credentials": TOKEN}},
            wrong_token={**trusted, "authorization": {"credentials": "guess"}},
            no_token=trusted,
            plain={"authorization": {"credentials": TOKEN}},
        ) as server:
            assert [value for _, value in server.query("calls_total")] == [3]
            up = wait_for(
                lambda: (found := server.query("up")) and len(found) == 4 and found,
                what="all four jobs' scrapes",
            )
    assert {labels["job"]: value for labels, value in up} == {
        "kairos": 1,
        "wrong_token": 0,
        "no_token": 0,
        "plain": 0,
    }


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer wrong", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN} ", "Bearer é"]
)
def test_without_the_token_nothing_is_told(serving, given):
    reader = serving(prometheus_token=TOKEN)
    headers = {"Authorization": given.encode("latin-1")} if given else {}
    status, body, answered = get(reader, **headers)
    if given == f"Bearer {TOKEN} ":  # HTTP strips what surrounds a value
        assert status == 200
        return
    assert (status, answered["WWW-Authenticate"]) == (401, "Bearer")
    assert body == "this needs the header 'Authorization: Bearer <token>', see prometheus_token\n"


def test_the_token_is_compared_in_constant_time(serving, monkeypatch):
    compared, really = [], hmac.compare_digest

    def compare(*pair: bytes) -> bool:
        compared.append(pair)
        return really(*pair)

    monkeypatch.setattr(scrape_server.hmac, "compare_digest", compare)
    assert get(serving(prometheus_token=TOKEN), Authorization=f"Bearer {TOKEN}")[0] == 200
    assert len(compared) == 1


def test_with_a_certificate_it_speaks_tls_only(serving, certificates):
    reader = serving(with_tls=True)
    trusting = ssl.create_default_context(cafile=certificates.authority)
    assert get(reader, trusting)[0] == 200
    with pytest.raises((http.client.BadStatusLine, OSError)):
        get(reader)
    with pytest.raises(ssl.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        get(reader, ssl.create_default_context(cafile=certificates.other_authority))


def test_old_versions_of_tls_are_refused(certificates):
    context = scrape_server.tls_context(certificates.server, certificates.server)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_who_connects_and_says_nothing_holds_up_nobody(serving, certificates):
    reader = serving(with_tls=True)
    silent = [socket.create_connection(("127.0.0.1", reader.port)) for _ in range(20)]
    try:
        trusting = ssl.create_default_context(cafile=certificates.authority)
        assert get(reader, trusting)[0] == 200
    finally:
        for connection in silent:
            connection.close()


@pytest.mark.parametrize("with_tls", [False, True])
def test_who_stays_silent_is_hung_up_on(serving, monkeypatch, with_tls, capfd):
    assert scrape_server._Handler.timeout == 5
    monkeypatch.setattr(scrape_server._Handler, "timeout", 0.05)
    reader = serving(with_tls=with_tls)
    with socket.create_connection(("127.0.0.1", reader.port), timeout=10) as connection:
        assert connection.recv(1) == b""
    assert capfd.readouterr().err == ""


def test_shutdown_with_tls_frees_the_port(serving):
    reader = serving(with_tls=True)
    reader.shutdown()
    PrometheusReader("127.0.0.1", reader.port).shutdown()


def scrapers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "kairos-prometheus-scrape"]


@pytest.mark.parametrize("with_tls", [False, True])
def test_a_scrape_under_way_at_shutdown_is_answered_to_its_end(serving, certificates, with_tls):
    trusting = ssl.create_default_context(cafile=certificates.authority) if with_tls else None
    collecting, go_on = threading.Event(), threading.Event()

    def observe(_options):
        collecting.set()
        go_on.wait(10)
        return []

    reader = serving(with_tls=with_tls)
    with providers(Exporters(metrics=reader)) as sdk, ThreadPoolExecutor(2) as pool:
        sdk.meter.create_observable_gauge("slow", [observe])
        sdk.meter.create_counter("calls").add(1)
        scrape = pool.submit(get, reader, trusting)
        assert collecting.wait(10)
        end = pool.submit(reader.shutdown)
        wait_for(lambda: not is_listening(reader.port), what="the end of listening")
        go_on.set()
        end.result(10)
        assert scrapers() == []
        status, body, _ = scrape.result(10)
    assert status == 200
    assert "calls_total" in body


@pytest.mark.parametrize("with_tls", [False, True])
def test_who_is_silent_at_shutdown_is_hung_up_on(serving, with_tls):
    reader = serving(with_tls=with_tls)
    with socket.create_connection(("127.0.0.1", reader.port), timeout=10) as connection:
        wait_for(scrapers, what="the connection's thread")
        reader.shutdown()
        assert scrapers() == []
        while connection.recv(64):  # TLS says goodbye first
            pass


def test_a_scrape_that_does_not_end_holds_up_shutdown_for_a_moment_only(serving, monkeypatch):
    monkeypatch.setattr(prometheus, "_LAST_SCRAPE_S", 0.05)
    collecting, go_on = threading.Event(), threading.Event()

    def observe(_options):
        collecting.set()
        go_on.wait(10)
        return []

    reader = serving()
    with providers(Exporters(metrics=reader)) as sdk, ThreadPoolExecutor(1) as pool:
        sdk.meter.create_observable_gauge("slow", [observe])
        scrape = pool.submit(get, reader)
        assert collecting.wait(10)
        reader.shutdown()
        assert len(scrapers()) == 1
        go_on.set()
        assert scrape.result(10)[0] == 200


def test_ipv6_is_spoken(serving):
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        reader = serving(prometheus_host="::1")
    except TelemetryError as error:
        pytest.skip(f"this machine has no IPv6: {error}")
    connection = http.client.HTTPConnection("::1", reader.port, timeout=5)
    connection.request("GET", "/metrics")
    assert connection.getresponse().status == 200
    connection.close()


def test_a_certificate_that_vanished_is_told_at_set_up(tmp_path):
    made = Certificates.make(tmp_path)
    config = load_config(
        exporter="prometheus",
        prometheus_certificate=made.server,
        prometheus_key=made.server,
        prometheus_port=0,
    )
    made.server.unlink()
    with pytest.raises(
        TelemetryError, match=r"prometheus_certificate: .* cannot be used for TLS: No such file"
    ):
        prometheus.build(config)


def test_who_hangs_up_before_the_greeting_costs_a_connection_only(serving, certificates, monkeypatch):
    reader = serving(with_tls=True)
    closed = []

    def hung_up(connection, **_):
        closed.append(connection)
        monkeypatch.undo()
        raise OSError("hung up")

    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", lambda _self, connection, **_: hung_up(connection))
    socket.create_connection(("127.0.0.1", reader.port)).close()
    (connection,) = wait_for(lambda: closed, what="the connection")
    wait_for(lambda: connection.fileno() == -1, what="its end")
    assert get(reader, ssl.create_default_context(cafile=certificates.authority))[0] == 200
