# SPDX-License-Identifier: Apache-2.0
"""What the tests of doctor share: settings without surroundings, short timeouts, certificates."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from support.faulty_otlp import Authority

from telemetry.config import Settings, load_config
from telemetry.diagnosis import Finding, diagnose

if TYPE_CHECKING:
    from pathlib import Path

Check = Callable[..., list[Finding]]


@pytest.fixture(autouse=True)
def no_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("KAIROS_", "OTEL_")) or name.lower().endswith(("_proxy", "_roots_file_path")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("GRPC_VERBOSITY", "NONE")


@pytest.fixture
def settings() -> Callable[..., Settings]:
    def load(**given: object) -> Settings:
        return load_config("doctor-test", "1.2.3", **{"otlp_timeout_seconds": 5, **given})

    return load


@pytest.fixture
def check(settings: Callable[..., Settings]) -> Check:
    """Diagnose with the given settings; the first finding, about the settings, is left out."""

    def run(**given: object) -> list[Finding]:
        first, *rest = diagnose(settings(**given))
        assert first.headline == "the settings are valid"
        return rest

    return run


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)
