# SPDX-License-Identifier: Apache-2.0
"""Instrumentors: the events of resilience libraries that people already use, as our metrics.

    TenacityInstrumentor().instrument()

They are OpenTelemetry instrumentors, so `opentelemetry-instrument` finds them too. Names load on
first use: a library is only imported by its own instrumentor.
"""

from __future__ import annotations

from telemetry.lazy import first_use

TYPE_CHECKING = False  # as `typing` has it, without importing it
if TYPE_CHECKING:
    from telemetry.instrumentation.httpx import HttpxRetryInstrumentor as HttpxRetryInstrumentor
    from telemetry.instrumentation.purgatory import PurgatoryInstrumentor as PurgatoryInstrumentor
    from telemetry.instrumentation.pybreaker import PybreakerInstrumentor as PybreakerInstrumentor
    from telemetry.instrumentation.stamina import StaminaInstrumentor as StaminaInstrumentor
    from telemetry.instrumentation.tenacity import TenacityInstrumentor as TenacityInstrumentor

_MODULE_OF = {
    "HttpxRetryInstrumentor": "httpx",
    "PurgatoryInstrumentor": "purgatory",
    "PybreakerInstrumentor": "pybreaker",
    "StaminaInstrumentor": "stamina",
    "TenacityInstrumentor": "tenacity",
}

__all__ = [
    "HttpxRetryInstrumentor",
    "PurgatoryInstrumentor",
    "PybreakerInstrumentor",
    "StaminaInstrumentor",
    "TenacityInstrumentor",
]


__getattr__ = first_use(__name__, _MODULE_OF)


def __dir__() -> list[str]:
    return sorted(__all__)
