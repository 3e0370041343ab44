# SPDX-License-Identifier: Apache-2.0
"""Testing with telemetry: the pytest fixture `kairos`, its parts, and a receiver that fails to order.

Names load on first use: pytest imports this package in every run, also where no test needs it.
"""

from __future__ import annotations

from telemetry.lazy import first_use

TYPE_CHECKING = False  # as `typing` has it, without importing it
if TYPE_CHECKING:
    from telemetry.testing.faulty_receiver import FaultyReceiver as FaultyReceiver
    from telemetry.testing.ids import SequentialIds as SequentialIds
    from telemetry.testing.isolation import isolated as isolated
    from telemetry.testing.points import Point as Point
    from telemetry.testing.probe import TelemetryProbe as TelemetryProbe
    from telemetry.testing.received import ReceivedLog as ReceivedLog
    from telemetry.testing.received import ReceivedPoint as ReceivedPoint
    from telemetry.testing.received import ReceivedRequest as ReceivedRequest
    from telemetry.testing.received import ReceivedSpan as ReceivedSpan

_MODULE_OF = {
    "FaultyReceiver": "faulty_receiver",
    "Point": "points",
    "ReceivedLog": "received",
    "ReceivedPoint": "received",
    "ReceivedRequest": "received",
    "ReceivedSpan": "received",
    "SequentialIds": "ids",
    "TelemetryProbe": "probe",
    "isolated": "isolation",
}

__all__ = [
    "FaultyReceiver",
    "Point",
    "ReceivedLog",
    "ReceivedPoint",
    "ReceivedRequest",
    "ReceivedSpan",
    "SequentialIds",
    "TelemetryProbe",
    "isolated",
]


__getattr__ = first_use(__name__, _MODULE_OF)


def __dir__() -> list[str]:
    return sorted(__all__)
