# SPDX-License-Identifier: Apache-2.0
"""What every test stands on."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["pytester"]

# How long an example takes says something about the machine and nothing about the code.
settings.register_profile("kairos", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("kairos")

_SETTINGS = ("KAIROS_TELEMETRY_", "OTEL_")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of the shell that runs the tests must not change what they see."""
    for name in [name for name in os.environ if name.startswith(_SETTINGS)]:
        monkeypatch.delenv(name)


@pytest.fixture
def bare_environment() -> dict[str, str]:
    """The environment for a process that must import nothing by itself: no settings, and no coverage."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith((*_SETTINGS, "COVERAGE_"))
    }
