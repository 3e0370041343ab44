# SPDX-License-Identifier: Apache-2.0
"""At most one line a minute for each cause, and nothing unsaid at the end."""

from __future__ import annotations

import pytest

from telemetry.pipeline.delivery.notices import INTERVAL_S, Notices


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def notices(clock) -> Notices:
    return Notices("otlp: logs", clock)


@pytest.fixture
def lines(caplog):
    caplog.set_level("INFO", "telemetry")
    return lambda: [record.getMessage() for record in caplog.records]


def test_drops_add_up_to_one_line_a_minute(notices, clock, lines):
    for _ in range(3):
        notices.drop("queue_full", 2, None)
        notices.tell()
    clock.now += INTERVAL_S
    notices.tell()
    notices.tell()

    assert lines() == [
        "otlp: logs: 2 dropped (queue_full); 2 in all",
        "otlp: logs: 4 dropped (queue_full); 6 in all",
    ]


def test_each_reason_has_its_own_line_with_what_the_last_error_said(notices, lines):
    notices.drop("refused", 1, "code 3")
    notices.drop("refused", 1, None)
    notices.drop("too_large", 1, "5 MiB")
    notices.tell()

    assert lines() == [
        "otlp: logs: 2 dropped (refused): code 3; 2 in all",
        "otlp: logs: 1 dropped (too_large): 5 MiB; 1 in all",
    ]


def test_at_the_end_everything_is_said(notices, lines):
    notices.drop("refused", 1, None)
    notices.tell()
    notices.drop("refused", 1, None)
    notices.tell(is_last=True)

    assert lines()[1:] == ["otlp: logs: 1 dropped (refused); 2 in all"]


def test_at_the_end_nothing_is_said_again(notices, lines):
    notices.drop("refused", 1, "code 3")
    notices.failure("refused", "3 wait")
    notices.tell()
    said = lines()
    notices.failure("refused", "3 wait")
    notices.tell(is_last=True)

    assert lines() == said


def test_a_failure_is_said_once_a_minute_however_often_it_comes_and_goes(notices, clock, lines):
    for _ in range(5):
        notices.failure("refused", "3 wait")
        notices.success()
    clock.now += INTERVAL_S
    notices.failure("refused", "9 wait")

    assert lines() == [
        "otlp: logs do not get through: refused; 3 wait",
        "otlp: logs get through again",
        "otlp: logs do not get through: refused; 9 wait",
    ]


def test_a_receivers_remark_is_passed_on_once_a_minute(notices, lines):
    notices.remark("deprecated")
    notices.remark("deprecated")

    assert lines() == ["otlp: logs: the receiver says: deprecated"]
