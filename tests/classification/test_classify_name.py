# SPDX-License-Identifier: Apache-2.0
"""Exceptions of which only name, message and status are left."""

from __future__ import annotations

import httpx
import openai
import pytest

from telemetry.classification import Classifier

OPENAI_429 = (
    "Error code: 429 - {'error': {'message': 'no', 'type': 'requests', 'code': 'rate_limit_exceeded'}}"
)
SPENT = "Error code: 429 - {'error': {'message': 'no', 'type': 'x', 'code': 'insufficient_quota'}}"

CASES = [
    # name, message, status, component -> code, component, recoverable
    ("openai.RateLimitError", OPENAI_429, None, "llm", ("rate_limit", "llm", True)),
    ("openai.RateLimitError", SPENT, None, "llm", ("rate_limit", "llm", False)),
    ("openai.InternalServerError", "Error code: 503 - no", None, "llm", ("llm_error", "llm", True)),
    ("openai.APITimeoutError", "Request timed out.", None, None, ("timeout", "llm", True)),
    ("openai.AuthenticationError", "Error code: 401 - no", None, "llm", ("unauthorized", "llm", False)),
    ("openai.APIStatusError", "", 529, "llm", ("llm_error", "llm", True)),
    ("openai.APIError", "", None, "llm", ("llm_error", "llm", False)),
    ("anthropic.OverloadedError", "no", 529, "llm", ("llm_error", "llm", True)),
    ("httpx.ConnectError", "refused", None, "llm", ("llm_error", "llm", True)),
    ("httpx.HTTPStatusError", "Client error '404 Not Found' for url 'x'", None, None,
     ("not_found", "tool", False)),
    ("requests.HTTPError", "503 Server Error: no for url: x", None, "tool", ("tool_failure", "tool", True)),
    ("pydantic_ai.exceptions.ModelHTTPError", "status_code: 429, model_name: m", None, "llm",
     ("rate_limit", "llm", True)),
    ("langgraph.errors.GraphRecursionError", "no", None, None, ("internal_error", "agent", False)),
    ("TimeoutError", "slow", None, "tool", ("timeout", "tool", True)),
    ("builtins.ValueError", "no", None, None, ("invalid_input", "agent", False)),
    ("json.decoder.JSONDecodeError", "no", None, None, ("invalid_input", "agent", False)),
    ("ExceptionGroup", "several", None, "tool", ("internal_error", "tool", False)),
    ("telemetry.errors.KairosError", "no", None, "tool", ("internal_error", "tool", False)),
    ("RuntimeError", "no", None, "llm", ("internal_error", "llm", False)),
    ("mcp.shared.exceptions.McpError", "no", None, "tool", ("tool_failure", "tool", False)),
    ("mcp.server.mcpserver.exceptions.MCPServerError", "no", None, "tool", ("tool_failure", "tool", False)),
    # not loaded: the name has to do
    ("litellm.exceptions.RateLimitError", "no", None, "llm", ("rate_limit", "llm", True)),
    ("vendor.ReadTimeout", "no", None, "memory", ("timeout", "memory", True)),
    ("vendor.ServiceUnavailableError", "no", None, "llm", ("llm_error", "llm", True)),
    ("vendor.ToolException", "no", None, None, ("tool_failure", "tool", False)),
    ("vendor.Mystery", "no", None, "llm", ("internal_error", "llm", False)),
    ("vendor.Mystery", "no", 404, "llm", ("not_found", "llm", False)),
    # what `error.type` may be instead of a class
    ("429", None, None, "llm", ("rate_limit", "llm", True)),
    ("500", None, 503, "llm", ("llm_error", "llm", True)),
    ("DEADLINE_EXCEEDED", None, None, "llm", ("timeout", "llm", True)),
    ("tool_error", "no", None, "tool", ("tool_failure", "tool", False)),
    ("_OTHER", None, None, "tool", ("tool_failure", "tool", False)),
    (None, None, None, "llm", ("llm_error", "llm", False)),
    (None, "status_code: 408", None, "llm", ("timeout", "llm", True)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "message", "status", "component", "expected"), CASES)
def test_a_name_says_what_the_exception_was(name, message, status, component, expected):
    assert Classifier().classify_name(name, message, status, component) == expected


def test_a_name_and_the_exception_itself_are_classified_alike():
    response = httpx.Response(429, request=httpx.Request("POST", "http://x"))
    error = openai.RateLimitError("Error code: 429 - no", response=response, body=None)
    known = Classifier()

    assert known.classify_name("openai.RateLimitError", str(error)) == known.classify(error)


def test_registrations_count_where_the_class_is_loaded():
    known = Classifier()
    known.register(httpx.CookieConflict, "not_found", False)

    assert known.classify_name("httpx.CookieConflict").code == "not_found"


def test_what_a_broken_rule_raises_is_contained(monkeypatch):
    known = Classifier()

    def broken(_state, _cls):
        raise RuntimeError("bug")

    monkeypatch.setattr(type(known._state), "rule", broken)

    assert known.classify_name("ValueError", "no", None, "tool") == ("internal_error", "tool", False)
