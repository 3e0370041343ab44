# SPDX-License-Identifier: Apache-2.0
"""Agent frameworks' own errors: pydantic-ai, LangGraph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from telemetry.classification.reading import read
from telemetry.classification.statuses import of_http_status
from telemetry.classification.verdict import Rule, Verdict
from telemetry.conventions import COMPONENT_AGENT, COMPONENT_LLM, COMPONENT_TOOL
from telemetry.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RULES"]

_INTERNAL: Final = Verdict(ErrorCode.INTERNAL_ERROR, COMPONENT_AGENT, False)
_LLM_FAILED: Final = Verdict(ErrorCode.LLM_ERROR, COMPONENT_LLM, False)
_LLM_TRANSIENT: Final = Verdict(ErrorCode.LLM_ERROR, COMPONENT_LLM, True)
_TIMEOUT: Final = Verdict(ErrorCode.TIMEOUT, COMPONENT_LLM, True)


def _of_model_http_error(err: Any) -> Verdict:
    return of_http_status(read(err, "status_code"), COMPONENT_LLM, ErrorCode.LLM_ERROR) or _LLM_FAILED


RULES: Final[Mapping[str, Mapping[str, Rule]]] = {
    "pydantic_ai": {
        "ModelHTTPError": _of_model_http_error,
        "ModelAPIError": _LLM_TRANSIENT,
        "ModelTimeoutError": _TIMEOUT,
        "ModelRequestTimeout": _TIMEOUT,
        "ModelRateLimitError": Verdict(ErrorCode.RATE_LIMIT, COMPONENT_LLM, True),
        "ModelQuotaExceededError": Verdict(ErrorCode.RATE_LIMIT, COMPONENT_LLM, False),
        "ModelAuthenticationError": Verdict(ErrorCode.UNAUTHORIZED, COMPONENT_LLM, False),
        "ModelNotFoundError": Verdict(ErrorCode.NOT_FOUND, COMPONENT_LLM, False),
        "ModelRequestRejectedError": Verdict(ErrorCode.INVALID_INPUT, COMPONENT_LLM, False),
        "UnexpectedModelBehavior": _LLM_FAILED,
        "ModelRetry": Verdict(ErrorCode.TOOL_FAILURE, COMPONENT_TOOL, True),
        "UsageLimitExceeded": _INTERNAL,
        "UserError": _INTERNAL,
    },
    "langgraph": {"GraphRecursionError": _INTERNAL},
}
