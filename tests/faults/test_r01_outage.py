# SPDX-License-Identifier: Apache-2.0
"""R1: a receiver that was down costs nothing: everything arrives, once, soon after its return."""

from __future__ import annotations

import os
import time

import pytest
from support.rotel import Rotel
from support.waiting import wait_for

RATE = 50
SOON_S = 5.0
LONG = pytest.param(90.0, marks=pytest.mark.long)


@pytest.mark.parametrize("outage_s", [3.0, LONG])
def test_nothing_is_lost_and_nothing_comes_twice_after_an_outage(make_scene, protocol, outage_s):
    scene = make_scene(protocol=protocol)
    count = round(RATE * (outage_s + 3))
    loads = [scene.load(count=count), scene.load(count=count, temporality="delta", signals=("metrics",))]
    loads[0].reach(RATE)

    scene.receiver.refuse()
    time.sleep(outage_s)
    scene.receiver.accept()
    returned_s = time.monotonic()
    for load in loads:
        load.end()

    scene.assert_all_delivered()
    for signal in ("traces", "metrics", "logs"):
        after = [
            each["received_s"] for each in scene.receiver.requests(signal) if each["received_s"] > returned_s
        ]
        assert min(after) - returned_s < SOON_S


def test_a_spool_brings_everything_over_a_restart_of_the_process(make_scene):
    scenes = [
        make_scene(protocol=protocol, temporality=temporality, has_spool=True)
        for protocol, temporality in (("grpc", "cumulative"), ("grpc", "delta"), ("http", "delta"))
    ]
    for scene in scenes:
        scene.receiver.refuse()
        scene.load(count=2 * RATE)
    for scene in scenes:
        scene.loads[0].end()
        assert all(each.spooled == each.emitted for each in scene.books().values())

        scene.receiver.accept()
        scene.load(count=4 * RATE)
    for scene in scenes:
        scene.loads[1].end()
        scene.assert_all_delivered()


@pytest.mark.skipif(os.name != "posix", reason="rotel's package has no other binary")
def test_rotel_killed_and_restarted_gets_everything_that_it_did_not_have(make_scene):
    scene = make_scene(signals=("traces", "logs"))
    with Rotel() as first:
        load = scene.load(count=RATE * 5, endpoint=f"127.0.0.1:{first.grpc_port}")
        first.wait_for(lambda got: got.spans and got.logs)
        first.kill()
        had = {"traces": _numbers(first.received().spans), "logs": _numbers(first.received().logs)}
    down_from = load.emitted() + 1
    load.reach(down_from + RATE)
    with Rotel(grpc_port=first.grpc_port) as second:
        load.end()
        wait_for(lambda: len(_numbers(second.received().logs)) >= load.options.count - down_from, 15)
        received = second.received()

    for signal, records in (("traces", received.spans), ("logs", received.logs)):
        numbers = _numbers(records)
        assert len(numbers) == len(set(numbers))
        assert set(range(down_from, load.options.count)) <= set(numbers)
        # What rotel had acknowledged and not printed when it was killed was lost by rotel.
        assert not set(numbers) & set(had[signal])
    assert load.report()["result"]["traces"]["delivered"] == load.options.count


def _numbers(records):
    return [int(record.attributes["load.n"]) for record in records]
