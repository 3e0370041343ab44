# SPDX-License-Identifier: Apache-2.0
"""What `kairos demo` says at its end, read from the cells that were exported."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.table import Table
from rich.text import Text

from telemetry import CircuitState, HealthStatus
from telemetry import conventions as names
from telemetry.text import plural

__all__ = ["DemoSummary", "render"]

Snapshot = Mapping[str, Sequence[tuple[Mapping[str, object], float]]]
"""Current values by metric name: (attributes, value) per series."""

_SIGNALS = {"metrics": "point", "traces": "span", "logs": "record"}
_COLOURS = {
    "healthy": "green",
    "closed": "green",
    "degraded": "yellow",
    "half_open": "yellow",
    "unhealthy": "red",
    "open": "red",
}


class SignalResult(Protocol):
    """What became of one signal's records."""

    @property
    def delivered(self) -> int: ...
    @property
    def spooled(self) -> int: ...
    @property
    def dropped(self) -> int: ...
    @property
    def pending(self) -> int: ...


class Flushed(Protocol):
    """What became of every signal's records."""

    @property
    def metrics(self) -> SignalResult: ...
    @property
    def traces(self) -> SignalResult: ...
    @property
    def logs(self) -> SignalResult: ...


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """One series of `kairos.errors.total`, beside its recoveries."""

    code: str
    component: str
    recoverable: str
    errors: int
    recovered: int


@dataclass(frozen=True, slots=True)
class ComponentRow:
    """One component's gauges; None: it has no such series."""

    component: str
    rate: float | None
    health: str | None
    breaker: str | None


@dataclass(frozen=True, slots=True)
class SentRow:
    """What became of one signal's records."""

    signal: str
    delivered: int
    spooled: int
    dropped: int
    pending: int

    @property
    def lost(self) -> int:
        """Records that neither arrived nor wait on disk."""
        return self.dropped + self.pending


@dataclass(frozen=True, slots=True)
class DemoSummary:
    """The demo's result.

    Attributes:
        exporters: Where the telemetry went.
        errors: By code and component.
        rate: Errors per minute of the whole process.
        components: Rate, health and circuit state.
        sent: What the last flush says of each signal.
    """

    exporters: tuple[str, ...]
    errors: tuple[ErrorRow, ...]
    rate: float
    components: tuple[ComponentRow, ...]
    sent: tuple[SentRow, ...]

    @classmethod
    def read(cls, values: Snapshot, flushed: Flushed, exporters: Iterable[str]) -> DemoSummary:
        """Reads a summary.

        Args:
            values: The pipeline's cells.
            flushed: What its shutdown said.
            exporters: Where the telemetry went.
        """
        recovered = {
            _error_key(labels): int(value) for labels, value in values.get(names.ERRORS_RECOVERED, ())
        }
        errors = sorted(
            (_error_key(labels), int(value)) for labels, value in values.get(names.ERRORS_TOTAL, ())
        )
        rates = {
            str(labels[names.COMPONENT]) if names.COMPONENT in labels else None: value
            for labels, value in values.get(names.ERRORS_RATE, ())
        }
        health = _states(values.get(names.HEALTH_STATUS, ()), HealthStatus)
        breakers = _states(values.get(names.CIRCUIT_STATE, ()), CircuitState)
        components = sorted({*health, *breakers, *(name for name in rates if name is not None)})
        return cls(
            exporters=tuple(exporters),
            errors=tuple(ErrorRow(*key, value, recovered.get(key, 0)) for key, value in errors),
            rate=rates.get(None, 0.0),
            components=tuple(
                ComponentRow(name, rates.get(name), health.get(name), breakers.get(name))
                for name in components
            ),
            sent=tuple(_sent(signal, getattr(flushed, signal)) for signal in _SIGNALS),
        )

    @property
    def is_lost(self) -> bool:
        """Whether anything neither arrived nor waits on disk."""
        return any(row.lost for row in self.sent)

    def to_json(self) -> str:
        """Returns the summary as one line of JSON."""
        return json.dumps(asdict(self))


def render(summary: DemoSummary, console: Console, *, is_interrupted: bool = False) -> None:
    """Prints a summary for people.

    Args:
        summary: What to print.
        console: Where.
        is_interrupted: Whether the demo was ended from the keyboard.
    """
    if is_interrupted:
        console.print("Interrupted; this is what happened until then.", style="yellow")
    if summary.exporters == ("none",):
        console.print("The exporter is 'none', so nothing was recorded.")
        return
    console.print(_errors_table(summary))
    console.print(_components_table(summary))
    console.print(_sent_table(summary))
    for line in _advice(summary):
        console.print(line, highlight=False, soft_wrap=True)


def _errors_table(summary: DemoSummary) -> Table:
    table = Table(title="Errors", title_justify="left", show_footer=True)
    # Folded, not cut: on a narrow terminal the end of a name is what tells it from another.
    table.add_column("code", "all", overflow="fold")
    table.add_column("component", overflow="fold")
    table.add_column("recoverable", overflow="fold")
    table.add_column("errors", str(sum(row.errors for row in summary.errors)), justify="right")
    table.add_column("recovered", str(sum(row.recovered for row in summary.errors)), justify="right")
    for row in summary.errors:
        colour = "green" if row.recovered == row.errors else "yellow" if row.recovered else "red"
        table.add_row(
            row.code, row.component, row.recoverable, str(row.errors), Text(str(row.recovered), style=colour)
        )
    return table


def _components_table(summary: DemoSummary) -> Table:
    table = Table(title="Components", title_justify="left", show_footer=True)
    table.add_column("component", "all", overflow="fold")
    table.add_column("errors/min", f"{summary.rate:g}", justify="right")
    table.add_column("health")
    table.add_column("breaker")
    for row in summary.components:
        rate = "" if row.rate is None else f"{row.rate:g}"
        table.add_row(row.component, rate, _state_text(row.health), _state_text(row.breaker))
    return table


def _sent_table(summary: DemoSummary) -> Table:
    table = Table(title=f"Sent ({', '.join(summary.exporters)})", title_justify="left")
    table.add_column("signal", overflow="fold")
    for column in ("delivered", "spooled", "dropped", "pending"):
        table.add_column(column, justify="right")
    for row in summary.sent:
        lost = "red" if row.lost else ""
        table.add_row(
            f"{row.signal} ({_SIGNALS[row.signal]}s)",
            str(row.delivered),
            str(row.spooled),
            Text(str(row.dropped), style=lost if row.dropped else ""),
            Text(str(row.pending), style=lost if row.pending else ""),
        )
    return table


def _advice(summary: DemoSummary) -> list[Text]:
    lines = []
    if summary.is_lost:
        lost = ", ".join(
            f"{row.lost} {plural(row.lost, _SIGNALS[row.signal])}" for row in summary.sent if row.lost
        )
        lines.append(
            Text(
                f"Not delivered to {', '.join(summary.exporters)}: {lost}. `{_typed()} doctor` says why.",
                "bold red",
            )
        )
    kairos = _typed()
    steps = [(f"{kairos} doctor", "check the connection, one point of each signal")]
    if not any(name.startswith("otlp") for name in summary.exporters):
        otlp = f"KAIROS_TELEMETRY_EXPORTER=otlp KAIROS_TELEMETRY_OTLP_ENDPOINT=localhost:4317 {kairos} demo"
        steps.append((otlp, "the same into a collector"))
    if "prometheus" in summary.exporters:
        steps.append((f"{kairos} demo --duration 300", "long enough for Prometheus to scrape it"))
    steps += [
        (f"{kairos} config", "the settings in effect, and where each came from"),
        (f"{kairos} demo --duration 60", "a longer story"),
    ]
    lines.append(Text("Next:", "bold"))
    lines += [Text.assemble("  ", (step, "cyan"), f"  # {why}") for step, why in steps]
    return lines


def _typed() -> str:
    """Returns how to call this command again: by its path where it is not on PATH, as after `make demo`."""
    script = Path(sys.argv[0])
    found = shutil.which("kairos")
    if script.stem != "kairos" or (found is not None and Path(found) == script.absolute()):
        return "kairos"
    return os.path.relpath(script)


def _error_key(labels: Mapping[str, object]) -> tuple[str, str, str]:
    return (
        str(labels.get(names.ERROR_CODE, "")),
        str(labels.get(names.COMPONENT, "")),
        str(labels.get(names.RECOVERABLE, "")),
    )


def _states(
    points: Sequence[tuple[Mapping[str, object], float]], kind: type[HealthStatus] | type[CircuitState]
) -> dict[str, str]:
    return {str(labels.get(names.COMPONENT, "")): kind(int(value)).name.lower() for labels, value in points}


def _sent(signal: str, result: SignalResult) -> SentRow:
    return SentRow(signal, result.delivered, result.spooled, result.dropped, result.pending)


def _state_text(state: str | None) -> Text:
    return Text((state or "").replace("_", "-"), style=_COLOURS.get(state or "", ""))
