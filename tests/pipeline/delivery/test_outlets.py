# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from threading import Event

import telemetry
from telemetry.exporters.encoding import Encoded
from telemetry.pipeline.delivery import wiring


def test_what_is_still_being_encoded_when_the_time_is_over_is_in_the_books(monkeypatch):
    """As on a machine whose cores are all taken, where the background threads hardly get to run."""
    may_end = Event()

    def slowly(_batch, *_pause):
        may_end.wait(10)
        return Encoded([], [])

    for name in ("encode_spans", "encode_logs", "encode_metrics"):
        monkeypatch.setattr(wiring, name, slowly)
    pipeline = telemetry.init("tests", exporter="otlp", otlp_endpoint="127.0.0.1:9", otlp_insecure=True)
    for number in range(600):
        with telemetry.observe(name=f"span {number}"):
            pass
    result = pipeline.shutdown(0.3)
    may_end.set()

    assert result.traces == telemetry.SignalResult(dropped=600)
    assert result.metrics.dropped >= 1
    assert result.metrics.pending == 0
    assert not result.is_complete
