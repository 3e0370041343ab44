# SPDX-License-Identifier: Apache-2.0
"""The command `kairos`: one file per subcommand, which loads what it needs when it runs."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import typer

from telemetry.cli import audit, config, demo, doctor, spool
from telemetry.version import __version__

if TYPE_CHECKING:
    from typing import TextIO

__all__ = ["app", "main"]

app = typer.Typer(
    name="kairos",
    help="Telemetry for AI agents, on OpenTelemetry.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.command)
app.command("doctor")(doctor.command)
app.command("config")(config.command)
app.add_typer(spool.app, name="spool")
app.command("audit", context_settings=audit.CONTEXT, add_help_option=False)(audit.command)


@app.callback(invoke_without_command=True)
def root(
    is_version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    """Telemetry for AI agents, on OpenTelemetry."""
    if is_version:
        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Runs the command; the entry point of `kairos`."""
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        app()


def _show_warning(
    message: Warning | str,
    category: type[Warning],  # noqa: ARG001 - the signature is Python's
    filename: str,  # noqa: ARG001 - as above
    lineno: int,  # noqa: ARG001 - as above
    file: TextIO | None = None,  # noqa: ARG001 - as above
    line: str | None = None,  # noqa: ARG001 - as above
) -> None:
    # Where in the code a setting was misread says nothing to who typed it.
    typer.echo(f"warning: {message}", err=True)
