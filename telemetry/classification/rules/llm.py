# SPDX-License-Identifier: Apache-2.0
"""Model providers' own clients: openai and anthropic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from telemetry.classification.reading import entry, read, text
from telemetry.classification.statuses import of_http_status
from telemetry.classification.verdict import Rule, Verdict
from telemetry.conventions import COMPONENT_LLM
from telemetry.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RULES"]

_FAILED: Final = Verdict(ErrorCode.LLM_ERROR, COMPONENT_LLM, False)
_TRANSIENT: Final = Verdict(ErrorCode.LLM_ERROR, COMPONENT_LLM, True)
_INVALID: Final = Verdict(ErrorCode.INVALID_INPUT, COMPONENT_LLM, False)
_NOT_FOUND: Final = Verdict(ErrorCode.NOT_FOUND, COMPONENT_LLM, False)
_RATE_LIMIT: Final = Verdict(ErrorCode.RATE_LIMIT, COMPONENT_LLM, True)
_SPENT: Final = Verdict(ErrorCode.RATE_LIMIT, COMPONENT_LLM, False)  # waiting does not refill it
_TIMEOUT: Final = Verdict(ErrorCode.TIMEOUT, COMPONENT_LLM, True)
_UNAUTHORIZED: Final = Verdict(ErrorCode.UNAUTHORIZED, COMPONENT_LLM, False)

# https://platform.openai.com/docs/guides/error-codes; errors inside a stream carry no status.
_OPENAI_CODES: Final[Mapping[str, Verdict]] = {
    "insufficient_quota": _SPENT,
    "billing_hard_limit_reached": _SPENT,
    "context_length_exceeded": _INVALID,
    "content_filter": _INVALID,
    "content_policy_violation": _INVALID,
    "invalid_prompt": _INVALID,
    "invalid_request_error": _INVALID,
    "invalid_api_key": _UNAUTHORIZED,
    "model_not_found": _NOT_FOUND,
    "rate_limit_exceeded": _RATE_LIMIT,
    "rate_limit_error": _RATE_LIMIT,
    "server_error": _TRANSIENT,
}
# https://docs.anthropic.com/en/api/errors; the type is all that an error inside a stream carries.
_ANTHROPIC_TYPES: Final[Mapping[str, Verdict]] = {
    "invalid_request_error": _INVALID,
    "request_too_large": _INVALID,
    "authentication_error": _UNAUTHORIZED,
    "billing_error": _UNAUTHORIZED,
    "permission_error": _UNAUTHORIZED,
    "not_found_error": _NOT_FOUND,
    "rate_limit_error": _RATE_LIMIT,
    "timeout_error": _TIMEOUT,
    "api_error": _TRANSIENT,
    "overloaded_error": _TRANSIENT,
}


def _failed_with(err: Any) -> Verdict | None:
    status = read(err, "status_code")
    # A stream that fails half-way was opened with 200.
    if type(status) is not int or status < 400:
        return None
    return of_http_status(status, COMPONENT_LLM, ErrorCode.LLM_ERROR)


def _of_openai(err: Any) -> Verdict | None:
    code = _OPENAI_CODES.get(text(read(err, "code")) or "")
    kind = _OPENAI_CODES.get(text(read(err, "type")) or "")
    if _SPENT in (code, kind):
        return _SPENT
    return _failed_with(err) or code or kind or _FAILED


def _of_anthropic(err: Any) -> Verdict | None:
    body = read(err, "body")
    kind = text(entry(body, "error", "type")) or text(entry(body, "type")) or ""
    return _failed_with(err) or _ANTHROPIC_TYPES.get(kind, _FAILED)


RULES: Final[Mapping[str, Mapping[str, Rule]]] = {
    "openai": {
        "OpenAIError": _FAILED,
        "APIError": _of_openai,
        "APIConnectionError": _TRANSIENT,
        "APITimeoutError": _TIMEOUT,
        "APIResponseValidationError": _FAILED,
        "SubjectTokenProviderError": _UNAUTHORIZED,
        "InvalidWebhookSignatureError": _UNAUTHORIZED,
        "ContentFilterFinishReasonError": _INVALID,
        "LengthFinishReasonError": _FAILED,
        "WebSocketConnectionClosedError": _TRANSIENT,
        "WebSocketQueueFullError": _TRANSIENT,
    },
    "anthropic": {
        "AnthropicError": _FAILED,
        "APIError": _of_anthropic,
        "APIConnectionError": _TRANSIENT,
        "APITimeoutError": _TIMEOUT,
        "APIResponseValidationError": _FAILED,
        "APIWebhookValidationError": _UNAUTHORIZED,
        "CredentialsError": _UNAUTHORIZED,
        "WorkloadIdentityError": _UNAUTHORIZED,
        "RetryableError": _TRANSIENT,
        "ContractSpendLimitReachedError": _SPENT,
        "EnforcedSpendLimitReachedError": _SPENT,
    },
}
