# SPDX-License-Identifier: Apache-2.0
"""Every example runs offline and exports what it says; the service runs under a real gunicorn."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.otlp_json import read
from support.ports import free_port, is_listening
from support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.received import Received, Span

EXAMPLES = Path(__file__).parent.parent / "examples"
BLOCK = re.compile(r"^```python\n# (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)

ERRORS = "kairos.errors.total"
RECOVERED = "kairos.errors.recovered"
Labels = tuple[str, str, str]  # code, component, recoverable


def _run(name: str, folder: Path, environment: dict[str, str]) -> tuple[Received, str]:
    """Runs an example and returns what it exported and what it printed."""
    output = folder / "telemetry.jsonl"
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        env={
            **environment,
            "KAIROS_TELEMETRY_EXPORTER": "file",
            "KAIROS_TELEMETRY_FILE_PATH": str(output),
        },
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return read(output), done.stdout


def _counts(received: Received, metric: str) -> dict[Labels, float]:
    return {
        (labels["error.code"], labels["component"], labels["recoverable"]): value
        for labels, value in ((dict(key), value) for key, value in received.series(metric).items())
    }


def _ours(received: Received) -> list[Span]:
    """The spans of the example, without those that clients make by themselves."""
    prefixes = ("chat ", "execute_tool ", "invoke_agent ")
    return sorted((span for span in received.spans if span.name.startswith(prefixes)), key=_order)


def _order(span: Span) -> tuple[str, str]:
    return span.name, span.status


def _names(spans: list[Span]) -> list[tuple[str, str]]:
    return [_order(span) for span in spans]


def test_the_openai_client_retries_streams_and_fails(
    tmp_path: Path, bare_environment: dict[str, str]
) -> None:
    received, printed = _run("openai_client.py", tmp_path, bare_environment)

    assert printed.splitlines() == [
        "Sun all week.",
        "Still sunny.",
        "not worth another attempt: unauthorized",
    ]
    assert _counts(received, ERRORS) == {
        ("rate_limit", "llm", "true"): 1,
        ("unauthorized", "llm", "false"): 1,
    }
    assert _counts(received, RECOVERED) == {("rate_limit", "llm", "true"): 1}
    assert _names(_ours(received)) == [
        ("chat gpt-4o-mini", "ERROR"),
        ("chat gpt-4o-mini", "UNSET"),
        ("chat gpt-4o-mini", "UNSET"),
    ]
    failed = _ours(received)[0]
    assert failed.events == ("exception",)
    assert failed.attributes["error.code"] == "unauthorized"
    assert received.total("gen_ai.client.token.usage", gen_ai__token__type="input") == 24
    assert "gen_ai.client.operation.time_to_first_chunk" in received.metric_names


def test_the_anthropic_client_falls_back_to_another_model(
    tmp_path: Path, bare_environment: dict[str, str]
) -> None:
    received, printed = _run("anthropic_client.py", tmp_path, bare_environment)

    assert printed == "Sun all week.\n"
    assert _counts(received, ERRORS) == {("llm_error", "llm", "true"): 1}
    assert _counts(received, RECOVERED) == {("llm_error", "llm", "true"): 1}
    assert _names(_ours(received)) == [("chat claude-large", "ERROR"), ("chat claude-small", "UNSET")]
    assert received.total("kairos.health.status", component="llm") == 1
    assert received.total("gen_ai.client.token.usage", gen_ai__token__type="output") == 5


@pytest.mark.parametrize(
    ("name", "code"), [("langgraph_agent.py", "timeout"), ("openai_agents_sdk.py", "llm_error")]
)
def test_an_agent_of_a_framework_asks_its_model_again_and_lives_with_a_broken_tool(
    name: str, code: str, tmp_path: Path, bare_environment: dict[str, str]
) -> None:
    received, printed = _run(name, tmp_path, bare_environment)

    assert printed == "Lisbon has sun all week; Atlantis is under water.\n"
    assert _counts(received, ERRORS) == {(code, "llm", "true"): 1, ("internal_error", "tool", "false"): 1}
    assert _counts(received, RECOVERED) == {(code, "llm", "true"): 1}
    spans = _ours(received)
    # LangGraph runs the whole node again: each attempt has a span; in the other example one covers both.
    failed_chats = [("chat gpt-4o-mini", "ERROR")] * (name == "langgraph_agent.py")
    assert _names(spans) == [
        *failed_chats,
        ("chat gpt-4o-mini", "UNSET"),
        ("chat gpt-4o-mini", "UNSET"),
        ("execute_tool weather", "ERROR"),
        ("execute_tool weather", "UNSET"),
        ("invoke_agent travel", "UNSET"),
    ]
    _assert_one_trace_below(spans, "invoke_agent travel")


def test_errors_and_recoveries_are_read_from_pydantic_ais_own_spans(
    tmp_path: Path, bare_environment: dict[str, str]
) -> None:
    received, printed = _run("pydantic_ai_agent.py", tmp_path, bare_environment)

    assert printed == "Sun all week.\n"
    assert _counts(received, ERRORS) == {("invalid_input", "tool", "true"): 1}
    assert _counts(received, RECOVERED) == {("invalid_input", "tool", "true"): 1}
    spans = _ours(received)
    assert _names(spans) == [
        *[("chat gpt-4o-mini", "UNSET")] * 3,
        ("execute_tool weather", "ERROR"),
        ("execute_tool weather", "UNSET"),
        ("invoke_agent travel", "UNSET"),
    ]
    _assert_one_trace_below(spans, "invoke_agent travel")
    ours = [point for point in received.points if point.scope == "kairos.telemetry"]
    calls = [point for point in ours if point.metric == "gen_ai.client.operation.duration"]
    assert sum(point.count for point in calls) == 3


def _assert_one_trace_below(spans: list[Span], root_name: str) -> None:
    (root,) = (span for span in spans if span.name == root_name)
    assert {span.trace_id for span in spans} == {root.trace_id}
    assert {span.parent_id for span in spans if span is not root} == {root.span_id}


def test_an_mcp_server_tells_what_its_tools_do_in_the_trace_of_its_client(
    tmp_path: Path, bare_environment: dict[str, str]
) -> None:
    received, printed = _run("mcp_server.py", tmp_path, bare_environment)

    assert printed == "Lisbon: sun all week\nAtlantis: tool_failure\n"
    # The server knows why it failed; the client knows that it did.
    assert _counts(received, ERRORS) == {
        ("tool_failure", "tool", "true"): 1,
        ("tool_failure", "tool", "false"): 1,
    }
    errors = {
        (point.resource["service.name"], point.attributes["recoverable"])
        for point in received.points
        if point.metric == ERRORS
    }
    assert errors == {("weather-server", "true"), ("weather-client", "false")}
    (run,) = (span for span in received.spans if span.name == "invoke_agent travel")
    tools = [span for span in received.spans if span.name == "execute_tool weather"]
    assert sorted((span.resource["service.name"], span.status) for span in tools) == [
        ("weather-client", "ERROR"),
        ("weather-client", "UNSET"),
        ("weather-server", "ERROR"),
        ("weather-server", "UNSET"),
    ]
    assert {span.trace_id for span in tools} == {run.trace_id}


def test_the_mcp_servers_protocol_is_not_disturbed_by_the_default_exporter(
    tmp_path: Path, bare_environment: dict[str, str]
) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "mcp_server.py")],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**bare_environment, "TMPDIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Lisbon: sun all week\n")
    (path,) = tmp_path.glob("weather-server-*.jsonl")
    assert read(path).total(ERRORS) == 1


@contextmanager
def _gunicorn(output: Path, environment: dict[str, str], *options: str) -> Iterator[int]:
    """The service on a free port under gunicorn, which is ended by its process id."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "app:app", "--bind", f"127.0.0.1:{port}"]
    command += ["--no-control-socket", "--log-level", "warning", *options]
    settings = {"KAIROS_TELEMETRY_EXPORTER": "file", "KAIROS_TELEMETRY_FILE_PATH": str(output)}
    process = subprocess.Popen(
        command,
        cwd=EXAMPLES / "fastapi_service",
        env={**environment, **settings},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: is_listening(port), 30, "gunicorn's start")
        yield port
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _ask(port: int, city: str = "Lisbon") -> int:
    """Asks once and returns the worker's process id."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/weather/{city}", timeout=30) as response:
        return int(json.loads(response.read())["worker"])


@pytest.mark.parametrize(
    "options",
    [
        ("--workers", "2", "--worker-class", "uvicorn.workers.UvicornWorker"),
        ("--workers", "3", "--worker-class", "uvicorn.workers.UvicornWorker", "--preload"),
        ("--workers", "2", "--worker-class", "asgi", "--preload"),
    ],
    ids=["uvicorn", "uvicorn-preload", "asgi-preload"],
)
def test_every_gunicorn_worker_counts_for_itself_and_none_is_lost(
    options: tuple[str, ...], tmp_path: Path, bare_environment: dict[str, str]
) -> None:
    output = tmp_path / "telemetry.jsonl"
    workers: Counter[int] = Counter()
    with _gunicorn(output, bare_environment, *options) as port, ThreadPoolExecutor(4) as pool:

        def have_all_answered() -> bool:
            workers.update(pool.map(lambda _: _ask(port), range(20)))
            return len(workers) == int(options[1])

        wait_for(have_all_answered, 30, "an answer of every worker")

    received = read(output)
    by_instance: Counter[str] = Counter()
    for point in received.points:
        if point.metric == "weather.requests":  # cumulative: the last one counts
            by_instance[point.resource["service.instance.id"]] = int(point.value)
    by_instance = +by_instance  # without the process that preloads: it answers nothing
    assert sorted(by_instance.values()) == sorted(workers.values())
    asked = sum(workers.values())
    assert _counts(received, ERRORS) == {("rate_limit", "llm", "true"): asked}
    assert _counts(received, RECOVERED) == {("rate_limit", "llm", "true"): asked}
    assert Counter(received.span_names)["answer"] == asked


def test_the_service_answers_an_error_with_the_status_of_its_code(
    tmp_path: Path, bare_environment: dict[str, str]
) -> None:
    output = tmp_path / "telemetry.jsonl"
    with (
        _gunicorn(output, bare_environment, "--worker-class", "uvicorn.workers.UvicornWorker") as port,
        pytest.raises(urllib.error.HTTPError) as refused,
    ):
        _ask(port, "Atlantis")
    assert refused.value.code == 401
    refused.value.close()
    received = read(output)
    assert _counts(received, ERRORS) == {("unauthorized", "llm", "false"): 1}
    (failed,) = (span for span in received.spans if span.name == "answer")
    assert failed.status == "ERROR"


def test_the_excerpts_in_the_readme_stand_in_the_examples() -> None:
    excerpts = BLOCK.findall((EXAMPLES / "README.md").read_text())
    assert excerpts
    for name, text in excerpts:
        assert _lines(text) in _lines((EXAMPLES / name).read_text()), f"{name} has no lines\n{text}"


def _lines(text: str) -> str:
    """The lines without their indentation."""
    return "\n".join(line.strip() for line in text.strip().splitlines())


def test_the_readme_names_every_example() -> None:
    text = (EXAMPLES / "README.md").read_text()
    scripts = {path.name for path in EXAMPLES.glob("*.py")} - {"fake_server.py"}
    assert {name for name in scripts | {"fastapi_service"} if f"({name}" not in text} == set()
