# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
import sys

import pytest

import telemetry.config
from telemetry.config.off import is_off

NONE_FOR_ALL = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("METRICS", "TRACES", "LOGS")}


@pytest.mark.parametrize(
    ("exporter", "environ", "expected"),
    [
        ("none", {}, True),
        (" None ", {}, True),
        ("otlp", {"KAIROS_TELEMETRY_EXPORTER": "none"}, False),
        (None, {"KAIROS_TELEMETRY_EXPORTER": "none"}, True),
        ("", {"KAIROS_TELEMETRY_EXPORTER": "NONE"}, True),
        (None, {"KAIROS_TELEMETRY_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "true"}, False),
        (None, {"KAIROS_TELEMETRY_EXPORTER": " ", "OTEL_SDK_DISABLED": "true"}, True),
        (None, {"OTEL_SDK_DISABLED": "1"}, False),
        (None, NONE_FOR_ALL, True),
        (None, NONE_FOR_ALL | {"OTEL_LOGS_EXPORTER": "otlp"}, False),
        (None, {}, False),
        (["none"], {}, False),
        (3, {}, False),
    ],
)
def test_none_is_found_by_the_order_of_the_sources(exporter, environ, expected):
    assert is_off(exporter, environ) is expected


def test_the_decision_imports_nothing(bare_environment):
    code = (
        "import sys; before = set(sys.modules); from telemetry.config.off import is_off; is_off(None, {});"
        "print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=bare_environment, capture_output=True, text=True, check=True
    )
    assert "telemetry.config.off" in done.stdout
    assert not [
        name for name in ("pydantic", "typing", "dataclasses", "enum", "inspect") if name in done.stdout
    ]


def test_the_index_of_the_package_is_complete_and_closed():
    assert all(getattr(telemetry.config, name) for name in telemetry.config.__all__)
    assert dir(telemetry.config) == sorted(telemetry.config.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        telemetry.config.nothing  # noqa: B018  # the access is the test
