# SPDX-License-Identifier: Apache-2.0
"""`kairos audit`, `python -m telemetry.audit` and `kairos-audit.pyz`: one main for the three."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telemetry.audit.arguments import WrongUseError, parse
from telemetry.audit.errors import AuditError
from telemetry.audit.plurals import plural

if TYPE_CHECKING:
    from argparse import Namespace

    from telemetry.audit.exporting.summary import Summary
    from telemetry.audit.keys import KeyRing
    from telemetry.audit.proving.verdict import Verdict

__all__ = ["main"]

_FINE, _WRONG, _IMPOSSIBLE, _INTERRUPTED = 0, 1, 2, 130
_MOST_LISTED = 20
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_GREEN, _RED = "32", "31"


def main(arguments: list[str], prog: str = "kairos audit") -> int:
    """Runs a command.

    Args:
        arguments: What was typed after the program's name.
        prog: That name, for help.

    Returns:
        0: it worked; 1: it was done, and something is wrong; 2: it could not be done.
    """
    try:
        options = parse(arguments, prog)
        code = _RUN[options.command](options)
        sys.stdout.flush()
    except (AuditError, WrongUseError, ValueError) as error:
        return _fail(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # else Python complains once more when it ends
        return _WRONG
    except OSError as error:
        return _fail(f"{error.filename or 'output'}: {error.strerror}")
    except KeyboardInterrupt:
        return _INTERRUPTED
    except SystemExit as end:  # argparse has printed help
        return end.code if isinstance(end.code, int) else _FINE
    return code


def _fail(message: str) -> int:
    sys.stderr.write(f"kairos audit: {message}\n")
    return _IMPOSSIBLE


def _keys(options: Namespace) -> KeyRing | None:
    from telemetry.audit.keys import KeyRing, read_key_file

    return (
        KeyRing.from_environment() if options.key_file is None else KeyRing([read_key_file(options.key_file)])
    )


# -- append ------------------------------------------------------------------------------------


def _append(options: Namespace) -> int:
    from telemetry.audit.writing.trail import AuditTrail

    if options.event is None and sys.stdin.isatty():
        raise WrongUseError(
            "no EVENT is given, and standard input is a terminal; write for example: deploy target=prod"
        )
    trail = AuditTrail(
        options.log,
        _keys(options),
        max_bytes=options.max_bytes,
        max_age_s=options.max_age,
        fsync=options.fsync,
    )
    with trail:
        if options.event is not None:
            trail.append(options.event, **dict(options.fields))
            return _FINE
        from telemetry.audit.lines import lines_of
        from telemetry.audit.lines import parse as read

        failed = 0
        for number, line in enumerate(lines_of(sys.stdin.buffer), 1):
            row = read(line)
            try:
                if not isinstance(row, str):
                    trail.append_row(row)
                    continue
            except ValueError as error:
                row = str(error)
            if line.strip():
                failed += 1
                sys.stderr.write(f"kairos audit: line {number} {row}\n")
    return _WRONG if failed else _FINE


# -- verify ------------------------------------------------------------------------------------


def _verify(options: Namespace) -> int:
    from telemetry.audit.keys import KeyRing
    from telemetry.audit.proving.anchor import Anchor
    from telemetry.audit.proving.verify import verify

    anchor = None if options.anchor is None else Anchor.parse(options.anchor)
    if anchor is not None and len(options.logs) > 1:
        raise WrongUseError("--anchor is a row of one log; name one log")
    keys = KeyRing.of(_keys(options))
    is_intact = True
    for log in options.logs:
        verdict = verify(log, keys, anchor=anchor, must_be_sealed=options.sealed)
        is_intact = is_intact and verdict.is_intact
        if options.json:
            print(json.dumps({"log": str(log), **verdict.as_json()}))  # noqa: T201 - the result of a command
        else:
            sys.stdout.write(_told(log, verdict, None if options.all else _MOST_LISTED))
    return _FINE if is_intact else _WRONG


def _told(log: Path, verdict: Verdict, most: int | None) -> str:
    files = f"{verdict.files} {plural(verdict.files, 'file')}"
    rows = f"{verdict.rows} {plural(verdict.rows, 'row')}"
    name = _printable(str(log))
    if verdict.is_intact:
        lines = [f"{name}: {_coloured('intact', _GREEN)}: {rows} in {files} proven"]
    else:
        count = len(verdict.findings) + verdict.unlisted
        findings = f"{count} {plural(count, 'finding')}"
        lines = [f"{name}: {_coloured('NOT INTACT', _RED)}: {findings}; {rows} in {files} proven"]
        lines += [f"  {_printable(str(finding))}" for finding in verdict.findings[:most]]
        more = count - len(verdict.findings[:most])
        lines += [f"  ... and {more} more"] if more else []
    lines += [f"  note: {_printable(str(note))}" for note in verdict.notes]
    if verdict.is_intact and verdict.anchor:
        lines.append(f"  anchor: {verdict.anchor}")
    return "\n".join(lines) + "\n"


def _coloured(text: str, colour: str) -> str:
    is_coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return f"\x1b[1;{colour}m{text}\x1b[0m" if is_coloured else text


def _printable(text: str) -> str:
    """The text without what a terminal would obey: names and values in it are others'."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


# -- export ------------------------------------------------------------------------------------


def _export(options: Namespace) -> int:
    from telemetry.audit.exporting.options import ExportOptions

    if options.output is not None and options.endpoint is not None:
        raise WrongUseError("--output and --endpoint exclude each other: choose a file or a receiver")
    spans = ExportOptions(
        ts=options.ts,
        trace_per_row=options.trace_per_row,
        service_name=options.service_name,
        resource=dict(options.resource),
        batch=options.batch,
        key_ring=_keys(options),
    )
    is_delivery = options.output is None and bool(
        options.endpoint or any(os.environ.get(name) for name in _ENDPOINTS)
    )
    summary = _delivered(options, spans) if is_delivery else _exported(options, spans)
    if summary.problem:
        sys.stderr.write(f"kairos audit: {summary.problem}\n")
    if options.json:
        print(json.dumps(summary.as_json()), file=sys.stdout if is_delivery else sys.stderr)
    elif not options.quiet:
        sys.stderr.write(f"kairos audit: {summary.as_text(is_delivery=is_delivery)}\n")
    return summary.exit_code


def _exported(options: Namespace, spans: Any) -> Summary:
    from telemetry.audit.exporting.export import export_to

    if options.output in (None, "-"):
        return export_to(sys.stdout.buffer, options.logs, spans, follow=options.follow)
    with Path(options.output).open("wb") as file:
        return export_to(file, options.logs, spans, follow=options.follow)


def _delivered(options: Namespace, spans: Any) -> Summary:
    from telemetry.audit.exporting.delivery import deliver
    from telemetry.audit.exporting.options import DeliveryOptions

    delivery = DeliveryOptions(
        endpoint=options.endpoint,
        headers=dict(options.header),
        timeout_s=options.timeout,
        compression=options.compression,
        checkpoint=options.checkpoint,
        follow=options.follow,
        ca_file=options.ca_file,
        skip_refused=options.skip_refused,
        retry_for_s=options.retry_for,
    )
    return deliver(options.logs, delivery, spans)


# -- report ------------------------------------------------------------------------------------


def _report(options: Namespace) -> int:
    from telemetry.audit.reporting.figures import figures_of

    figures = figures_of(options.log, _keys(options))
    if options.json:
        print(json.dumps(figures.as_json()))  # noqa: T201 - likewise
    elif options.text:
        from telemetry.audit.reporting.text import as_text

        sys.stdout.write("".join(f"{_printable(line)}\n" for line in as_text(figures)))
    else:
        from telemetry.audit.reporting.page import as_html

        target = options.output or options.log.with_name(f"{options.log.name}.html")
        page = as_html(figures)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(page)
        sys.stderr.write(f"kairos audit: {target} ({len(page.encode()) // 1024 + 1} KiB)\n")
    return _WRONG if figures.verdict is not None and not figures.verdict.is_intact else _FINE


_RUN = {"append": _append, "verify": _verify, "export": _export, "report": _report}
