# SPDX-License-Identifier: Apache-2.0
"""What a run counted, as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telemetry.testing.probe import TelemetryProbe


def report(kairos: TelemetryProbe) -> dict[str, object]:
    """Errors and recoveries by code, components, and how many calls and tokens were measured, by anybody."""
    points = kairos.metrics()

    def by_code(metric: str) -> dict[str, int]:
        found: dict[str, int] = {}
        for point in points:
            if point.name == metric and point.value:
                code = str(point.attributes["error.code"])
                found[code] = found.get(code, 0) + int(point.value)
        return found

    return {
        "errors": by_code("kairos.errors.total"),
        "recovered": by_code("kairos.errors.recovered"),
        "components": sorted(
            {str(p.attributes["component"]) for p in points if p.name == "kairos.errors.total" and p.value}
        ),
        "calls": sum(p.count or 0 for p in points if p.name == "gen_ai.client.operation.duration"),
        "tokens": sum(p.value for p in points if p.name == "gen_ai.client.token.usage"),
        "spans": [
            {
                "scope": span.instrumentation_scope.name if span.instrumentation_scope else "",
                "name": span.name,
                "status": span.status.status_code.name,
            }
            for span in kairos.spans
        ],
    }
