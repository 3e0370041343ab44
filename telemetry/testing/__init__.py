# SPDX-License-Identifier: Apache-2.0
"""Testing with telemetry: the pytest fixture `kairos`, and what it is made of.

Names load on first use: pytest imports this package in every run, also where no test needs it.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as `typing` has it, without importing it
if TYPE_CHECKING:
    from telemetry.testing.ids import SequentialIds as SequentialIds
    from telemetry.testing.isolation import isolated as isolated
    from telemetry.testing.points import Point as Point
    from telemetry.testing.probe import TelemetryProbe as TelemetryProbe

_MODULE_OF = {"Point": "points", "SequentialIds": "ids", "TelemetryProbe": "probe", "isolated": "isolation"}

__all__ = ["Point", "SequentialIds", "TelemetryProbe", "isolated"]


def __getattr__(name: str) -> object:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
