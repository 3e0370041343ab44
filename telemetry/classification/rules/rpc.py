# SPDX-License-Identifier: Apache-2.0
"""grpc, blocking and asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from telemetry.classification.reading import read
from telemetry.classification.statuses import of_grpc_status
from telemetry.classification.verdict import Rule, Verdict
from telemetry.conventions import COMPONENT_TOOL
from telemetry.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RULES"]

_FAILED: Final = Verdict(None, COMPONENT_TOOL, False)


def _of_rpc_error(err: Any) -> Verdict | None:
    code = read(err, "code")
    try:
        name = read(code(), "name") if callable(code) else None
    except Exception:  # noqa: BLE001 - RpcError is a bare class that anybody may fill
        name = None
    return of_grpc_status(name, COMPONENT_TOOL) or _FAILED


RULES: Final[Mapping[str, Mapping[str, Rule]]] = {
    "grpc": {
        "RpcError": _of_rpc_error,
        "FutureTimeoutError": Verdict(ErrorCode.TIMEOUT, COMPONENT_TOOL, True),
        "FutureCancelledError": _FAILED,
        "BaseError": Verdict(ErrorCode.INTERNAL_ERROR, COMPONENT_TOOL, False),
    },
}
