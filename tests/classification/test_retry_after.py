# SPDX-License-Identifier: Apache-2.0
"""The pause that the other side asked for, out of headers, causes and groups."""

from __future__ import annotations

import httpx
import pytest

from telemetry.classification import retry_after
from telemetry.classification.retry_info import of_retry_info, of_status
from telemetry.errors import KairosError

NOW = 1_445_412_480.0  # Wed, 21 Oct 2015 07:28:00 GMT


def answered(**headers):
    response = httpx.Response(429, headers={name.replace("_", "-"): value for name, value in headers.items()})
    return httpx.HTTPStatusError("no", request=httpx.Request("GET", "http://h"), response=response)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "120"}, 120.0),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after": "Wed, 21 Oct 2015 07:28:30 GMT"}, 30.0),
        ({"retry_after": "Wed, 21 Oct 2015 07:28:30 -0000"}, 30.0),
        ({"retry_after": "Wed, 21 Oct 2015 07:27:00 GMT"}, 0.0),
        ({"retry_after_ms": "1500", "retry_after": "9"}, 1.5),
        ({"retry_after_ms": "soon", "retry_after": "9"}, 9.0),
        ({"retry_after": "-5"}, None),
        ({"retry_after": "nan"}, None),
        ({"retry_after": "inf"}, None),
        ({"retry_after": "tomorrow"}, None),
        ({"x_ratelimit_remaining_requests": "0", "x_ratelimit_reset_requests": "6m0.5s"}, 360.5),
        ({"x_ratelimit_remaining_tokens": "0", "x_ratelimit_reset_tokens": "20ms"}, 0.02),
        ({"x_ratelimit_remaining_tokens": "7", "x_ratelimit_reset_tokens": "20ms"}, None),
        ({"x_ratelimit_remaining_tokens": "0", "x_ratelimit_reset_tokens": "1700000000"}, None),
        ({"x_ratelimit_remaining_tokens": "0"}, None),
        ({}, None),
    ],
)
def test_headers_are_read(headers, seconds):
    assert retry_after(answered(**headers), now=lambda: NOW) == seconds


def test_urllib_keeps_its_headers_itself(answering, error_of):
    import urllib.request

    error = error_of(urllib.request.urlopen, answering(503, headers={"Retry-After": "4"}))
    error.close()
    assert retry_after(error) == 4.0


def test_the_cause_is_asked_when_the_error_says_nothing():
    assert retry_after(KairosError("rate_limit", "x", cause=answered(retry_after="3"))) == 3.0


def test_a_group_waits_for_its_slowest_member():
    members = [
        answered(retry_after="3"),
        KairosError("rate_limit", "x", cause=answered(retry_after="8")),
        KeyError(),
    ]
    assert retry_after(ExceptionGroup("g", members)) == 8.0
    assert retry_after(ExceptionGroup("g", [KeyError()])) is None


def test_circles_end():
    first, second = RuntimeError(), RuntimeError()
    first.__cause__, second.__cause__ = second, first
    member = RuntimeError()
    group = ExceptionGroup("g", [member])
    member.__cause__ = group
    assert retry_after(first) is None
    assert retry_after(group) is None


class LyingError(Exception):
    response = property(lambda self: 1 / 0)
    headers = 5


class BreakingError(Exception):
    headers = type("Headers", (), {"get": lambda self, name: 1 / 0})()


class DetailsError(Exception):
    def __init__(self, details):
        self.details = details


@pytest.mark.parametrize(
    "err",
    [LyingError(), BreakingError(), "text", None, 7, DetailsError([]), DetailsError({"details": [1, {}]})],
)
def test_strange_objects_ask_for_nothing(err):
    assert retry_after(err) is None


def test_details_of_other_types_are_stepped_over():
    details = [{"@type": "other"}, {"@type": "x/google.rpc.RetryInfo", "retryDelay": "2s"}]
    assert retry_after(DetailsError({"error": {"details": details}})) == 2.0


def test_a_pause_of_google_needs_its_type_and_a_duration():
    def said(**item):
        return retry_after(
            DetailsError({"details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", **item}]})
        )

    assert (said(retryDelay="1.5s"), said(retryDelay=3), said()) == (1.5, None, None)


@pytest.mark.parametrize(
    "damaged",
    [b"\x0b", b"\x0a\x05", b"\x80" * 11, b"\x80"],
    ids=["wire type", "cut short", "endless number", "cut number"],
)
def test_damaged_messages_are_told(damaged):
    with pytest.raises(ValueError, match="damaged"):
        of_retry_info(damaged)


def test_fields_of_other_types_are_stepped_over():
    duration = b"\x0a\x02\x08\x05"
    assert of_retry_info(b"\x11" + bytes(8) + b"\x1d" + bytes(4) + duration) == 5.0
    assert of_retry_info(b"\x08\x01") is None
    assert of_retry_info(b"\x0a\x03\x0a\x01x") is None
    assert of_status(b"\x18\x01") is None
    assert of_status(b"\x1a\x02\x08\x01") is None
    retry_info = b"\x0a\x15" + b"/google.rpc.RetryInfo" + b"\x10\x01"
    assert of_status(b"\x1a" + bytes([len(retry_info)]) + retry_info) is None
