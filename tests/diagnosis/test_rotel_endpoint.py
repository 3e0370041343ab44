# SPDX-License-Identifier: Apache-2.0
"""`diagnose` against a real collector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.rotel import Rotel

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def rotel() -> Iterator[Rotel]:
    with Rotel() as running:
        yield running


@pytest.mark.parametrize(("exporter", "port"), [("otlp", "grpc_port"), ("otlp-http", "http_port")])
def test_the_three_points_arrive(check, rotel, exporter, port):
    rotel.forget()
    findings = check(
        exporter=exporter, otlp_endpoint=f"127.0.0.1:{getattr(rotel, port)}", otlp_timeout_seconds=5
    )
    assert [finding.headline for finding in findings[-3:]] == ["received"] * 3
    got = rotel.wait_for(lambda got: got.points and got.spans and got.logs)
    assert [point.metric for point in got.points] == ["kairos.telemetry.doctor"]
    assert [point.value for point in got.points] == [1]
    assert [span.name for span in got.spans] == ["kairos doctor"]
    assert [log.body for log in got.logs] == ["kairos doctor"]
    assert {record.resource["service.name"] for record in (*got.points, *got.spans, *got.logs)} == {
        "doctor-test"
    }


@pytest.mark.parametrize(
    ("exporter", "port", "headline"),
    [
        ("otlp", "http_port", "this is an HTTP port, but gRPC was spoken"),
        ("otlp-http", "grpc_port", "this is a gRPC port, but HTTP was spoken"),
    ],
)
def test_its_ports_are_told_apart(check, rotel, exporter, port, headline):
    endpoint = f"127.0.0.1:{getattr(rotel, port)}"
    assert check(exporter=exporter, otlp_endpoint=endpoint)[-1].headline == headline
