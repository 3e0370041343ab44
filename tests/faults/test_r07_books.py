# SPDX-License-Identifier: Apache-2.0
"""R7: emitted = delivered + spooled + dropped, for every fault; and the figures are told everywhere."""

from __future__ import annotations

import re
from signal import SIGINT

import pytest
from support import fault_table as table
from support.fault_rows import ROWS
from support.waiting import wait_for

OURS = ["ours", "ours, spool"]
QUICK = ("restarted twice", "400", "redirect", "stored", "partial", "exit, receiver down", "poison", "2**63")
QUICK_ROWS = [row for row in ROWS if any(text in row.name for text in QUICK)]
COUNT = 200


def assert_adds_up(rows, scale):
    cells, failures = table.run(table.cases(rows, OURS), scale, jobs=16)

    assert failures == []
    assert [
        f"{cell.row}, {cell.stack}, {cell.protocol}: {cell.text()}" for cell in cells if cell.problem
    ] == []


def test_the_books_add_up():
    assert_adds_up(QUICK_ROWS, table.QUICK)


@pytest.mark.long
def test_the_books_add_up_in_the_whole_table():
    assert_adds_up(list(ROWS), 1.0)


@pytest.mark.parametrize(
    ("protocol", "order", "arguments", "reason"),
    [
        ("grpc", "reject", {"records": 3}, "rejected"),
        ("http", "fail", {"status": 400, "message": "this is why"}, "refused"),
    ],
)
def test_what_the_receiver_refuses_is_told_in_status_metric_and_log(
    make_scene, protocol, order, arguments, reason
):
    scene = make_scene(protocol=protocol, signals=("traces", "logs"))
    for signal in ("traces", "logs"):
        scene.receiver.order(order, times=3, signal=signal, **arguments)
    load = scene.load(count=COUNT, exit="wait")
    load.all_emitted()
    while_running = load.errors()
    load.shutdown(5)
    load.send(SIGINT)
    load.end()

    books = scene.books()
    dropped = {signal: each.dropped for signal, each in books.items()}
    assert all(dropped.values())
    assert [each.lost for each in books.values()] == [0, 0]
    status = {each["signal"]: each for each in load.report()["status"]}
    assert {signal: status[signal]["dropped"] for signal in dropped} == {
        signal: {reason: count} for signal, count in dropped.items()
    }
    for signal, count in dropped.items():
        # The last drops are known only after the last metrics were exported.
        assert 0 < scene.receiver.total("kairos.telemetry.dropped", signal=signal, reason=reason) <= count
        assert len(lines_of(while_running, signal, reason)) == 1, while_running
        *_, last = lines_of(load.errors(), signal, reason)  # the end tells what came since
        assert f"{count} in all" in last


def lines_of(text, signal, reason):
    return [line for line in text.splitlines() if re.search(rf"\b{signal}\b.*\b{reason}\b", line)]


def test_a_drop_reaches_the_metric_before_the_end(make_scene):
    scene = make_scene(signals=("traces",), metric_interval_s=0.2)
    scene.receiver.order("fail", times=1, signal="traces", status=400)
    load = scene.load(count=COUNT, linger_s=1.0)

    dropped = wait_for(
        lambda: scene.receiver.total("kairos.telemetry.dropped", signal="traces", reason="refused")
    )
    load.end()

    assert dropped == scene.books()["traces"].dropped
