# SPDX-License-Identifier: Apache-2.0
"""The pytest plugin: the fixture `kairos` and its marker. Nothing else is imported before a test asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.testing.probe import TelemetryProbe

__all__ = ["kairos", "pytest_configure"]


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker `kairos`."""
    config.addinivalue_line(
        "markers", "kairos(**settings): settings of telemetry.Config for the test's `kairos` pipeline"
    )


@pytest.fixture
def kairos(request: pytest.FixtureRequest) -> Iterator[TelemetryProbe]:
    """A telemetry pipeline of this test's own, in memory, and asserts on what was recorded.

    What was active before, global OpenTelemetry providers and logging included, is set aside for the
    test and restored after it. Environment variables and settings files are not read; give
    settings with the marker: `@pytest.mark.kairos(capture_content="span")`.
    """
    from telemetry.testing.isolation import isolated

    settings: dict[str, object] = {}
    for marker in reversed(list(request.node.iter_markers("kairos"))):  # the test's own after its module's
        if marker.args:
            raise pytest.UsageError(
                f"@pytest.mark.kairos takes settings by name, not {marker.args!r}; write for instance"
                " @pytest.mark.kairos(capture_content='span')."
            )
        settings.update(marker.kwargs)
    with isolated(**settings) as probe:
        yield probe
