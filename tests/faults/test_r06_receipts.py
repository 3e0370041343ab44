# SPDX-License-Identifier: Apache-2.0
"""R6: a flush and a shutdown return in time and tell the truth."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.alone

COUNT = 300
TIMEOUT_S = 0.5
SLACK_S = 0.1
FAULTS = {
    "none": None,
    "refused": ("refuse", {}),
    "frozen": ("freeze", {}),
    "hanging": ("hang", {}),
    "slow": ("delay", {"seconds": 0.3}),
    "failing": ("fail", {"status": 503}),
    "denying": ("fail", {"status": 401}),
}
KINDS = [
    pytest.param("grpc", False, id="grpc-memory"),
    pytest.param("http", True, id="http-spool"),
    pytest.param("grpc", True, id="grpc-spool", marks=pytest.mark.long),
    pytest.param("http", False, id="http-memory", marks=pytest.mark.long),
]


@pytest.mark.parametrize(("protocol", "has_spool"), KINDS)
@pytest.mark.parametrize("what", ["flush", "shutdown"])
@pytest.mark.parametrize("fault", FAULTS)
def test_it_returns_in_time_and_tells_the_truth(make_scene, protocol, fault, what, has_spool):
    scene = make_scene(protocol=protocol, has_spool=has_spool, metric_interval_s=60)
    if FAULTS[fault] is not None:
        name, arguments = FAULTS[fault]
        scene.receiver.order(name, **arguments)
    load = scene.load(count=COUNT, rate=0, exit="wait")
    load.all_emitted()

    said = {"flush": load.flush, "shutdown": load.shutdown}[what](TIMEOUT_S)
    tally = scene.tally()

    assert said["seconds"] <= TIMEOUT_S + SLACK_S
    for signal in ("traces", "logs"):
        told = said["result"][signal]
        assert sum(told.values()) == COUNT, (signal, told)
        assert told["spooled"] + told["delivered"] <= tally[signal].delivered + tally[signal].spooled
        if fault != "slow":  # else more may have arrived since
            assert told["delivered"] == tally[signal].delivered
            assert told["spooled"] == tally[signal].spooled
        if what == "shutdown":
            assert told["pending"] == 0
        if fault == "none":
            assert told["delivered"] == COUNT
    assert said["result"]["metrics"]["delivered"] <= tally["metrics"].records
    if fault == "none":
        assert said["result"]["metrics"]["delivered"] == tally["metrics"].records > 0
