# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider

if TYPE_CHECKING:
    from collections.abc import Generator


@pytest.fixture
def bare_root() -> logging.Logger:
    """The root logger without handlers while the test runs, as in a fresh process."""
    return logging.getLogger()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Take the root logger's handlers away: pytest adds its own after all fixtures are set up."""
    if "bare_root" not in pyfuncitem.fixturenames:
        return (yield)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    root.setLevel(logging.WARNING)
    try:
        return (yield)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


class ExportedLogs:
    """A real logs pipeline in memory."""

    def __init__(self) -> None:
        self.exporter = InMemoryLogRecordExporter()
        self.provider = LoggerProvider(shutdown_on_exit=False)
        self.provider.add_log_record_processor(SimpleLogRecordProcessor(self.exporter))

    def source(self, name: str) -> Any:
        return self.provider.get_logger(name)

    def items(self) -> list[Any]:
        return list(self.exporter.get_finished_logs())

    def records(self) -> list[Any]:
        return [item.log_record for item in self.items()]

    def only(self) -> Any:
        (record,) = self.records()
        return record


@pytest.fixture
def exported() -> ExportedLogs:
    return ExportedLogs()


@pytest.fixture
def tracer() -> Any:
    return TracerProvider(shutdown_on_exit=False).get_tracer("tests")
