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
    from telemetry.classification import Classification as Classification
    from telemetry.config import (
        Config as Config,
    )
    from telemetry.config import (
        UnknownSettingWarning as UnknownSettingWarning,
    )
    from telemetry.errors import (
        ConfigError as ConfigError,
    )
    from telemetry.errors import (
        ErrorCode as ErrorCode,
    )
    from telemetry.errors import (
        KairosError as KairosError,
    )
    from telemetry.errors import (
        MissingExtraError as MissingExtraError,
    )
    from telemetry.errors import (
        TelemetryError as TelemetryError,
    )
    from telemetry.metrics.states import (
        CircuitState as CircuitState,
    )
    from telemetry.metrics.states import (
        HealthStatus as HealthStatus,
    )
    from telemetry.pipeline.facade import (
        classify as classify,
    )
    from telemetry.pipeline.facade import (
        configure_logging as configure_logging,
    )
    from telemetry.pipeline.facade import (
        counter as counter,
    )
    from telemetry.pipeline.facade import (
        gauge as gauge,
    )
    from telemetry.pipeline.facade import (
        get_logger as get_logger,
    )
    from telemetry.pipeline.facade import (
        histogram as histogram,
    )
    from telemetry.pipeline.facade import (
        init as init,
    )
    from telemetry.pipeline.facade import (
        init_with_config as init_with_config,
    )
    from telemetry.pipeline.facade import (
        record_error as record_error,
    )
    from telemetry.pipeline.facade import (
        record_error_metric as record_error_metric,
    )
    from telemetry.pipeline.facade import (
        record_error_span as record_error_span,
    )
    from telemetry.pipeline.facade import (
        record_recovery as record_recovery,
    )
    from telemetry.pipeline.facade import (
        register_classifier as register_classifier,
    )
    from telemetry.pipeline.facade import (
        retry_after as retry_after,
    )
    from telemetry.pipeline.facade import (
        set_circuit_state as set_circuit_state,
    )
    from telemetry.pipeline.facade import (
        set_health as set_health,
    )
    from telemetry.pipeline.outcomes import (
        ExporterStatus as ExporterStatus,
    )
    from telemetry.pipeline.outcomes import (
        FlushResult as FlushResult,
    )
    from telemetry.pipeline.outcomes import (
        SignalResult as SignalResult,
    )
    from telemetry.pipeline.spans import (
        chat as chat,
    )
    from telemetry.pipeline.spans import (
        execute_tool as execute_tool,
    )
    from telemetry.pipeline.spans import (
        invoke_agent as invoke_agent,
    )
    from telemetry.pipeline.spans import (
        observe as observe,
    )
    from telemetry.pipeline.telemetry import Telemetry as Telemetry

_MODULES = {
    "telemetry.pipeline.facade": (
        "classify configure_logging counter gauge get_logger histogram init init_with_config record_error "
        "record_error_metric record_error_span record_recovery register_classifier retry_after "
        "set_circuit_state set_health"
    ),
    "telemetry.pipeline.spans": "chat execute_tool invoke_agent observe",
    "telemetry.pipeline.telemetry": "Telemetry",
    "telemetry.pipeline.outcomes": "ExporterStatus FlushResult SignalResult",
    "telemetry.config": "Config UnknownSettingWarning",
    "telemetry.classification": "Classification",
    "telemetry.errors": "ConfigError ErrorCode KairosError MissingExtraError TelemetryError",
    "telemetry.metrics.states": "CircuitState HealthStatus",
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names.split()}

__all__ = ["__version__", *_MODULE_OF]  # noqa: PLE0604 - the names of the table above


def __getattr__(name: str) -> object:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
