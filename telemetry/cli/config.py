# SPDX-License-Identifier: Apache-2.0
"""`kairos config`: the effective settings and where each came from."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path  # Typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from telemetry.config import Row

__all__ = ["command"]


def command(
    config_file: Annotated[
        Path | None, typer.Option("--config-file", help="YAML file of settings to read.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for programs.")] = False,
) -> None:
    """Print the effective settings and where each came from; secrets are masked.

    Exits with 2 when settings cannot be used, and says which and how to fix them.
    """
    from telemetry.config import load_config, rows
    from telemetry.errors import ConfigError, MissingExtraError

    try:
        settings = rows(load_config(config_file=config_file))
    except (ConfigError, MissingExtraError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    if as_json:
        answer = {row.name: {"value": row.value, "origin": row.origin} for row in settings}
        typer.echo(json.dumps(answer, indent=2))
    elif sys.stdout.isatty():
        _print_table(settings)
    else:
        _print_text(settings)


def _written(row: Row) -> str:
    if row.value is None:
        return "-"
    return row.value if isinstance(row.value, str) else json.dumps(row.value)


def _print_text(settings: list[Row]) -> None:
    lines = [("SETTING", "VALUE", "FROM"), *((row.name, _written(row), row.origin) for row in settings)]
    widths = [max(len(line[column]) for line in lines) for column in range(2)]
    for name, value, origin in lines:
        typer.echo(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {origin}")


def _print_table(settings: list[Row]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("setting", "value", "from", box=None, header_style="bold", pad_edge=False)
    for row in settings:
        # What was chosen stands out from what was left alone. Text: values are never read as markup.
        style = "dim" if row.origin == "default" else ""
        table.add_row(*(Text(cell, style) for cell in (row.name, _written(row), row.origin)))
    Console(no_color="NO_COLOR" in os.environ or None).print(table)
