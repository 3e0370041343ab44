# SPDX-License-Identifier: Apache-2.0
"""google-genai, and the two Google libraries whose errors come out of it and its siblings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from telemetry.classification.reading import entry, read
from telemetry.classification.statuses import of_grpc_status, of_http_status
from telemetry.classification.verdict import Rule, Verdict
from telemetry.conventions import COMPONENT_LLM, COMPONENT_TOOL
from telemetry.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RULES"]

_FAILED: Final = Verdict(ErrorCode.LLM_ERROR, COMPONENT_LLM, False)
_TOOL_FAILED: Final = Verdict(None, COMPONENT_TOOL, False)
_UNAUTHORIZED: Final = Verdict(ErrorCode.UNAUTHORIZED, COMPONENT_TOOL, False)


def _of_genai(err: Any) -> Verdict | None:
    details = read(err, "details")
    reasons = entry(details, "error", "details") or entry(details, "details")
    # A bad key is answered with 400; only the reason tells it from a bad request.
    if type(reasons) is list and any(entry(item, "reason") == "API_KEY_INVALID" for item in reasons):
        return Verdict(ErrorCode.UNAUTHORIZED, COMPONENT_LLM, False)
    # The live API's errors carry a WebSocket close code, which is no HTTP status.
    return (
        of_http_status(read(err, "code"), COMPONENT_LLM, ErrorCode.LLM_ERROR)
        or of_grpc_status(read(err, "status"), COMPONENT_LLM, ErrorCode.LLM_ERROR)
        or _FAILED
    )


def _of_api_core(err: Any) -> Verdict | None:
    status = read(err, "code")
    return (
        of_grpc_status(read(err, "grpc_status_code", "name"), COMPONENT_TOOL)
        or of_http_status(status, COMPONENT_TOOL)
        or _TOOL_FAILED
    )


RULES: Final[Mapping[str, Mapping[str, Rule]]] = {
    "google.genai": {
        "APIError": _of_genai,
        "ContinuationInterruptedError": Verdict(ErrorCode.LLM_ERROR, COMPONENT_LLM, True),
        "UnknownApiResponseError": _FAILED,
        "FunctionInvocationError": Verdict(ErrorCode.TOOL_FAILURE, COMPONENT_TOOL, False),
    },
    "google.api_core": {
        "GoogleAPIError": _TOOL_FAILED,
        "GoogleAPICallError": _of_api_core,
        "RetryError": Verdict(ErrorCode.TIMEOUT, COMPONENT_TOOL, True),
    },
    "google.auth": {
        "GoogleAuthError": _UNAUTHORIZED,
        "TransportError": Verdict(None, COMPONENT_TOOL, True),
        "TimeoutError": Verdict(ErrorCode.TIMEOUT, COMPONENT_TOOL, True),
    },
}
