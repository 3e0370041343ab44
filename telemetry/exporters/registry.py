# SPDX-License-Identifier: Apache-2.0
"""From an exporter's name to its parts: ours by a table, others by OpenTelemetry's entry points."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from telemetry.errors import ConfigError, TelemetryError
from telemetry.exporters.base import Exporters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.config import Settings

__all__ = ["BUILT_IN", "ENTRY_POINT_GROUPS", "build", "names"]

BUILT_IN: Mapping[str, str] = MappingProxyType(
    {
        "otlp": "telemetry.exporters.otlp_grpc",
        "otlp-http": "telemetry.exporters.otlp_http",
        "stdout": "telemetry.exporters.stdout",
        "prometheus": "telemetry.exporters.prometheus",
        "file": "telemetry.exporters.file",
        "memory": "telemetry.exporters.memory",
    }
)
"""Name to module; each module has `build(config) -> Exporters`."""

ENTRY_POINT_GROUPS: Mapping[str, str] = MappingProxyType(
    {
        "metrics": "opentelemetry_metrics_exporter",
        "spans": "opentelemetry_traces_exporter",
        "logs": "opentelemetry_logs_exporter",
    }
)
"""Field of `Exporters` to the entry-point group in which OpenTelemetry's distributions register."""


def names() -> tuple[str, ...]:
    """The names of the built-in exporters, in the order of the documentation."""
    return tuple(BUILT_IN)


def build(name: str, config: Settings) -> Exporters:
    """Build the exporter of that name.

    A name that is not ours is looked up in `ENTRY_POINT_GROUPS`; the class found there is called
    without arguments, as the OpenTelemetry SDK does, and configures itself from the environment.

    Args:
        name: A built-in name or one that an installed distribution registered.
        config: Effective settings.

    Raises:
        ConfigError: No exporter has that name.
        TelemetryError: The exporter could not be set up.
    """
    module = BUILT_IN.get(name)
    if module is not None:
        built: Exporters = import_module(module).build(config)
        return built
    parts = {field: _from_entry_point(group, name) for field, group in ENTRY_POINT_GROUPS.items()}
    if all(part is None for part in parts.values()):
        raise ConfigError([_unknown(name)])
    return Exporters(**parts)


def _from_entry_point(group: str, name: str) -> Any:
    from importlib.metadata import entry_points  # reads every installed distribution: for unknown names only

    for point in entry_points(group=group, name=name):
        try:
            return point.load()()
        except Exception as error:  # third-party code: whatever it raises is a failed set-up
            raise TelemetryError(
                f"exporter: {name!r} ({point.value}, entry-point group {group}) could not be set up: "
                f"{type(error).__name__}: {error}. "
                "Check that distribution's own settings, or choose another exporter."
            ) from error
    return None


def _unknown(name: str) -> str:
    import difflib
    from importlib.metadata import entry_points

    registered = {point.name for group in ENTRY_POINT_GROUPS.values() for point in entry_points(group=group)}
    nearest = difflib.get_close_matches(name, [*BUILT_IN, *sorted(registered)], n=1)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else "."
    return (
        f"exporter: {name!r} is not known; allowed: {', '.join((*BUILT_IN, 'none', 'inherit'))}, or a name "
        f"that an installed distribution registers in {', '.join(ENTRY_POINT_GROUPS.values())}{hint}"
    )
