# SPDX-License-Identifier: Apache-2.0
"""`kairos audit`: hands what was typed to the audit trail's own command line, which needs no Typer."""

from __future__ import annotations

import typer

__all__ = ["CONTEXT", "command"]

CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def command(context: typer.Context) -> None:
    """Write, prove, export and read an audit trail."""
    from telemetry.audit.cli import main

    raise typer.Exit(main(context.args, "kairos audit"))
