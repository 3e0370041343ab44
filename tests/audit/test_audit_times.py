# SPDX-License-Identifier: Apache-2.0
"""Times of rows are UTC nanoseconds, in whatever form they stand and wherever the machine is."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.audit_spans import nanoseconds

from telemetry.audit.times import Times

SECOND = 1_776_262_980
NS = SECOND * 10**9


@pytest.mark.parametrize(
    ("ts", "expected"),
    [
        ("2026-04-15T14:23:00Z", NS),
        ("2026-04-15T14:23:00", NS),
        ("2026-04-15 14:23:00 UTC", NS),
        ("2026-04-15t14:23:00z", NS),
        ("2026-04-15T16:23:00+02:00", NS),
        ("2026-04-15T16:23:00+0200", NS),
        ("2026-04-15T10:53:00-03:30", NS),
        ("2026-04-15T14:23:00.5Z", NS + 500_000_000),
        ("2026-04-15T14:23:00,25Z", NS + 250_000_000),
        ("2026-04-15T14:23:00.123456789Z", NS + 123_456_789),
        ("2026-04-15T14:23:00.1234567899999Z", NS + 123_456_789),
        ("2026-04-15T14:22:60Z", NS),
        ("20260415T142300Z", NS),
        ("2026-04-15T14:23Z", NS),
        ("2026-04-15", NS - 51_780 * 10**9),
        (str(SECOND), NS),
        (SECOND, NS),
        (SECOND + 0.125, NS + 125_000_000),
        (1776262980.123, NS + 123_000_000),
        (SECOND * 1000 + 7, NS + 7_000_000),
        (SECOND * 10**6 + 7, NS + 7_000),
        (NS + 7, NS + 7),
        (1776262980e9, NS),
    ],
)
def test_every_usual_form_is_read(ts: object, expected: int) -> None:
    times = Times()
    assert times.nanoseconds(ts) == expected
    assert times.nanoseconds(ts) == expected  # remembered


@pytest.mark.parametrize(
    "ts",
    [
        None,
        True,
        "",
        "soon",
        "2026-13-45T99:00:00Z",
        "1969-12-31T23:59:59Z",
        "9999-12-31T23:59:59Z",
        -1,
        10**25,
        [],
        {},
        float("nan"),
        float("inf"),
        "2026-04-15T14:23:00.²Z",
        "0001-01-01T00:00+14:00",
    ],
)
def test_what_is_no_time_is_none(ts: object) -> None:
    times = Times()
    assert times.nanoseconds("2026-04-15T14:23:00Z") == NS
    assert times.nanoseconds(ts) is None


@given(
    st.datetimes().map(lambda t: t.isoformat(timespec="microseconds")),
    st.sampled_from(["", "Z", "+05:30", "-11:00"]),
)
def test_any_moment_is_read_as_datetime_reads_it(moment: str, offset: str) -> None:
    assert Times().nanoseconds(moment + offset) == nanoseconds(moment + offset)


@given(
    st.one_of(
        st.text(max_size=30), st.floats(), st.integers(), st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*")
    )
)
def test_nothing_raises(ts: Any) -> None:
    found = Times().nanoseconds(ts)
    assert found is None or 0 <= found < 2**63


def test_many_seconds_do_not_fill_the_memory() -> None:
    times = Times()
    for n in range(5000):
        assert times.nanoseconds(f"2026-04-15T{n // 3600:02d}:{n // 60 % 60:02d}:{n % 60:02d}Z") == (
            NS - 51_780 * 10**9 + n * 10**9
        )


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/New_York", "UTC", "Pacific/Apia"])
def test_the_machines_time_zone_changes_nothing(zone: str) -> None:
    forms = ["2026-04-15T14:23:00Z", "2026-04-15T14:23:00", "2026-04-15T14:23"]
    code = f"from telemetry.audit.times import Times; print(*map(Times().nanoseconds, {forms}))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TZ": zone},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(NS)] * 3
