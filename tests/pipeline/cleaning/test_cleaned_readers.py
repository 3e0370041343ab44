# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import urllib.request

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from telemetry.config import load_config
from telemetry.exporters.prometheus import PrometheusReader
from telemetry.pipeline.cleaning.outgoing import Outgoing
from telemetry.pipeline.cleaning.readers import let_clean


def test_what_readers_hand_out_is_cleaned():
    clean = Outgoing(load_config(), lambda *_: None).clean_metrics
    memory, scraped = InMemoryMetricReader(), PrometheusReader("127.0.0.1", 0)
    for reader in (memory, scraped):
        let_clean(reader, clean)
    provider = MeterProvider([memory, scraped], shutdown_on_exit=False)
    provider.get_meter("m").create_counter("calls").add(1, {"password": "hunter2", "k": "v"})
    with urllib.request.urlopen(f"http://127.0.0.1:{scraped.port}/metrics", timeout=5) as answer:
        page = answer.read().decode()
    data = memory.get_metrics_data()
    provider.shutdown()
    assert 'password="***"' in page
    assert "hunter2" not in page
    (point,) = data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points
    assert dict(point.attributes) == {"password": "***", "k": "v"}
