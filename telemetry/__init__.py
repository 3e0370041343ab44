# SPDX-License-Identifier: Apache-2.0
"""Telemetry for AI agents, on OpenTelemetry.

    shutdown = telemetry.init("my-agent", "1.0.0")

The whole public API is listed below. Names load on first use (PEP 562), so that importing this
package costs next to nothing and an agent that runs with the exporter `none` never pays for more.
"""

from __future__ import annotations

from telemetry.version import __version__

TYPE_CHECKING = False  # as `typing` has it, without importing it
if TYPE_CHECKING:
    from telemetry import conventions
    from telemetry.audit import AuditTrail
    from telemetry.classification import Classification
    from telemetry.config import Config, UnknownSettingWarning
    from telemetry.errors import ConfigError, ErrorCode, KairosError, MissingExtraError, TelemetryError
    from telemetry.metrics.states import CircuitState, HealthStatus
    from telemetry.pipeline.delivery.outcomes import ExporterStatus, FlushResult, SignalResult
    from telemetry.pipeline.own_instruments import counter, gauge, histogram
    from telemetry.pipeline.recording import (
        classify,
        record_error,
        record_error_metric,
        record_error_span,
        record_recovery,
        register_classifier,
        retry_after,
        set_circuit_state,
        set_health,
    )
    from telemetry.pipeline.setup import configure_logging, get_logger, init, init_with_config
    from telemetry.pipeline.spans import chat, execute_tool, invoke_agent, observe
    from telemetry.pipeline.telemetry import Telemetry
    from telemetry.redaction import redact

# fmt: off
__all__ = [  # noqa: RUF022 - grouped by what a reader looks for
    # set up and look at it
    "init", "init_with_config", "Config", "Telemetry", "FlushResult", "SignalResult", "ExporterStatus",
    # errors
    "record_error", "record_error_metric", "record_error_span", "record_recovery",
    "KairosError", "ErrorCode", "classify", "Classification", "register_classifier", "retry_after",
    # states
    "set_health", "HealthStatus", "set_circuit_state", "CircuitState",
    # spans
    "observe", "invoke_agent", "chat", "execute_tool",
    # instruments and logs of your own
    "counter", "gauge", "histogram", "get_logger", "configure_logging",
    # what exporters do to every text, for text that goes elsewhere
    "redact",
    # an audit log that can be proven
    "AuditTrail",
    # what set-up may raise or warn of
    "TelemetryError", "ConfigError", "MissingExtraError", "UnknownSettingWarning",
    # every name that is emitted
    "conventions", "__version__",
]
_MODULES = {
    "telemetry.audit": ("AuditTrail",),
    "telemetry.classification": ("Classification",),
    "telemetry.config": ("Config", "UnknownSettingWarning"),
    "telemetry.errors": ("ConfigError", "ErrorCode", "KairosError", "MissingExtraError", "TelemetryError"),
    "telemetry.metrics.states": ("CircuitState", "HealthStatus"),
    "telemetry.pipeline.delivery.outcomes": ("ExporterStatus", "FlushResult", "SignalResult"),
    "telemetry.pipeline.own_instruments": ("counter", "gauge", "histogram"),
    "telemetry.pipeline.setup": ("configure_logging", "get_logger", "init", "init_with_config"),
    "telemetry.pipeline.spans": ("chat", "execute_tool", "invoke_agent", "observe"),
    "telemetry.pipeline.telemetry": ("Telemetry",),
    "telemetry.redaction": ("redact",),
}
# fmt: on
_MODULE_OF = {name: module for module, names_there in _MODULES.items() for name in names_there}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    if name == "conventions":
        value: object = import_module("telemetry.conventions")
    else:
        value = getattr(import_module(_MODULE_OF.get(name, "telemetry.pipeline.recording")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
