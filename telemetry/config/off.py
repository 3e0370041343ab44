# SPDX-License-Identifier: Apache-2.0
"""Whether telemetry is switched off, decided before pydantic or the SDK is imported.

Only builtins are used here: an agent that runs with `none` pays for no import.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as `typing` has it, without importing it
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["is_off"]

_EXPORTERS = ("OTEL_METRICS_EXPORTER", "OTEL_TRACES_EXPORTER", "OTEL_LOGS_EXPORTER")


def is_off(exporter: object, environ: Mapping[str, str]) -> bool:
    """Tell whether code or environment switch telemetry off altogether.

    The order is that of the settings: the argument in code, `KAIROS_TELEMETRY_EXPORTER`, then
    `OTEL_SDK_DISABLED=true` or `none` in all three of `OTEL_{METRICS,TRACES,LOGS}_EXPORTER`.
    A settings file is not read here; one that says `none` is found by `Config.is_off`.

    Args:
        exporter: The `exporter` given in code; `None` where code leaves it open.
        environ: The environment.

    Returns:
        True when nothing needs to be set up. Never raises.
    """
    if exporter is None or exporter == "":
        exporter = environ.get("KAIROS_TELEMETRY_EXPORTER", "").strip()
    if exporter:
        return _says(exporter, "none")
    return _says(environ.get("OTEL_SDK_DISABLED"), "true") or all(
        _says(environ.get(name), "none") for name in _EXPORTERS
    )


def _says(value: object, word: str) -> bool:
    return isinstance(value, str) and value.strip().lower() == word
