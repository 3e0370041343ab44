# SPDX-License-Identifier: Apache-2.0
"""Health by the share of calls that fail, over a window."""

from __future__ import annotations

from telemetry.genai.health import ErrorRatio
from telemetry.metrics.states import HealthStatus

SECOND = 1_000_000_000


def test_few_calls_say_nothing():
    ratio = ErrorRatio()

    assert [ratio.add(0, has_failed=True) for _ in range(4)] == [None] * 4
    assert ratio.add(0, has_failed=True) is HealthStatus.UNHEALTHY


def test_what_is_older_than_a_minute_is_forgotten():
    ratio = ErrorRatio()
    for _ in range(9):
        ratio.add(0, has_failed=True)
    for _ in range(4):
        ratio.add(61 * SECOND, has_failed=False)

    assert ratio.add(61 * SECOND, has_failed=False) is HealthStatus.HEALTHY


def test_a_tenth_is_degraded():
    ratio = ErrorRatio()
    for number in range(9):
        ratio.add(number, has_failed=False)

    assert ratio.add(9, has_failed=True) is HealthStatus.DEGRADED
    assert ratio.add(10, has_failed=False) is HealthStatus.HEALTHY
