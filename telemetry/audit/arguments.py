# SPDX-License-Identifier: Apache-2.0
"""What can be typed after `kairos audit`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["WrongUseError", "parse"]

_ABOUT = """\
Write, prove, export and read an audit trail: one JSON object per line, each signed and chained to the one
before. The key comes from KAIROS_AUDIT_KEY, KAIROS_AUDIT_KEY_FILE (mode 0600) or KAIROS_AUDIT_KEYS
(id=secret,id2=secret2; the first one signs), or from --key-file.
"""
_EXAMPLES = {
    "": """\
examples:
  %(prog)s append audit.jsonl tool_use tool=Bash policy_outcome=allowed
  %(prog)s verify audit.jsonl
  %(prog)s export audit.jsonl > spans.jsonl
  %(prog)s export audit.jsonl --follow --endpoint http://localhost:4318
  %(prog)s report audit.jsonl -o report.html

exit status: 0 it worked; 1 it was done and something is wrong (a broken trail, rows that were not delivered);
2 it could not be done (wrong use, no key, no such log)
""",
    "append": """\
examples:
  %(prog)s audit.jsonl deploy target=prod severity=info
  %(prog)s audit.jsonl tool_use tool=Bash duration_ms:=42 policy_outcome=allowed
  jq -c . events.json | %(prog)s audit.jsonl

NAME=TEXT gives a member a text, NAME:=JSON any JSON value. Without EVENT rows are read from standard input,
one JSON object per line. Credentials are masked. An append is safe beside any number of other writers.
exit status: 0 every row was written; 1 a line was no row; 2 the trail cannot be written
""",
    "verify": """\
examples:
  %(prog)s audit.jsonl
  %(prog)s audit.jsonl --anchor 200:s61IL2OAIZfTkBMJz5tpajw+YweUcDTuHE1dmSTE6/4=
  %(prog)s hydra.jsonl

Names every row that is not as it was written, the first one first. The files alone cannot show that all of
them were put back to an earlier state. For that, keep the anchor that is printed at the end where the writer
of the log cannot change it, and give it next time.
exit status: 0 intact; 1 something is broken; 2 there is no such log, or no key
""",
    "export": """\
examples:
  %(prog)s audit.jsonl > spans.jsonl              one OTLP/JSON document per line, for otlpjsonfile
  %(prog)s audit.jsonl --endpoint http://localhost:4318
  %(prog)s audit.jsonl --follow --endpoint http://localhost:4318
  ... | %(prog)s /dev/stdin

With an endpoint (also from OTEL_EXPORTER_OTLP_ENDPOINT) rows are delivered, and a checkpoint beside the log
moves when the receiver has accepted them: run it again, and it goes on there. Headers with secrets belong
into OTEL_EXPORTER_OTLP_HEADERS, not onto the command line. With a key, rows are verified while they pass.
exit status: 0 everything went out; 1 something did not; 2 it could not begin
""",
    "report": """\
examples:
  %(prog)s audit.jsonl -o report.html
  %(prog)s audit.jsonl --text

One HTML file without scripts and without anything from elsewhere. Without a key the trail is not proven, and
the report says so.
exit status: 0 intact; 1 something is broken; 2 there is no such log
""",
}


class WrongUseError(Exception):
    """What was typed cannot be understood; the message says what can."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise WrongUseError(f"{message}\nTry: {self.prog} --help")


def parse(arguments: list[str], prog: str) -> argparse.Namespace:
    """Reads a command line.

    Raises:
        WrongUseError: It cannot be understood.
        SystemExit: Help was asked for, and printed.
    """
    parser = _made(_Parser, prog, "", "Audit trails that can be proven.", _ABOUT)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    subparsers = {
        name: add(_made(commands.add_parser, f"{prog} {name}", name, about, about, name))
        for name, (about, add) in _COMMANDS.items()
    }
    first = next((word for word in arguments if not word.startswith("-")), None)
    if first is not None and first not in subparsers:
        raise WrongUseError(_unknown(f"there is no command {first!r}", first, list(subparsers), prog))
    found: argparse.Namespace
    found, extra = parser.parse_known_args(arguments)
    if found.command is None:
        parser.print_help()
        raise SystemExit(2)
    if extra:
        known = subparsers[found.command]
        options = [option for action in known._actions for option in action.option_strings]  # noqa: SLF001 - argparse has no public list of its options
        word = extra[0].partition("=")[0]
        raise WrongUseError(_unknown(f"{word!r} is not known", word, options, known.prog))
    return found


def _made(make: Callable[..., Any], prog: str, command: str, about: str, text: str, *names: str) -> Any:
    return make(
        *names,
        prog=prog,
        description=text,
        epilog=_EXAMPLES[command],
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        **({"help": about} if names else {}),
    )


def _unknown(problem: str, word: str, known: list[str], prog: str) -> str:
    from difflib import get_close_matches

    similar = get_close_matches(word, known, 1)
    hint = f"; did you mean {similar[0]!r}?" if similar else ""
    return f"{problem}{hint}\nAllowed: {', '.join(known)}\nTry: {prog} --help"


# -- the options of each command ---------------------------------------------------------------


def _append(parser: Any) -> Any:
    parser.add_argument("log", type=Path, metavar="LOG", help="the trail; it is begun when it is missing")
    parser.add_argument("event", nargs="?", metavar="EVENT", help="what happened, such as tool_use")
    parser.add_argument("fields", nargs="*", type=_field, metavar="NAME=TEXT", help="members of the row")
    parser.add_argument(
        "--max-bytes",
        type=_whole(0),
        default=64 * 1024 * 1024,
        metavar="N",
        help="begin a new file at this size",
    )
    parser.add_argument(
        "--max-age", type=_seconds, default=0.0, metavar="S", help="begin a new file at this age in seconds"
    )
    parser.add_argument(
        "--fsync",
        choices=("off", "interval", "always"),
        default="interval",
        help="when to force rows onto the disk",
    )
    return _common(parser)


def _verify(parser: Any) -> Any:
    parser.add_argument("logs", nargs="+", type=Path, metavar="LOG", help="the file that is written to")
    parser.add_argument("--anchor", metavar="ROW:HASH", help="a row that must be there, as verify printed it")
    parser.add_argument(
        "--sealed", action="store_true", help="refuse logs without sealed heads, which prove less (Hydra's)"
    )
    parser.add_argument("--all", action="store_true", help="list every finding, not only the first twenty")
    return _common(parser, "print one JSON object for each log")


def _export(parser: Any) -> Any:
    parser.add_argument("logs", nargs="+", metavar="LOG", help="a log; - or /dev/stdin: standard input")
    parser.add_argument("--follow", action="store_true", help="go on with what is appended, until SIGTERM")
    spans = parser.add_argument_group("spans")
    spans.add_argument(
        "--ts", choices=("start", "end"), default="start", help="what a row's ts is; default: start"
    )
    spans.add_argument("--trace-per-row", action="store_true", help="a trace for each row, from prev_hash")
    spans.add_argument("--service-name", metavar="NAME", help="default: OTEL_SERVICE_NAME, else audit")
    spans.add_argument(
        "--resource",
        action="append",
        type=_pair,
        default=[],
        metavar="NAME=VALUE",
        help="attribute of the resource",
    )
    spans.add_argument(
        "--batch",
        type=_whole(1),
        default=512,
        metavar="N",
        help="most spans in a document or request; default: 512",
    )
    output = parser.add_argument_group("to a file")
    output.add_argument("-o", "--output", metavar="FILE", help="default: - for standard output")
    delivery = parser.add_argument_group("to a receiver (OTLP/HTTP)")
    delivery.add_argument("--endpoint", metavar="URL", help="its base; default: OTEL_EXPORTER_OTLP_ENDPOINT")
    delivery.add_argument(
        "--header",
        action="append",
        type=_pair,
        default=[],
        metavar="NAME=VALUE",
        help="header of each request",
    )
    delivery.add_argument(
        "--timeout", type=_seconds, metavar="S", help="longest wait for an answer; default: 10"
    )
    delivery.add_argument("--compression", choices=("gzip", "none"), help="default: gzip")
    delivery.add_argument("--checkpoint", type=Path, metavar="FILE", help="default: <LOG>.export.json")
    delivery.add_argument("--ca-file", type=Path, metavar="PEM", help="who signs the receiver's certificate")
    delivery.add_argument(
        "--skip-refused", action="store_true", help="keep what the receiver refuses in a file and go on"
    )
    delivery.add_argument(
        "--retry-for",
        type=_seconds,
        metavar="S",
        help="how long to try; default: 300, for ever with --follow",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="no summary at the end")
    return _common(parser, "print the summary as JSON, to stderr where spans go to stdout")


def _report(parser: Any) -> Any:
    parser.add_argument("log", type=Path, metavar="LOG", help="the file that is written to")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="where the page goes; default: <LOG>.html"
    )
    parser.add_argument("--text", action="store_true", help="print a summary instead of writing a page")
    return _common(parser, "print the figures as JSON instead of writing a page")


_COMMANDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "append": ("Append a row, or rows from standard input.", _append),
    "verify": ("Prove a trail: every row, every file, nothing missing.", _verify),
    "export": ("Turn rows into OpenTelemetry spans (OTLP/JSON).", _export),
    "report": ("Make a page of a trail that anybody can read.", _report),
}


def _common(parser: Any, json_help: str = "") -> Any:
    parser.add_argument("--key-file", type=Path, metavar="FILE", help="file of mode 0600 with the secret")
    if json_help:
        parser.add_argument("--json", action="store_true", help=json_help)
    return parser


# -- values ------------------------------------------------------------------------------------


def _wrong(text: str, allowed: str) -> NoReturn:
    raise argparse.ArgumentTypeError(f"{text!r} is not allowed; allowed: {allowed}")


def _whole(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or len(text) > 18 or int(text) < least:
            _wrong(text, f"a whole number from {least} upwards")
        return int(text)

    return read


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 1e9:
        _wrong(text, "seconds from 0 upwards, such as 2.5")
    return seconds


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        _wrong(text, "NAME=VALUE, such as team=payments")
    return name, value


def _field(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if name.endswith(":") and len(name) > 1:
        try:
            return name[:-1], json.loads(value)
        except (ValueError, RecursionError):
            _wrong(text, "NAME:=JSON, such as duration_ms:=42")
    if not equals or not name:
        _wrong(text, "NAME=TEXT such as tool=Bash, or NAME:=JSON such as duration_ms:=42")
    return name, value
