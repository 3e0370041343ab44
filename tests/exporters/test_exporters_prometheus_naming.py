# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry import conventions
from telemetry.exporters.prometheus_naming import label_name, labels, metric_name, unit_suffix


@pytest.mark.parametrize(
    ("name", "unit", "shown"),
    [
        (conventions.ERRORS_TOTAL, conventions.UNIT_ERRORS, "kairos_errors_total"),
        (conventions.ERRORS_RECOVERED, conventions.UNIT_ERRORS, "kairos_errors_recovered_total"),
        ("http.requests", "", "http_requests_total"),
        ("http.requests", "1", "http_requests_total"),
        ("http.time", "s", "http_time_seconds_total"),
        ("http.seconds.total", "s", "http_seconds_total"),
        ("io", "By", "io_bytes_total"),
    ],
)
def test_counters_end_in_total_once(name, unit, shown):
    assert metric_name(name, unit, is_counter=True, is_gauge=False) == shown


@pytest.mark.parametrize(
    ("name", "unit", "shown"),
    [
        (conventions.ERRORS_RATE, conventions.UNIT_ERRORS_RATE, "kairos_errors_rate"),
        (conventions.HEALTH_STATUS, conventions.UNIT_STATUS, "kairos_health_status"),
        (conventions.CIRCUIT_STATE, conventions.UNIT_STATE, "kairos_circuitbreaker_state"),
        ("cpu.used", "1", "cpu_used_ratio"),
        ("cpu.ratio", "1", "cpu_ratio"),
        ("memory_bytes_used", "By", "memory_bytes_used"),
        ("speed", "m/s", "speed_meters_per_second"),
        ("errors", "1/min", "errors_per_minute"),
        ("errors", "{error}/min", "errors_per_minute"),
        ("2xx", "", "_2xx"),
        ("a..b//c", "", "a_b_c"),
        ("größe", "", "gr_e"),
        ("", "", "_"),
    ],
)
def test_gauges_are_named_as_the_specification_says(name, unit, shown):
    assert metric_name(name, unit, is_counter=False, is_gauge=True) == shown


@pytest.mark.parametrize(
    ("unit", "suffix"),
    [
        ("", ""),
        ("1", ""),
        ("s", "seconds"),
        ("ms", "milliseconds"),
        ("By", "bytes"),
        ("MiBy", "mebibytes"),
        ("%", "percent"),
        ("{token}", ""),
        ("{request/response}", ""),
        ("{packet}By", "bytes"),
        ("By/s", "bytes_per_second"),
        ("1/mo", "per_month"),
        ("furlong/fortnight", "furlong_per_fortnight"),
        ("a.b", "a_b"),
    ],
)
def test_units_become_words(unit, suffix):
    assert unit_suffix(unit) == suffix


def test_a_ratio_is_for_gauges_only():
    assert metric_name("calls", "1", is_counter=False, is_gauge=False) == "calls"


def test_labels_hold_text():
    assert labels({"a": True, "b": 1, "c": 0.5, "d": ("x", "y"), "e": "t"}) == {
        "a": "true",
        "b": "1",
        "c": "0.5",
        "d": '["x", "y"]',
        "e": "t",
    }


def test_keys_that_become_one_name_share_it_in_the_order_of_the_keys():
    assert labels({"error_code": "b", "error.code": "a"}) == {"error_code": "a;b"}


def test_no_attributes_are_no_labels():
    assert labels(None) == {}


@given(st.text())
def test_every_key_becomes_a_legal_label_that_is_not_reserved(key):
    name = label_name(key)
    assert re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name)
    assert not name.startswith("__")


@given(st.text(), st.text(), st.booleans(), st.booleans())
def test_every_name_and_unit_become_a_legal_name(name, unit, is_counter, is_gauge):
    shown = metric_name(name, unit, is_counter=is_counter, is_gauge=is_gauge)
    assert re.fullmatch(r"[a-zA-Z_:][a-zA-Z0-9_:]*", shown)
