# SPDX-License-Identifier: Apache-2.0
"""Setting exporters up, and closing them, one not costing another."""

from __future__ import annotations

import sys
import threading
from types import ModuleType

import pytest
from support import fake_exporters

import telemetry
from telemetry.exporters import registry
from telemetry.exporters.base import Exporters
from telemetry.pipeline.handle import HANDLE


@pytest.fixture
def fake(monkeypatch) -> fake_exporters.Behaviour:
    return fake_exporters.install(monkeypatch)


def replace(monkeypatch, name: str, build) -> None:
    module = ModuleType(f"fake_{name}")
    module.build = build
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(registry, "BUILT_IN", {**registry.BUILT_IN, name: module.__name__})


def broken(_config):
    raise telemetry.TelemetryError("no luck")


def test_exporters_that_were_built_are_shut_down_when_a_later_one_cannot_be(fake, monkeypatch):
    replace(monkeypatch, "file", broken)
    with pytest.raises(telemetry.TelemetryError, match=r"^no luck$"):
        telemetry.init("tests", exporter="memory,file")

    assert sorted(fake.shutdowns) == ["logs", "metrics", "traces"]
    assert HANDLE.telemetry is None


def test_only_the_parts_there_are_are_shut_down(fake, monkeypatch):
    replace(monkeypatch, "memory", lambda _config: Exporters(spans=fake_exporters.FakeSpans(fake)))
    replace(monkeypatch, "file", broken)
    with pytest.raises(telemetry.TelemetryError):
        telemetry.init("tests", exporter="memory,file")

    assert fake.shutdowns == ["traces"]


def test_an_exporter_may_take_some_signals_only(monkeypatch):
    replace(monkeypatch, "memory", lambda _config: Exporters())
    with telemetry.init("tests", exporter="memory") as pipeline, telemetry.observe(name="work"):
        telemetry.record_error(TimeoutError())

    assert pipeline.status() == []
    assert pipeline.force_flush().is_complete


def test_closing_needs_no_thread(fake, monkeypatch):
    pipeline = telemetry.init("tests", exporter="memory")
    pipeline.force_flush(5)
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "kairos-close":
            raise RuntimeError("can't create new thread at interpreter shutdown")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    pipeline.shutdown(5)

    assert sorted(fake.shutdowns) == ["logs", "metrics", "traces"]
