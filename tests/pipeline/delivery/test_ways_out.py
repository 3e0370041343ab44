# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from telemetry.exporters.encoding import Encoded
from telemetry.pipeline.delivery.in_flight import InFlight
from telemetry.pipeline.delivery.outcomes import Ledger
from telemetry.pipeline.delivery.ways_out import DirectExport, QueuedExport
from telemetry.spool.request import new_request


@pytest.fixture
def ledger() -> Ledger:
    return Ledger("logs", "test", lambda _reason, _count: None)


def raising(_batch):
    raise OSError("cable")


@pytest.mark.parametrize(
    ("export", "delivered", "dropped", "error"),
    [
        (lambda _batch: True, 3, {}, None),
        (lambda _batch: False, 0, {"export_failed": 3}, "the exporter reported a failure"),
        (raising, 0, {"export_failed": 3}, "OSError: cable"),
    ],
)
def test_a_direct_export_is_booked_as_it_ends(ledger, export, delivered, dropped, error):
    exports: list[bool] = []
    DirectExport(export, ledger, lambda _seconds, is_success: exports.append(is_success))([1, 2, 3], 3)

    status = ledger.status()
    assert (status.delivered, dict(status.dropped), status.last_error) == (delivered, dropped, error)
    assert exports == [bool(delivered)]


def test_an_exporter_that_does_not_raise_may_tell_why_it_failed(ledger):
    DirectExport(lambda _batch: False, ledger, lambda *_: None, lambda: "OSError: the disk is full")([1], 1)

    assert ledger.status().last_error == "OSError: the disk is full"


def test_an_exporters_error_is_told_without_the_secrets_in_it(ledger):
    def export(_batch):
        raise OSError("401 for https://user:hunter22@receiver/v1")

    DirectExport(export, ledger, lambda *_: None)([1], 1)

    assert ledger.status().last_error == "OSError: 401 for https://user:***@receiver/v1"


class Custody:
    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.rejected: list[tuple[bytes, str, str]] = []

    def put(self, request) -> None:
        self.taken.append(request.body)

    def reject(self, request, reason, error) -> None:
        self.rejected.append((request.body, reason, error))


def test_what_was_encoded_is_left_to_the_sender_and_what_cannot_be_sent_is_booked(ledger):
    custody = Custody()
    encoded = Encoded(
        [new_request("logs", 2, b"ab"), new_request("logs", 1, b"c")],
        [new_request("logs", 1, b"far too large")],
        4,
    )
    QueuedExport(lambda _batch: encoded, custody, ledger, InFlight(is_revocable=True))([], 8)

    assert custody.taken == [b"ab", b"c"]
    assert custody.rejected == [(b"far too large", "too_large", "a single record of 13 bytes")]
    assert dict(ledger.status().dropped) == {"unencodable": 4}


def test_a_bug_in_an_encoder_costs_its_batch(ledger):
    QueuedExport(raising, Custody(), ledger, InFlight(is_revocable=True))([1, 2], 2)

    assert dict(ledger.status().dropped) == {"unencodable": 2}
    assert ledger.status().last_error == "OSError: cable"


@pytest.mark.parametrize("is_broken", [False, True])
def test_nothing_comes_of_a_batch_that_was_given_up_while_it_was_encoded(ledger, is_broken):
    custody, in_flight = Custody(), InFlight(is_revocable=True)

    def encode(batch):
        ledger.drop("shutdown_timeout", in_flight.give_up())
        return raising(batch) if is_broken else Encoded([new_request("logs", 2, b"ab")], [])

    in_flight.begin(2)
    QueuedExport(encode, custody, ledger, in_flight)([1, 2], 2)

    assert custody.taken == []
    assert dict(ledger.status().dropped) == {"shutdown_timeout": 2}


def test_a_batch_is_counted_until_the_sender_has_it(ledger):
    in_flight = InFlight(is_revocable=True)
    seen = []

    class Slow(Custody):
        def put(self, request) -> None:
            seen.append((in_flight.records, in_flight.give_up()))

    in_flight.begin(2)
    QueuedExport(lambda _batch: Encoded([new_request("logs", 2, b"ab")], []), Slow(), ledger, in_flight)(
        [], 2
    )

    assert seen == [(2, 0)]
