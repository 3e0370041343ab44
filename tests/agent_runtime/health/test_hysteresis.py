# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from agent_runtime.health.hysteresis import Hysteresis

WORDS = {"h": "HEALTHY", "d": "DEGRADED", "u": "UNHEALTHY"}


@pytest.mark.parametrize(
    ("results", "statuses"),
    [
        ("+", "h"),  # nothing bad is known
        ("-", "d"),
        ("---", "ddu"),
        ("+--+", "hddd"),  # one success is not enough
        ("+--++", "hdddh"),
        ("----+-", "dduudd"),
        ("---+---++", "ddudddudh"),
    ],
)
def test_it_takes_several_results_in_a_row(results, statuses):
    hysteresis = Hysteresis(failures=3, successes=2)
    seen = [hysteresis.take(is_success=result == "+").name for result in results]
    assert seen == [WORDS[letter] for letter in statuses]


def test_one_may_be_enough():
    hysteresis = Hysteresis(1, 1)
    assert hysteresis.status is None
    assert [hysteresis.take(is_success=ok).name for ok in (False, True, False)] == [
        "UNHEALTHY",
        "HEALTHY",
        "UNHEALTHY",
    ]


@pytest.mark.parametrize("settings", [{"failures": 0, "successes": 1}, {"failures": 1, "successes": 1.5}])
def test_numbers_below_one_are_refused(settings):
    with pytest.raises(ValueError, match="allowed are whole numbers from 1 upwards"):
        Hysteresis(**settings)
