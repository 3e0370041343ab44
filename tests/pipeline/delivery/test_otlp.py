# SPDX-License-Identifier: Apache-2.0
"""One exporter's senders and transports."""

from __future__ import annotations

import threading
from time import monotonic

import pytest
from support.waiting import wait_for

from telemetry.config import load_config
from telemetry.exporters.base import Otlp
from telemetry.exporters.transport import Accepted
from telemetry.pipeline.delivery.otlp import Delivery
from telemetry.pipeline.delivery.outcomes import Ledger
from telemetry.spool.request import new_request

SIGNALS = ("metrics", "traces", "logs")


class Line:
    """A transport that notes which threads it meets."""

    def __init__(self) -> None:
        self.threads: set[int] = set()
        self.sent: list[str] = []
        self.is_closed = False

    def send(self, request, timeout_s):
        self.threads.add(threading.get_ident())
        self.sent.append(request.signal)
        return Accepted(0, "")

    def close(self) -> None:
        self.threads.add(threading.get_ident())
        self.is_closed = True


@pytest.fixture
def lines() -> list[Line]:
    return []


@pytest.fixture
def delivery(lines) -> Delivery:
    def connect() -> Line:
        lines.append(Line())
        return lines[-1]

    return Delivery("otlp", Otlp(connect, {}, {}), load_config("svc", "1", exporter="none"))


def test_every_signal_has_a_transport_that_one_thread_uses_and_closes(delivery, lines):
    ledgers = [Ledger(signal, "otlp", lambda _reason, _count: None) for signal in SIGNALS]
    senders = [delivery.add_sender(ledger, lambda *_: None) for ledger in ledgers]

    for sender, ledger in zip(senders, ledgers, strict=True):
        for _ in range(2):
            sender.put(new_request(ledger.signal, 1, b"body"))
    wait_for(lambda: all(ledger.status().delivered == 2 for ledger in ledgers), 10, "delivery")
    for sender in senders:
        sender.stop(monotonic() + 10, 10)
        assert sender.join(monotonic() + 10)

    assert sorted(line.sent for line in lines) == sorted([signal] * 2 for signal in SIGNALS)
    assert [len(line.threads) for line in lines] == [1, 1, 1]
    assert all(line.is_closed for line in lines)
