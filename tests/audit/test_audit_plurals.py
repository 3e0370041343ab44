# SPDX-License-Identifier: Apache-2.0
"""Nothing says "1 rows"."""

from __future__ import annotations

from telemetry.audit.exporting.summary import Summary
from telemetry.audit.plurals import plural


def test_one_thing_is_named_in_the_singular():
    assert [plural(count, "row") for count in (0, 1, 2)] == ["rows", "row", "rows"]
    assert [plural(count, "it is", "they are") for count in (1, 2)] == ["it is", "they are"]


def test_a_summary_of_one_row():
    summary = Summary(lambda _line: None)
    summary.rows = summary.delivered = 1
    summary.find("odd")
    assert summary.as_text(is_delivery=True) == "1 row read, 1 delivered, 1 finding"
