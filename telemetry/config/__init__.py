# SPDX-License-Identifier: Apache-2.0
"""Settings: where they come from, what they mean, and what is said about bad ones.

`off` decides whether telemetry is switched off before anything is imported, therefore this
package loads its names on first use.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as `typing` has it, without importing it: the `none` path imports this package
if TYPE_CHECKING:
    from telemetry.config.load import load_config
    from telemetry.config.model import Config
    from telemetry.config.notices import IgnoredSettingWarning, UnknownSettingWarning
    from telemetry.config.origin import Origin
    from telemetry.config.report import Row, rows
    from telemetry.config.settings import Settings

__all__ = [
    "Config",
    "IgnoredSettingWarning",
    "Origin",
    "Row",
    "Settings",
    "UnknownSettingWarning",
    "load_config",
    "rows",
]

_MODULES = {
    "Config": "model",
    "IgnoredSettingWarning": "notices",
    "Origin": "origin",
    "Row": "report",
    "Settings": "settings",
    "UnknownSettingWarning": "notices",
    "load_config": "load",
    "rows": "report",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
