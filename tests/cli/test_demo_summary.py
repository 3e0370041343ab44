# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from telemetry import FlushResult, SignalResult
from telemetry.cli.demo_summary import DemoSummary, render

VALUES = {
    "kairos.errors.total": [
        ({"error.code": "timeout", "component": "llm", "recoverable": "true"}, 3),
        ({"error.code": "llm_error", "component": "llm", "recoverable": "false"}, 1),
    ],
    "kairos.errors.recovered": [({"error.code": "timeout", "component": "llm", "recoverable": "true"}, 2)],
    "kairos.errors.rate": [({"component": "llm"}, 4.0), ({}, 4.0)],
    "kairos.health.status": [({"component": "llm"}, 0), ({"component": "memory"}, 2)],
    "kairos.circuitbreaker.state": [({"component": "llm"}, 1)],
}
DELIVERED = FlushResult(SignalResult(10), SignalResult(20), SignalResult(30))
LOST = FlushResult(SignalResult(10), SignalResult(20, 0, 2, 1), SignalResult(30, 5))


def shown(summary: DemoSummary, width: int = 100, **options: bool) -> str:
    console = Console(file=io.StringIO(), width=width)
    render(summary, console, **options)
    return console.file.getvalue()  # type: ignore[attr-defined]  # the StringIO above


def rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if "│" in line]


def test_errors_are_shown_by_code_and_component_beside_their_recoveries():
    table = rows(shown(DemoSummary.read(VALUES, DELIVERED, ["otlp"])))
    assert ["timeout", "llm", "true", "3", "2"] in table
    assert ["llm_error", "llm", "false", "1", "0"] in table
    assert ["all", "", "", "4", "2"] in table


def test_components_are_shown_with_rate_health_and_breaker():
    table = rows(shown(DemoSummary.read(VALUES, DELIVERED, ["otlp"])))
    assert ["llm", "4", "unhealthy", "half-open"] in table
    assert ["memory", "", "healthy", ""] in table
    assert ["all", "4", "", ""] in table


def test_what_was_sent_is_shown_per_signal():
    table = rows(shown(DemoSummary.read(VALUES, LOST, ["otlp"])))
    assert ["traces (spans)", "20", "0", "2", "1"] in table
    assert ["logs (records)", "30", "5", "0", "0"] in table


def test_what_is_lost_is_said_in_words():
    summary = DemoSummary.read(VALUES, LOST, ["otlp", "file"])
    assert summary.is_lost
    assert "Not delivered to otlp, file: 3 spans. `kairos doctor` says why." in shown(summary)


def test_nothing_is_lost_when_all_is_delivered_or_on_disk():
    assert not DemoSummary.read(VALUES, DELIVERED, ["otlp"]).is_lost
    assert not DemoSummary.read(VALUES, FlushResult(logs=SignalResult(0, 7)), ["otlp"]).is_lost


def test_a_collector_is_suggested_only_to_those_who_use_none():
    advice = "KAIROS_TELEMETRY_EXPORTER=otlp"
    assert advice in shown(DemoSummary.read(VALUES, DELIVERED, ["stdout"]))
    assert advice not in shown(DemoSummary.read(VALUES, DELIVERED, ["otlp-http"]))


def test_prometheus_needs_time_to_scrape():
    assert "--duration 300  # long enough for Prometheus" in shown(
        DemoSummary.read(VALUES, DELIVERED, ["prometheus"])
    )


def test_an_interrupted_demo_says_so():
    text = shown(DemoSummary.read(VALUES, DELIVERED, ["otlp"]), is_interrupted=True)
    assert text.startswith("Interrupted; this is what happened until then.")


def test_it_is_one_line_of_json():
    line = DemoSummary.read(VALUES, DELIVERED, ["otlp"]).to_json()
    assert "\n" not in line
    told = json.loads(line)
    assert told["errors"][0] == {
        "code": "llm_error",
        "component": "llm",
        "recoverable": "false",
        "errors": 1,
        "recovered": 0,
    }
    assert told["sent"][0] == {"signal": "metrics", "delivered": 10, "spooled": 0, "dropped": 0, "pending": 0}


def test_an_empty_pipeline_has_an_empty_summary():
    summary = DemoSummary.read({}, FlushResult(), ["inherit"])
    assert (summary.errors, summary.components, summary.rate) == ((), (), 0.0)
    assert "Sent (inherit)" in shown(summary)


def test_without_an_exporter_there_is_nothing_to_tell():
    summary = DemoSummary.read({}, FlushResult(), ["none"])
    assert shown(summary) == "The exporter is 'none', so nothing was recorded.\n"


def test_a_narrow_terminal_folds_names_and_cuts_none():
    text = shown(DemoSummary.read(VALUES, DELIVERED, ["otlp"]), 40)
    assert "".join(row[0] for row in rows(text) if row[0]).count("llm_error") == 1


@pytest.mark.parametrize("width", [40, 60])
def test_tables_fit_a_narrow_terminal(width: int):
    text = shown(DemoSummary.read(VALUES, LOST, ["otlp"]), width)
    tables = text[: text.index("Not delivered")]
    assert max(len(line) for line in tables.splitlines()) <= width
