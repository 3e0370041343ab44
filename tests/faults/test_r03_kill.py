# SPDX-License-Identifier: Apache-2.0
"""R3: a process that is killed loses one flush interval at most; the rest arrives at the next start."""

from __future__ import annotations

from signal import SIGKILL

import pytest

pytestmark = pytest.mark.alone

RATE = 50
INTERVAL_S = 1.0
WRITING_S = 0.4
"""What a batch needs from the queue to the disk, on a machine that has other things to do."""
AT_MOST = round(RATE * (INTERVAL_S + WRITING_S))


@pytest.fixture
def scenes(make_scene):
    """Every end with every kind of metrics and both protocols; one after the other would take a minute."""
    settings = {"flush_interval_seconds": INTERVAL_S}
    return {
        (how, temporality): make_scene(
            protocol=protocol,
            temporality=temporality,
            has_spool=True,
            metric_interval_s=INTERVAL_S,
            settings=settings,
        )
        for how in ("SIGKILL", "_exit", "execv")
        for temporality, protocol in (("cumulative", "grpc"), ("delta", "http"))
    }


def test_at_most_one_flush_interval_is_lost_and_the_rest_arrives_at_the_next_start(scenes):
    for (how, _), scene in scenes.items():
        scene.receiver.refuse()
        scene.load(count=round(RATE * 3.5), exit="wait" if how == "SIGKILL" else how)
    for (how, _), scene in scenes.items():
        scene.loads[0].all_emitted()
        if how == "SIGKILL":
            scene.loads[0].send(SIGKILL)
        scene.loads[0].end()
    spooled = {
        key: {signal: books.spooled for signal, books in scene.books().items()}
        for key, scene in scenes.items()
    }

    for scene in scenes.values():
        scene.receiver.accept()
        scene.start_again()
    for key, scene in scenes.items():
        scene.drain()
        for signal, books in scene.books().items():
            assert 0 <= books.lost <= AT_MOST, (key, signal, str(books))
            assert books.delivered == spooled[key][signal] > 0, (key, signal, str(books))
            assert books.duplicated == 0, (key, signal, str(books))
