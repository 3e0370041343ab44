# SPDX-License-Identifier: Apache-2.0
"""Generic HTTP clients: errors produced by the real libraries against real sockets."""

from __future__ import annotations

import socket
import ssl
import urllib.error
import urllib.request

import httpx
import httpx2
import pytest
import requests
import urllib3

from telemetry.classification import Classifier

STATUSES = {
    302: ("tool_failure", False),
    400: ("invalid_input", False),
    401: ("unauthorized", False),
    402: ("unauthorized", False),
    403: ("unauthorized", False),
    404: ("not_found", False),
    408: ("timeout", True),
    409: ("tool_failure", False),
    410: ("not_found", False),
    413: ("invalid_input", False),
    418: ("invalid_input", False),
    422: ("invalid_input", False),
    425: ("tool_failure", True),
    429: ("rate_limit", True),
    500: ("tool_failure", True),
    503: ("tool_failure", True),
    504: ("timeout", True),
    529: ("tool_failure", True),
}


def raise_by_httpx(url):
    with httpx.Client(trust_env=False) as client:
        client.get(url).raise_for_status()


def raise_by_httpx2(url):
    with httpx2.Client(trust_env=False) as client:
        client.get(url).raise_for_status()


def raise_by_requests(url):
    with requests.Session() as session:
        session.trust_env = False
        session.get(url, allow_redirects=False).raise_for_status()


def raise_by_urllib(url):
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5):
            pass
    except urllib.error.HTTPError as error:
        error.close()
        raise


@pytest.mark.parametrize(
    ("call", "status"),
    [
        (call, status)
        for call in (raise_by_httpx, raise_by_httpx2, raise_by_requests, raise_by_urllib)
        for status in STATUSES
        if status >= 400 or call in (raise_by_httpx, raise_by_httpx2)  # the others accept a redirect
    ],
)
def test_a_status_decides(call, status, answering, error_of):
    found = Classifier().classify(error_of(call, answering(status)))
    assert found == (STATUSES[status][0], "tool", STATUSES[status][1])


@pytest.mark.parametrize(
    ("component", "code"),
    [("llm", "llm_error"), ("model", "llm_error"), ("memory", "memory_error"), ("planner", "tool_failure")],
)
def test_the_component_names_a_failed_dependency(component, code, answering, error_of):
    failed = error_of(raise_by_httpx, answering(500))
    missing = error_of(raise_by_httpx, answering(404))
    assert Classifier().classify(failed, component) == (code, component, True)
    assert Classifier().classify(missing, component) == ("not_found", component, False)


@pytest.mark.parametrize("call", [raise_by_httpx, raise_by_httpx2, raise_by_requests, raise_by_urllib])
def test_a_refused_connection_is_transient(call, closed_port, error_of):
    error = error_of(call, f"http://127.0.0.1:{closed_port}/")
    assert Classifier().classify(error) == ("tool_failure", "tool", True)


@pytest.mark.parametrize("call", [raise_by_httpx, raise_by_httpx2, raise_by_requests])
def test_a_connection_that_breaks_is_transient(call, answering, error_of):
    assert Classifier().classify(error_of(call, answering(None))) == ("tool_failure", "tool", True)


def test_urllib_calls_a_broken_connection_transient(answering, error_of):
    assert Classifier().classify(error_of(raise_by_urllib, answering(None))) == ("tool_failure", "tool", True)


def test_no_answer_in_time_is_a_timeout(silent_port, error_of):
    url = f"http://127.0.0.1:{silent_port}/"
    pool = urllib3.PoolManager(retries=False)
    calls = [
        lambda: httpx.get(url, timeout=0.05, trust_env=False),
        lambda: requests.get(url, timeout=0.05, proxies={"http": ""}),
        lambda: pool.request("GET", url, timeout=0.05),
        lambda: urllib.request.urlopen(url, timeout=0.05),
    ]
    found = [Classifier().classify(error_of(call))[::2] for call in calls]
    pool.clear()
    assert found == [("timeout", True)] * 4


def test_urllib3_reports_what_its_retries_ended_with(closed_port, silent_port, answering, error_of):
    def request(url, **retries):
        with urllib3.PoolManager(retries=urllib3.Retry(**retries), timeout=0.05) as pool:
            pool.request("GET", url)

    refused = error_of(request, f"http://127.0.0.1:{closed_port}/", total=0)
    slow = error_of(request, f"http://127.0.0.1:{silent_port}/", total=0)
    unavailable = error_of(request, answering(503), total=0, status_forcelist=[503])
    unresolved = error_of(request, "http://name.invalid/", total=0)
    assert [Classifier().classify(error) for error in (refused, slow, unavailable, unresolved)] == [
        ("tool_failure", "tool", True),
        ("timeout", "tool", True),
        ("tool_failure", "tool", True),
        ("tool_failure", "tool", True),
    ]
    assert Classifier().classify(urllib3.exceptions.MaxRetryError(None, "/")).recoverable


TYPES = [
    (httpx.UnsupportedProtocol("x"), "invalid_input", False),
    (httpx.InvalidURL("x"), "invalid_input", False),
    (httpx.PoolTimeout("x"), "timeout", True),
    (httpx.ReadError("x"), "tool_failure", True),
    (httpx.RemoteProtocolError("x"), "tool_failure", True),
    (httpx.LocalProtocolError("x"), "internal_error", False),
    (httpx.DecodingError("x"), "tool_failure", False),
    (httpx.TooManyRedirects("x"), "tool_failure", False),
    (httpx.StreamConsumed(), "internal_error", False),
    (httpx2.SSEError("x"), "tool_failure", False),
    (requests.exceptions.MissingSchema("x"), "invalid_input", False),
    (requests.exceptions.SSLError("x"), "tool_failure", False),
    (requests.exceptions.ConnectTimeout("x"), "timeout", True),
    (requests.exceptions.ChunkedEncodingError("x"), "tool_failure", True),
    (requests.exceptions.HTTPError("without a response"), "tool_failure", False),
    (requests.exceptions.RequestException("x"), "tool_failure", False),
    (requests.exceptions.JSONDecodeError("x", "", 0), "invalid_input", False),
    (urllib3.exceptions.LocationParseError("x"), "invalid_input", False),
    (urllib3.exceptions.SSLError("x"), "tool_failure", False),
    (urllib3.exceptions.ProtocolError("x"), "tool_failure", True),
    (urllib.error.URLError("unknown url type: x"), "invalid_input", False),
    (urllib.error.URLError(TimeoutError()), "timeout", True),
    (urllib.error.URLError(ConnectionResetError()), "tool_failure", True),
    (urllib.error.URLError(ssl.SSLCertVerificationError()), "tool_failure", False),
    (socket.gaierror(-2, "Name or service not known"), "tool_failure", True),
    (ssl.SSLCertVerificationError("x"), "tool_failure", False),
    (ssl.SSLEOFError("x"), "tool_failure", True),
]


@pytest.mark.parametrize(("error", "code", "recoverable"), TYPES, ids=lambda value: type(value).__name__)
def test_a_type_decides(error, code, recoverable):
    assert Classifier().classify(error)[::2] == (code, recoverable)
