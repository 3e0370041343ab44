# SPDX-License-Identifier: Apache-2.0
"""Spans as other people's instrumentors make them."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import StatusCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import TracerProvider

    from telemetry.testing.probe import TelemetryProbe


@dataclass(frozen=True)
class Foreign:
    """Makes spans of any scope in the pipeline under test."""

    kairos: TelemetryProbe

    @property
    def provider(self) -> TracerProvider:
        return self.kairos.telemetry.providers.tracer_provider  # type: ignore[return-value]  # it is the SDK's

    @contextmanager
    def span(self, scope: str, attributes: dict[str, Any], name: str = "call") -> Iterator[Any]:
        """A span that an exception ends as most instrumentors do it: recorded, status, raised again."""
        with self.provider.get_tracer(scope).start_as_current_span(name, attributes=attributes) as span:
            yield span

    def call(self, scope: str, attributes: dict[str, Any], error: BaseException | None = None) -> None:
        """A call that succeeds, or fails with an error that its caller contains."""
        with suppress(BaseException), self.span(scope, attributes):
            if error is not None:
                raise error

    def ended(self, scope: str, attributes: dict[str, Any], error: BaseException) -> None:
        """A failed call whose span ends when its exception is no longer being handled."""
        span = self.provider.get_tracer(scope).start_span("call", attributes=attributes)
        span.record_exception(error)
        span.set_status(StatusCode.ERROR, str(error))
        span.end()

    def errors(self) -> dict[str, int]:
        """`kairos.errors.total` by code and component."""
        return self._by_code("kairos.errors.total")

    def recovered(self) -> dict[str, int]:
        """`kairos.errors.recovered` by code and component."""
        return self._by_code("kairos.errors.recovered")

    def _by_code(self, metric: str) -> dict[str, int]:
        found: dict[str, int] = {}
        for point in self.kairos.metrics():
            if point.name == metric and point.value:
                key = f"{point.attributes['error.code']} {point.attributes['component']}"
                found[key] = found.get(key, 0) + int(point.value)
        return found


@pytest.fixture
def foreign(kairos) -> Foreign:
    return Foreign(kairos)
