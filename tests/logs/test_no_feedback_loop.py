# SPDX-License-Identifier: Apache-2.0
"""A DEBUG root handler and a real receiver: what the transports log while exporting is never exported."""

from __future__ import annotations

import logging
from typing import Any

import grpc
import pytest
from support.otlp_server import OtlpServer
from support.waiting import wait_for

import telemetry
from telemetry.logs import reset_logging

ROUNDS = 3


def bodies(server: OtlpServer) -> list[str]:
    messages: list[Any] = [request.message for request in list(server.requests) if request.signal == "logs"]
    return [
        record.body.string_value
        for message in messages
        for resource in message.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]


@pytest.mark.parametrize("exporter", ["otlp-http", "otlp"])
@pytest.mark.parametrize(("status", "grpc_status"), [(200, None), (400, grpc.StatusCode.INVALID_ARGUMENT)])
def test_exporting_does_not_feed_on_its_own_log_lines(bare_root, capsys, exporter, status, grpc_status):
    with OtlpServer(http_status=status, grpc_status=grpc_status) as server:
        port = server.http_port if exporter == "otlp-http" else server.grpc_port
        pipeline = telemetry.init(
            "tests",
            exporter=exporter,
            otlp_endpoint=f"http://127.0.0.1:{port}",
            shutdown_timeout_seconds=0.5,
            flush_interval_seconds=0.01,
        )
        try:
            telemetry.configure_logging("DEBUG")
            for number in range(ROUNDS):
                logging.getLogger("shop").debug("application %d", number)
                wait_for(lambda wanted=number + 1: len(set(bodies(server))) >= wanted)
        finally:
            pipeline.shutdown()
            reset_logging()

        # Everything that arrived, however often it was repeated, came from the application.
        assert set(bodies(server)) == {f"application {number}" for number in range(ROUNDS)}
