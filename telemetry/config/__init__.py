# SPDX-License-Identifier: Apache-2.0
"""Settings: where they come from, what they mean, and what is said about bad ones.

`off` decides whether telemetry is switched off before anything is imported, therefore this
package loads its names on first use.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as `typing` has it, without importing it: the `none` path imports this package
if TYPE_CHECKING:
    from telemetry.config.origin import Origin
    from telemetry.config.report import Row, rows
    from telemetry.config.settings import Config, load_config
    from telemetry.config.sources import UnknownSettingWarning

__all__ = ["Config", "Origin", "Row", "UnknownSettingWarning", "load_config", "rows"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    modules = {"Origin": "origin", "Row": "report", "rows": "report", "UnknownSettingWarning": "sources"}
    value = getattr(importlib.import_module(f"{__name__}.{modules.get(name, 'settings')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
