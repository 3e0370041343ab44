# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.ports import free_port
from support.receivers import RECEIVERS
from support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.received import Received
    from support.receivers import Receiver

KAIROS = Path(sys.executable).with_name("kairos")
FAST = ("--duration", "0", "--rate", "1000")
FIVE = (
    "kairos.errors.total",
    "kairos.errors.recovered",
    "kairos.errors.rate",
    "kairos.health.status",
    "kairos.circuitbreaker.state",
)
SIGNALS = ("metrics", "traces", "logs")


def environment(**settings: str) -> dict[str, str]:
    """The test's environment without anybody's telemetry settings, and these."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("KAIROS_", "OTEL_"))}
    return {**own, "COLUMNS": "120", **settings}


def demo(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [KAIROS, "demo", *arguments]
    return subprocess.run(
        command, env=environment(**settings), capture_output=True, text=True, timeout=60, check=False
    )


def documents(text: str) -> Iterator[dict[str, Any]]:
    """The JSON documents that stdout consists of."""
    decoder = json.JSONDecoder()
    while text := text.lstrip():
        document, end = decoder.raw_decode(text)
        yield document
        text = text[end:]


def summary(finished: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    return json.loads(finished.stderr.splitlines()[-1])


@pytest.fixture(scope="module")
def default_run() -> subprocess.CompletedProcess[str]:
    return demo(*FAST)


@pytest.fixture(params=RECEIVERS, ids=lambda kind: kind.__name__)
def receiver(request: pytest.FixtureRequest) -> Iterator[Receiver]:
    with request.param() as running:
        yield running


def test_stdout_is_json_documents_with_all_five_instruments(default_run: subprocess.CompletedProcess[str]):
    assert default_run.returncode == 0, default_run.stderr
    found = {
        metric["Name"]: metric
        for document in documents(default_run.stdout)
        for resource in document.get("ResourceMetrics", ())
        for scope in resource["ScopeMetrics"]
        for metric in scope["Metrics"]
    }
    assert set(FIVE) <= set(found)
    for name in FIVE[:2]:
        for point in found[name]["Sum"]["DataPoints"]:
            assert set(point["Attributes"]) == {"error.code", "component", "recoverable"}
    health = {point["Value"] for point in found["kairos.health.status"]["Gauge"]["DataPoints"]}
    states = {point["Value"] for point in found["kairos.circuitbreaker.state"]["Gauge"]["DataPoints"]}
    assert health == states == {0, 1, 2}


def test_spans_and_logs_are_among_the_documents(default_run: subprocess.CompletedProcess[str]):
    kinds = {kind for document in documents(default_run.stdout) for kind in document}
    assert kinds == {"ResourceMetrics", "ResourceSpans", "ResourceLogs"}


def test_stderr_has_the_tables_and_what_to_run_next(default_run: subprocess.CompletedProcess[str]):
    for words in ("Errors", "rate_limit", "Components", "half-open", "Sent (stdout)", "kairos doctor"):
        assert words in default_run.stderr
    assert "Traceback" not in default_run.stderr
    assert "\x1b[" not in default_run.stderr


@pytest.mark.parametrize("protocol", ["otlp", "otlp-http"])
def test_every_point_span_and_log_arrives_and_the_totals_are_the_tables(receiver: Receiver, protocol: str):
    address = f"127.0.0.1:{receiver.grpc_port}"
    if protocol == "otlp-http":
        address = f"http://127.0.0.1:{receiver.http_port}"
    finished = demo(
        *FAST,
        "--json",
        KAIROS_TELEMETRY_EXPORTER=protocol,
        KAIROS_TELEMETRY_OTLP_ENDPOINT=address,
        KAIROS_TELEMETRY_OTLP_INSECURE="true",
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == ""
    told = summary(finished)
    sent = {row["signal"]: row for row in told["sent"]}

    def everything(got: Received) -> bool:
        counts = (len(got.points), len(got.spans), len(got.logs))
        return counts == tuple(sent[name]["delivered"] for name in SIGNALS)

    got = receiver.wait_for(everything)
    assert all(row["dropped"] == row["pending"] == row["spooled"] == 0 for row in sent.values())
    assert got.spans
    assert got.logs
    for metric, column in (("kairos.errors.total", "errors"), ("kairos.errors.recovered", "recovered")):
        arrived = {
            (labels["error.code"], labels["component"], labels["recoverable"]): int(value)
            for labels, value in ((dict(key), value) for key, value in got.series(metric).items())
        }
        assert arrived == {
            (row["code"], row["component"], row["recoverable"]): row[column]
            for row in told["errors"]
            if row[column]
        }
    gauges = {"kairos.health.status": "health", "kairos.circuitbreaker.state": "breaker"}
    numbers = {"unhealthy": 0, "degraded": 1, "healthy": 2, "open": 0, "half_open": 1, "closed": 2}
    for metric, column in gauges.items():
        arrived_states = {dict(key)["component"]: value for key, value in got.series(metric).items()}
        assert arrived_states == {
            row["component"]: numbers[row[column]] for row in told["components"] if row[column]
        }
    assert any(log.trace_id.strip("0") for log in got.logs)
    assert {span.name for span in got.spans} >= {
        "invoke_agent concierge",
        "chat atlas-large",
        "chat atlas-small",
    }


def test_the_same_seed_tells_the_same_story():
    first, second, other = (
        summary(demo(*FAST, "--json", "--seed", seed, KAIROS_TELEMETRY_EXPORTER="memory"))
        for seed in ("7", "7", "8")
    )
    assert first["errors"] == second["errors"]
    assert first["sent"][1:] == second["sent"][1:]
    assert {row["code"] for row in first["errors"]} >= {row["code"] for row in other["errors"]}


def test_a_receiver_that_is_not_there_is_exit_1_and_says_what_to_run():
    finished = demo(
        *FAST,
        KAIROS_TELEMETRY_EXPORTER="otlp",
        KAIROS_TELEMETRY_OTLP_ENDPOINT=f"127.0.0.1:{free_port()}",
        KAIROS_TELEMETRY_SHUTDOWN_TIMEOUT_SECONDS="0.3",
    )
    assert finished.returncode == 1
    assert re.search(r"Not delivered to otlp: .*\d+ spans, \d+ records", finished.stderr)
    assert f"`{os.path.relpath(KAIROS)} doctor` says why" in finished.stderr.replace("\n", " ")
    assert "Traceback" not in finished.stderr


def test_a_bad_setting_is_exit_2_without_a_traceback():
    finished = demo(*FAST, KAIROS_TELEMETRY_EXPORTER="otpl")
    assert finished.returncode == 2
    for words in ("KAIROS_TELEMETRY_EXPORTER", "otpl", "otlp"):
        assert words in finished.stderr
    assert "Traceback" not in finished.stderr
    assert finished.stdout == ""


def test_a_bad_option_is_exit_2():
    finished = demo("--rate", "0")
    assert finished.returncode == 2
    assert "--rate" in finished.stderr


def test_with_the_exporter_none_there_is_nothing_to_show():
    finished = demo(*FAST, KAIROS_TELEMETRY_EXPORTER="none")
    assert (finished.returncode, finished.stdout) == (0, "")
    assert finished.stderr == "The exporter is 'none', so nothing was recorded.\n"


def test_verbose_shows_the_agents_log_lines():
    finished = demo(*FAST, "--verbose", KAIROS_TELEMETRY_EXPORTER="memory")
    assert "llm: circuit breaker is OPEN" in finished.stderr
    assert re.search(r"trace=[0-9a-f]{32}", finished.stderr)


def test_no_color_is_respected():
    coloured = demo(*FAST, KAIROS_TELEMETRY_EXPORTER="memory", FORCE_COLOR="1")
    plain = demo(*FAST, KAIROS_TELEMETRY_EXPORTER="memory", FORCE_COLOR="1", NO_COLOR="1")
    assert re.search(r"\x1b\[3\dm", coloured.stderr)
    assert not re.search(r"\x1b\[3\dm", plain.stderr)


def test_ctrl_c_ends_it_with_the_table_so_far(tmp_path: Path):
    output = tmp_path / "stdout"
    with output.open("wb") as stdout, (tmp_path / "stderr").open("wb") as stderr:
        running = subprocess.Popen(
            [KAIROS, "demo", "--duration", "600"], env=environment(), stdout=stdout, stderr=stderr
        )
        try:
            wait_for(lambda: output.stat().st_size, 20.0, "the first export")
            running.send_signal(signal.SIGINT)
            code = running.wait(15)
        finally:
            running.kill()
            running.wait()
    told = (tmp_path / "stderr").read_text()
    assert code == 130, told
    assert "Interrupted; this is what happened until then." in told
    assert "Sent (stdout)" in told
    assert "Traceback" not in told
    assert list(documents(output.read_text()))
