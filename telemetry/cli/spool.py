# SPDX-License-Identifier: Apache-2.0
"""`kairos spool`: what waits on disk, sending it, throwing it away."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from telemetry.text import plural

if TYPE_CHECKING:
    from telemetry.config import Settings
    from telemetry.diagnosis.redelivery import Sent
    from telemetry.spool.clearing import Choice
    from telemetry.spool.survey import ExporterSpool

__all__ = ["app"]

app = typer.Typer(help="Look after telemetry that waits on disk.", no_args_is_help=True)

_FAILED, _WRONG_USE = 1, 2
_UNITS_S = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

_Folder = Annotated[
    Path | None,
    typer.Argument(help="The spool directory. Default: the setting spool_dir.", show_default=False),
]
_AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, for programs.")]


class _Signal(StrEnum):
    METRICS = "metrics"
    TRACES = "traces"
    LOGS = "logs"


@app.command("ls")
def list_spools(folder: _Folder = None, as_json: _AsJson = False) -> None:
    """Show what waits, for each exporter and signal, and what was given up."""
    from telemetry.spool.report import as_facts, as_lines

    spool_dir, spools = _survey(folder)
    if as_json:
        typer.echo(json.dumps(as_facts(spool_dir, spools), indent=2))
        return
    for line in as_lines(spools):
        typer.echo(line)
    if not spools:
        typer.echo(f"There is no spool in {spool_dir}.", err=True)


@app.command("send")
def send(
    folder: _Folder = None,
    has_dead_letters: Annotated[
        bool, typer.Option("--dead-letters", help="Try dead letters again, too.")
    ] = False,
    as_json: _AsJson = False,
) -> None:
    """Send what processes left that are gone, through the configured exporters.

    What belongs to processes that still run is left to them. Exit 0: nothing is left; 1: something
    could not be delivered; 2: the settings cannot be used.
    """
    config = _load()
    spool_dir, spools = _survey(folder, config)
    names = [spool.exporter for spool in spools if spool.waiting or (has_dead_letters and spool.dead_letters)]
    results = [_send_one(spool_dir / name, config, has_dead_letters=has_dead_letters) for name in names]
    if as_json:
        typer.echo(json.dumps({"exporters": [_facts(result) for result in results]}, indent=2))
    else:
        for result in results:
            typer.echo(_told(result))
        if not results:
            typer.echo(f"Nothing waits in {spool_dir}.", err=True)
    if not all(result.is_success for result in results):
        raise typer.Exit(_FAILED)


@app.command("drop")
def drop(
    folder: _Folder = None,
    has_dead_letters: Annotated[
        bool,
        typer.Option("--dead-letters", help="Drop dead letters and damaged files instead of what waits."),
    ] = False,
    older_than: Annotated[
        str | None, typer.Option(help="Only what is older: seconds, or 15m, 2h, 7d.", show_default=False)
    ] = None,
    signal: Annotated[_Signal | None, typer.Option(help="Only this signal.", show_default=False)] = None,
    is_sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Throw away what waits. It is lost; a process that still runs counts its own as dropped."""
    from telemetry.spool.clearing import Choice

    choice = Choice(has_dead_letters, None if signal is None else signal.value, _seconds(older_than))
    spool_dir, spools = _survey(folder)
    folders = [spool_dir / spool.exporter for spool in spools]
    counts = _clear(folders, choice, is_rehearsal=True)
    if not counts[0]:
        typer.echo(f"No {_kind(0, has_dead_letters)} to drop in {spool_dir}.", err=True)
        return
    if not is_sure and not typer.confirm(f"Drop {_counted(*counts, has_dead_letters)}?", err=True):
        typer.echo("Nothing was dropped.", err=True)
        raise typer.Exit(_FAILED)
    counts = _clear(folders, choice, is_rehearsal=False)
    typer.echo(f"Dropped {_counted(*counts, has_dead_letters)}.")


def _load() -> Settings:
    from telemetry.config import load_config
    from telemetry.errors import TelemetryError

    try:
        return load_config("kairos-spool", "")
    except TelemetryError as error:
        _fail(str(error), _WRONG_USE)


def _survey(folder: Path | None, config: Settings | None = None) -> tuple[Path, list[ExporterSpool]]:
    """The spool directory and what is in it."""
    from telemetry.spool.survey import survey

    spool_dir = folder or (config or _load()).spool_dir
    if spool_dir is None:
        _fail(
            "spool_dir is not set, so nothing waits on disk. Set KAIROS_TELEMETRY_SPOOL_DIR, or name the "
            "directory as an argument.",
            _WRONG_USE,
        )
    if folder is not None and not folder.is_dir():
        _fail(
            f"{folder} is not a directory. Name the directory that the setting spool_dir names.", _WRONG_USE
        )
    try:
        return spool_dir, survey(spool_dir)
    except OSError as error:
        _fail(f"{spool_dir} cannot be read: {error.strerror}.", _FAILED)


def _send_one(folder: Path, config: Settings, *, has_dead_letters: bool) -> Sent:
    from telemetry.diagnosis.redelivery import Sent, redeliver
    from telemetry.errors import TelemetryError
    from telemetry.exporters import registry

    name = folder.name
    if name not in config.all_exporters:
        configured = ",".join(config.all_exporters) or "none"
        return Sent(
            name,
            error=f"KAIROS_TELEMETRY_EXPORTER is {configured}; set it as in the service, the endpoint too",
        )
    try:
        otlp = registry.build(name, config).otlp
        if otlp is None:
            return Sent(name, error="this exporter sends nothing from a spool")
        transport = otlp.connect()
        try:
            return redeliver(folder, transport, config, has_dead_letters=has_dead_letters)
        finally:
            transport.close()
    except (TelemetryError, OSError) as error:
        return Sent(name, error=str(error))


def _facts(result: Sent) -> dict[str, object]:
    return {**result._asdict(), "dropped": dict(result.dropped)}


def _told(result: Sent) -> str:
    parts = [f"{result.delivered} {plural(result.delivered, 'record')} delivered"]
    parts += [f"{records} dropped ({reason})" for reason, records in sorted(result.dropped.items())]
    if result.waiting:
        parts.append(f"{result.waiting} still waiting")
    if result.running:
        parts.append(f"{result.running} left to processes that still run")
    text = f"{result.exporter}: {', '.join(parts)}"
    return text if result.error is None else f"{text}: {result.error}"


def _kind(count: int, has_dead_letters: bool) -> str:
    if has_dead_letters:
        return plural(count, "dead letter or damaged file", "dead letters and damaged files")
    return plural(count, "waiting request")


def _counted(requests: int, records: int, has_dead_letters: bool) -> str:
    kind = _kind(requests, has_dead_letters)
    return f"{requests} {kind} with {records} {plural(records, 'record')}"


def _clear(folders: list[Path], choice: Choice, *, is_rehearsal: bool) -> tuple[int, int]:
    from telemetry.spool.clearing import clear

    try:
        cleared = [clear(folder, choice, is_rehearsal=is_rehearsal) for folder in folders]
    except OSError as error:
        _fail(f"{error.filename} cannot be dropped: {error.strerror}.", _FAILED)
    return sum(one.requests for one in cleared), sum(one.records for one in cleared)


def _seconds(text: str | None) -> float:
    """Reads a duration; zero when there is none."""
    if text is None:
        return 0.0
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)([smhd]?)", text.strip())
    if match is None:
        _fail(
            f"--older-than: {text!r} is not a duration; allowed: seconds, or a number with s, m, h or d. "
            "Write for example 2h.",
            _WRONG_USE,
        )
    return float(match[1]) * _UNITS_S[match[2]]


def _fail(message: str, code: int) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code)
