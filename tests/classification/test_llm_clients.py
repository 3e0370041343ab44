# SPDX-License-Identifier: Apache-2.0
"""Model providers' clients against a local server that answers as the providers do."""

from __future__ import annotations

import anthropic
import grpc
import openai
import pytest
from google import genai
from google.auth import exceptions as google_auth
from google.genai import errors as genai_errors

from telemetry.classification import Classifier, retry_after


def openai_call(url, stream=False):
    with openai.OpenAI(api_key="k", base_url=url, max_retries=0, timeout=5) as client:
        answer = client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "hi"}], stream=stream
        )
        if stream:
            list(answer)


def anthropic_call(url, stream=False):
    with anthropic.Anthropic(api_key="k", base_url=url, max_retries=0, timeout=5) as client:
        answer = client.messages.create(
            model="m", max_tokens=1, messages=[{"role": "user", "content": "hi"}], stream=stream
        )
        if stream:
            list(answer)


def genai_call(url):
    with genai.Client(
        api_key="k", http_options={"base_url": url, "retry_options": {"attempts": 1}, "timeout": 5000}
    ) as client:
        client.models.generate_content(model="m", contents="hi")


STATUSES = {
    400: ("invalid_input", False),
    401: ("unauthorized", False),
    403: ("unauthorized", False),
    404: ("not_found", False),
    408: ("timeout", True),
    409: ("llm_error", False),
    413: ("invalid_input", False),
    422: ("invalid_input", False),
    429: ("rate_limit", True),
    500: ("llm_error", True),
    503: ("llm_error", True),
    504: ("timeout", True),
    529: ("llm_error", True),
}


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("call", [openai_call, anthropic_call, genai_call])
def test_a_status_decides(call, status, answering, error_of):
    error = error_of(call, answering(status, {"error": {"message": "no"}}))
    code, recoverable = STATUSES[status]
    assert Classifier().classify(error) == (code, "llm", recoverable)
    assert Classifier().classify(error, "memory") == (code, "memory", recoverable)


@pytest.mark.parametrize("call", [openai_call, anthropic_call])
def test_a_refused_connection_is_transient(call, closed_port, error_of):
    error = error_of(call, f"http://127.0.0.1:{closed_port}/")
    assert Classifier().classify(error) == ("llm_error", "llm", True)


def test_genai_lets_its_transport_fail_as_it_is(closed_port, error_of):
    error = error_of(genai_call, f"http://127.0.0.1:{closed_port}/")
    assert Classifier().classify(error, "llm") == ("llm_error", "llm", True)


def test_no_answer_in_time_is_a_timeout(silent_port, error_of):
    url = f"http://127.0.0.1:{silent_port}"
    messages = [{"role": "user", "content": "hi"}]
    with (
        openai.OpenAI(api_key="k", base_url=url, max_retries=0, timeout=0.05) as first,
        anthropic.Anthropic(api_key="k", base_url=url, max_retries=0, timeout=0.05) as second,
    ):
        errors = [
            error_of(first.chat.completions.create, model="m", messages=messages),
            error_of(second.messages.create, model="m", messages=messages, max_tokens=1),
        ]
    assert [Classifier().classify(error) for error in errors] == [("timeout", "llm", True)] * 2


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (429, {"code": "insufficient_quota", "type": "insufficient_quota"}, ("rate_limit", False)),
        (429, {"code": "rate_limit_exceeded", "type": "requests"}, ("rate_limit", True)),
        (400, {"code": "context_length_exceeded"}, ("invalid_input", False)),
        (400, {"code": "content_filter"}, ("invalid_input", False)),
    ],
)
def test_openai_says_more_in_its_code(status, body, expected, answering, error_of):
    error = error_of(openai_call, answering(status, {"error": {"message": "no", **body}}))
    assert Classifier().classify(error)[::2] == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"code": "server_error"}', ("llm_error", True)),
        ('{"type": "insufficient_quota"}', ("rate_limit", False)),
        ('{"type": "rate_limit_error"}', ("rate_limit", True)),
        ('{"message": "what"}', ("llm_error", False)),
    ],
)
def test_an_openai_stream_fails_without_a_status(body, expected, answering, error_of):
    url = answering(200, f'data: {{"error": {body}}}\n\n', {"content-type": "text/event-stream"})
    error = error_of(openai_call, url, stream=True)
    assert type(error) is openai.APIError
    assert Classifier().classify(error)[::2] == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("overloaded_error", ("llm_error", True)),
        ("api_error", ("llm_error", True)),
        ("rate_limit_error", ("rate_limit", True)),
        ("authentication_error", ("unauthorized", False)),
        ("request_too_large", ("invalid_input", False)),
        ("timeout_error", ("timeout", True)),
        ("something_new", ("llm_error", False)),
    ],
)
def test_an_anthropic_stream_fails_under_status_200(kind, expected, answering, error_of):
    event = f'event: error\ndata: {{"type": "error", "error": {{"type": "{kind}", "message": "no"}}}}\n\n'
    error = error_of(
        anthropic_call, answering(200, event, {"content-type": "text/event-stream"}), stream=True
    )
    assert Classifier().classify(error)[::2] == expected


def test_a_spend_limit_of_anthropic_is_not_waited_out(answering, error_of):
    body = {
        "type": "error",
        "error": {
            "type": "rate_limit_error",
            "message": "no",
            "details": {"error_code": "enforced_spend_limit_reached"},
        },
    }
    error = error_of(anthropic_call, answering(429, body))
    limit = anthropic.EnforcedSpendLimitReachedError("no", response=error.response, body=body)
    assert Classifier().classify(error)[::2] == ("rate_limit", type(error) is anthropic.RateLimitError)
    assert Classifier().classify(limit) == ("rate_limit", "llm", False)


def test_a_bad_key_of_google_is_told_from_a_bad_request(answering, error_of):
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
    body = {"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT", "details": details}}
    assert Classifier().classify(error_of(genai_call, answering(400, body))) == ("unauthorized", "llm", False)


def test_a_live_session_of_google_closes_with_a_websocket_code():
    assert Classifier().classify(genai_errors.APIError(1011, "closed")) == ("llm_error", "llm", False)
    told_by_name = genai_errors.APIError(1011, {"status": "UNAVAILABLE", "message": "x"})
    assert Classifier().classify(told_by_name) == ("llm_error", "llm", True)


def test_google_says_when_to_come_back(answering, error_of):
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "36.5s"}]
    body = {"error": {"code": 429, "message": "no", "status": "RESOURCE_EXHAUSTED", "details": details}}
    assert retry_after(error_of(genai_call, answering(429, body))) == 36.5


@pytest.mark.parametrize("call", [openai_call, anthropic_call])
def test_the_pause_asked_for_is_read(call, answering, error_of):
    url = answering(429, {"error": {"message": "no"}}, {"retry-after": "7"})
    assert retry_after(error_of(call, url)) == 7.0


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (openai.OpenAIError("no key"), ("llm_error", False)),
        (openai.ContentFilterFinishReasonError(), ("invalid_input", False)),
        (anthropic.CredentialsError("none"), ("unauthorized", False)),
        (anthropic.RetryableError("again"), ("llm_error", True)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_type_decides(error, expected):
    assert Classifier().classify(error)[::2] == expected


class ApiCoreError(Exception):
    """Stands for google.api_core's, which is not installed here; found by module and name alone."""

    def __init__(self, code=None, grpc_status_code=None):
        self.code = code
        self.grpc_status_code = grpc_status_code


ApiCoreError.__module__ = "google.api_core.exceptions"
ApiCoreError.__name__ = "GoogleAPICallError"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ApiCoreError(404), ("not_found", "tool", False)),
        (ApiCoreError(409, grpc.StatusCode.ABORTED), ("tool_failure", "tool", True)),
        (ApiCoreError(), ("tool_failure", "tool", False)),
        (google_auth.RefreshError("x"), ("unauthorized", "tool", False)),
        (google_auth.TransportError("x"), ("tool_failure", "tool", True)),
    ],
    ids=str,
)
def test_googles_other_libraries_are_generic_clients(error, expected):
    assert Classifier().classify(error) == expected
