# SPDX-License-Identifier: Apache-2.0
"""`kairos doctor`: are the settings usable, and does telemetry arrive?"""

from __future__ import annotations

import json
import os
import warnings
from typing import TYPE_CHECKING, Annotated

import typer

from telemetry.errors import ConfigError, TelemetryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from telemetry.config import Settings
    from telemetry.diagnosis import Finding

__all__ = ["command"]

_SERVICE = "kairos-doctor"
_LOOKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failed": ("✗", "red")}


def command(
    exporter: Annotated[
        str | None, typer.Option(help="Try this exporter (or comma list) instead of the configured one.")
    ] = None,
    endpoint: Annotated[
        str | None,
        typer.Option(help="Try this OTLP endpoint, host:port or URL, instead of the configured one."),
    ] = None,
    is_insecure: Annotated[
        bool | None,
        typer.Option("--insecure/--secure", help="Speak plain text, or TLS, whatever is configured."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON to stdout.")] = False,
) -> None:
    """Check the settings, connect to every configured exporter and send one point of each signal.

    Says what came back and what to do about it. Exit 0: data arrives (there may be warnings);
    1: something failed; 2: the settings cannot be used.
    """
    from rich.console import Console

    # The network library writes its own lines about a failing connection: doctor says it in words.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    overrides = {"exporter": exporter, "otlp_endpoint": endpoint, "otlp_insecure": is_insecure}
    findings: list[Finding] = []
    code = 0
    try:
        for finding in _examine({name: value for name, value in overrides.items() if value is not None}):
            findings.append(finding)
            _show(finding, console)
    except TelemetryError as err:
        console.print(str(err), markup=False)
        findings.extend(_as_findings(err))
        code = 2
    else:
        code = _conclude(findings, console)
    if as_json:
        typer.echo(
            json.dumps({"ok": code == 0, "findings": [finding.as_dict() for finding in findings]}, indent=2)
        )
    raise typer.Exit(code)


def _examine(overrides: dict[str, object]) -> Iterator[Finding]:
    from telemetry.diagnosis import diagnose, symptoms
    from telemetry.diagnosis.findings import Answer

    config, doubts = _load(overrides)
    for doubt in doubts:
        yield Answer(symptoms.SETTINGS_DOUBTFUL, doubt).finding("settings")
    yield from diagnose(config)


def _load(overrides: dict[str, object]) -> tuple[Settings, list[str]]:
    """The effective settings, and what was warned about while reading them."""
    from telemetry.config import load_config

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        config = load_config(_SERVICE, "", **overrides)
    return config, [str(warning.message) for warning in caught]


def _as_findings(err: TelemetryError) -> list[Finding]:
    from telemetry.diagnosis import symptoms
    from telemetry.diagnosis.findings import Answer

    problems = err.problems if isinstance(err, ConfigError) else (str(err),)
    return [Answer(symptoms.SETTINGS_BAD, problem).finding("settings") for problem in problems]


def _show(finding: Finding, console: Console) -> None:
    from rich.text import Text

    sign, colour = _LOOKS[finding.outcome]
    console.print(
        Text.assemble((f"{sign} {finding.outcome:<7}", colour), f" {finding.check}: {finding.message}")
    )
    if finding.remedy:
        console.print(
            Text(f"          {finding.remedy}", style="dim" if finding.outcome == "warning" else "")
        )


def _conclude(findings: list[Finding], console: Console) -> int:
    failed = sum(finding.outcome == "failed" for finding in findings)
    if failed:
        console.print(f"{failed} of {len(findings)} checks failed.", style="bold red")
        return 1
    warned = sum(finding.outcome == "warning" for finding in findings)
    console.print(
        f"All {len(findings)} checks passed" + (f", {warned} with a warning." if warned else "."),
        style="bold green",
    )
    return 0
