# SPDX-License-Identifier: Apache-2.0
"""boto3 and botocore; calls to Bedrock's runtime belong to the component `llm`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from telemetry.classification.reading import entry, read, text
from telemetry.classification.statuses import of_http_status
from telemetry.classification.verdict import Inspect, Rule, Verdict
from telemetry.conventions import COMPONENT_LLM, COMPONENT_TOOL
from telemetry.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RULES"]

_FAILED: Final = Verdict(None, COMPONENT_TOOL, False)
_TRANSIENT: Final = Verdict(None, COMPONENT_TOOL, True)
_INVALID: Final = Verdict(ErrorCode.INVALID_INPUT, COMPONENT_TOOL, False)
_NOT_FOUND: Final = Verdict(ErrorCode.NOT_FOUND, COMPONENT_TOOL, False)
_RATE_LIMIT: Final = Verdict(ErrorCode.RATE_LIMIT, COMPONENT_TOOL, True)
_TIMEOUT: Final = Verdict(ErrorCode.TIMEOUT, COMPONENT_TOOL, True)
_UNAUTHORIZED: Final = Verdict(ErrorCode.UNAUTHORIZED, COMPONENT_TOOL, False)
_INTERNAL: Final = Verdict(ErrorCode.INTERNAL_ERROR, COMPONENT_TOOL, False)

# Services spell one code in many ways; compared in lower case, without "exception" at the end.
_BY_VERDICT: Final[tuple[tuple[Verdict, str], ...]] = (
    (
        _RATE_LIMIT,
        "bandwidthlimitexceeded ec2throttled limitexceeded priorrequestnotcomplete "
        "provisionedthroughputexceeded requestlimitexceeded requestthrottled slowdown throttled "
        "throttling toomanyrequests transactioninprogress",
    ),
    (_RATE_LIMIT._replace(recoverable=False), "servicequotaexceeded"),
    (
        _UNAUTHORIZED,
        "accessdenied authfailure expiredtoken forbidden incompletesignature invalidaccesskeyid "
        "invalidclienttokenid invalidsignature missingauthenticationtoken notauthorized "
        "optinrequired requestexpired signaturedoesnotmatch unauthorized unauthorizedoperation "
        "unrecognizedclient",
    ),
    (_NOT_FOUND, "notfound nosuchbucket nosuchkey nosuchentity resourcenotfound"),
    (_TIMEOUT, "modeltimeout requesttimeout"),
    (_INVALID, "invalidparametervalue invalidparametercombination validation validationerror"),
    (
        _TRANSIENT,
        "internalerror internalfailure internalserver internalservererror modelnotready serviceunavailable",
    ),
    (_FAILED, "modelerror modelstreamerror"),
)
_CODES: Final[Mapping[str, Verdict]] = {
    code: verdict for verdict, codes in _BY_VERDICT for code in codes.split()
}

_BEDROCK_OPERATIONS: Final = frozenset(
    {
        "ApplyGuardrail",
        "Converse",
        "ConverseStream",
        "CountTokens",
        "InvokeAgent",
        "InvokeFlow",
        "InvokeInlineAgent",
        "InvokeModel",
        "InvokeModelWithBidirectionalStream",
        "InvokeModelWithResponseStream",
        "RetrieveAndGenerate",
        "RetrieveAndGenerateStream",
    }
)


def _of_client_error(err: Any) -> Verdict | None:
    response = read(err, "response")
    code = (text(entry(response, "Error", "Code")) or "").lower().removesuffix("exception")
    status = entry(response, "ResponseMetadata", "HTTPStatusCode")
    # S3 answers a HEAD request with the bare status as its code.
    verdict = (
        _CODES.get(code)
        or of_http_status(status, COMPONENT_TOOL)
        or of_http_status(int(code) if code.isascii() and code.isdigit() else None, COMPONENT_TOOL)
        or _FAILED
    )
    if text(read(err, "operation_name")) in _BEDROCK_OPERATIONS:
        return verdict._replace(component=COMPONENT_LLM)
    return verdict


def _at_endpoint(verdict: Verdict) -> Inspect:
    """The verdict, of the component `llm` where the endpoint is Bedrock's."""
    bedrock = verdict._replace(component=COMPONENT_LLM)

    def inspect(err: Any) -> Verdict | None:
        url = text(entry(read(err, "kwargs"), "endpoint_url"))
        return bedrock if url is not None and "://bedrock" in url else verdict

    return inspect


RULES: Final[Mapping[str, Mapping[str, Rule]]] = {
    "botocore": {
        "ClientError": _of_client_error,
        "BotoCoreError": _INTERNAL,
        "ConnectionError": _TRANSIENT,
        "ConnectTimeoutError": _at_endpoint(_TIMEOUT),
        "EndpointConnectionError": _at_endpoint(_TRANSIENT),
        "ProxyConnectionError": _TRANSIENT,
        "SSLError": _at_endpoint(_FAILED),
        "HTTPClientError": _TRANSIENT,
        "ConnectionClosedError": _at_endpoint(_TRANSIENT),
        "ReadTimeoutError": _at_endpoint(_TIMEOUT),
        "ResponseStreamingError": _TRANSIENT,
        "IncompleteReadError": _TRANSIENT,
        "CredentialRetrievalError": _UNAUTHORIZED,
        "LoginError": _UNAUTHORIZED,
        "NoAuthTokenError": _UNAUTHORIZED,
        "NoCredentialsError": _UNAUTHORIZED,
        "PartialCredentialsError": _UNAUTHORIZED,
        "SSOError": _UNAUTHORIZED,
        "TokenRetrievalError": _UNAUTHORIZED,
        "EndpointResolutionError": _INVALID,  # a parameter that the endpoint depends on
        "ParamValidationError": _INVALID,
        "ValidationError": _INVALID,
        "WaiterError": _FAILED,
    },
}
