# SPDX-License-Identifier: Apache-2.0
"""Nothing that telemetry can contain is executed or used as a template: every source file is read for it."""

from __future__ import annotations

import ast
import logging
import re
from pathlib import Path

import pytest
from opentelemetry._logs import LogRecord

import telemetry
from telemetry.logs import logging_set_aside

ROOT = Path(__file__).parents[1]
FILES = sorted(path for folder in ("telemetry", "agent_runtime") for path in (ROOT / folder).rglob("*.py"))
RUNS_CODE = {"eval", "exec", "compile", "__import__", "system", "popen", "execfile", "import_string"}
MODULES = {"pickle", "marshal", "shelve", "dill", "jinja2", "mako", "code", "codeop"}
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
LOGGERS = {"_log", "_logger", "log", "logger", "logging"}
FORMATS_OF_OURS = {
    "telemetry/diagnosis/findings.py": "remedies are texts of ours; what is put into them is no format",
    "telemetry/tracing/span_errors.py": "a method of ours that formats tracebacks",
}


def calls(tree: ast.AST):
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def name_of(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def findings(path: str, source: str) -> list[str]:
    """What must not be in a file."""
    tree, found = ast.parse(source), []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = (
                [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            )
            found += [f"imports {name}" for name in names if name.partition(".")[0] in MODULES]
        if (
            isinstance(node, ast.BinOp)
            and isinstance(node.op, ast.Mod)
            and isinstance(node.left, ast.JoinedStr)
        ):
            found.append("uses a made-up text as a %-format")
    for call in calls(tree):
        name, owner = name_of(call.func), call.func.value if isinstance(call.func, ast.Attribute) else None
        is_regex = name == "compile" and name_of(owner or call.func) == "re"
        is_literal = name == "exec" and len(call.args) == 1 and is_text(call.args[0])
        if name in RUNS_CODE and not is_regex and not is_literal:
            found.append(f"calls {name}")
        if any(word.arg == "shell" for word in call.keywords):
            found.append("starts a shell")
        if name == "load" and name_of(owner or call.func) == "yaml":
            loaders = [ast.unparse(word.value) for word in call.keywords if word.arg == "Loader"]
            if loaders != ["yaml.BaseLoader"]:
                found.append("loads YAML with more than BaseLoader")
        if (
            name in ("format", "format_map")
            and owner is not None
            and not is_text(owner)
            and path not in FORMATS_OF_OURS
        ):
            found.append("uses a text that is no literal as a format")
        if name in LEVELS and name_of(owner or call.func) in LOGGERS:
            message = call.args[1] if name == "log" else call.args[0]
            if not is_text(message):
                found.append("logs a text that is no literal, which logging would take for a format")
    return found


@pytest.mark.parametrize("path", [str(path.relative_to(ROOT)) for path in FILES])
def test_no_source_executes_or_formats_what_it_was_given(path):
    assert findings(path, (ROOT / path).read_text()) == []


@pytest.mark.parametrize(
    ("source", "finding"),
    [
        ("eval(body)", "calls eval"),
        ("exec(body)", "calls exec"),
        ("exec('body', names)", "calls exec"),
        ("import pickle", "imports pickle"),
        ("from jinja2 import Template", "imports jinja2"),
        ("os.system(name)", "calls system"),
        ("run(name, shell=True)", "starts a shell"),
        ("yaml.load(data, Loader=yaml.Loader)", "loads YAML with more than BaseLoader"),
        ("body.format(**facts)", "uses a text that is no literal as a format"),
        ("f'{body} %s' % value", "uses a made-up text as a %-format"),
        ("_log.warning(body)", "logs a text that is no literal, which logging would take for a format"),
        (
            "_logger.log(10, f'{body} %s', 1)",
            "logs a text that is no literal, which logging would take for a format",
        ),
    ],
)
def test_the_reader_finds_what_it_looks_for(source, finding):
    assert findings("x.py", source) == [finding]


def test_a_statement_that_is_written_out_may_be_executed():
    assert findings("x.py", "exec('raise KeyboardInterrupt')") == []


HOSTILE = (
    "%s %d %(x)s %",
    "{0} {x.__class__} {",
    "${HOME} $(id)",
    "<script>alert(1)</script>",
    "[bold]\x1b[2J{{7*7}}",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_arrives_as_it_was_recorded(text, caplog):
    with logging_set_aside(), telemetry.init("svc", exporter="memory") as pipeline:
        telemetry.configure_logging()
        with (
            pytest.raises(ValueError, match=re.escape(text)),
            telemetry.observe(component=text, name=text, attribute=text),
        ):
            raise ValueError(text)
        pipeline.logger.emit(LogRecord(body=text, attributes={"a": text}))
        logging.getLogger("agent").warning("%s", text)
        pipeline.force_flush(5)
        spans = pipeline.exporters["memory"].spans.get_finished_spans()
        logs = pipeline.exporters["memory"].logs.get_finished_logs()
    assert spans[-1].name == text
    assert spans[-1].attributes["attribute"] == text
    assert spans[-1].events[0].attributes["exception.message"] == text
    assert [log.log_record.body for log in logs] == [text, text]
