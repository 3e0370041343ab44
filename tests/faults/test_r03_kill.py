# SPDX-License-Identifier: Apache-2.0
"""R3: a process that is killed loses one flush interval at most; the rest arrives at the next start."""

from __future__ import annotations

from signal import SIGKILL

import pytest

RATE = 50
INTERVAL_S = 1.0
WRITING_S = 0.4
"""What a batch needs from the queue to the disk, on a machine that has other things to do."""
AT_MOST = round(RATE * (INTERVAL_S + WRITING_S))


@pytest.mark.parametrize("how", ["SIGKILL", "_exit", "execv"])
def test_at_most_one_flush_interval_is_lost_and_the_rest_arrives_at_the_next_start(make_scene, how):
    scenes = [
        make_scene(
            protocol=protocol,
            temporality=temporality,
            has_spool=True,
            metric_interval_s=INTERVAL_S,
            settings={"flush_interval_seconds": INTERVAL_S},
        )
        for protocol, temporality in (("grpc", "cumulative"), ("grpc", "delta"), ("http", "delta"))
    ]
    exit_ = "wait" if how == "SIGKILL" else how
    for scene in scenes:
        scene.receiver.refuse()
        scene.load(count=round(RATE * 3.5), exit=exit_)
    for scene in scenes:
        scene.loads[0].all_emitted()
        if how == "SIGKILL":
            scene.loads[0].send(SIGKILL)
    for scene in scenes:
        scene.loads[0].end()
    spooled = [{signal: books.spooled for signal, books in scene.books().items()} for scene in scenes]

    for scene in scenes:
        scene.receiver.accept()
        scene.start_again()
    for scene, waiting in zip(scenes, spooled, strict=True):
        scene.drain()
        for signal, books in scene.books().items():
            assert 0 <= books.lost <= AT_MOST, (signal, str(books))
            assert books.delivered == waiting[signal] > 0
            assert books.duplicated == 0
