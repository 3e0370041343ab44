# SPDX-License-Identifier: Apache-2.0
"""pydantic-ai's and LangGraph's own errors."""

from __future__ import annotations

import pytest
from langgraph.errors import GraphRecursionError
from pydantic_ai import exceptions

from telemetry.classification import Classifier


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (exceptions.ModelHTTPError(429, "m"), ("rate_limit", "llm", True)),
        (exceptions.ModelHTTPError(500, "m"), ("llm_error", "llm", True)),
        (exceptions.ModelHTTPError(0, "m"), ("llm_error", "llm", False)),
        (exceptions.ModelAPIError("m", "gone"), ("llm_error", "llm", True)),
        (exceptions.UnexpectedModelBehavior("odd"), ("llm_error", "llm", False)),
        (exceptions.ModelRetry("again"), ("tool_failure", "tool", True)),
        (exceptions.UsageLimitExceeded("enough"), ("internal_error", "agent", False)),
        (exceptions.UserError("wrong"), ("internal_error", "agent", False)),
        (GraphRecursionError("round and round"), ("internal_error", "agent", False)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_frameworks_errors_have_codes(error, expected):
    assert Classifier().classify(error) == expected
