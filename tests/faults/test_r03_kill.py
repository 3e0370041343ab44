# SPDX-License-Identifier: Apache-2.0
"""R3: a process that is killed loses one flush interval at most; the rest arrives at the next start."""

from __future__ import annotations

from signal import SIGKILL

import pytest

RATE = 50
INTERVAL_S = 1.0
WRITING_S = 0.2
"""What a batch needs from the queue to the disk."""
AT_MOST = round(RATE * (INTERVAL_S + WRITING_S))


@pytest.mark.parametrize("temporality", ["cumulative", "delta"])
@pytest.mark.parametrize("how", ["SIGKILL", "_exit", "execv"])
def test_at_most_one_flush_interval_is_lost_and_the_rest_arrives_at_the_next_start(
    make_scene, protocol, how, temporality
):
    scene = make_scene(
        protocol=protocol,
        temporality=temporality,
        has_spool=True,
        metric_interval_s=INTERVAL_S,
        settings={"flush_interval_seconds": INTERVAL_S},
    )
    scene.receiver.refuse()
    load = scene.load(count=round(RATE * 3.5), exit="wait" if how == "SIGKILL" else how)
    load.all_emitted()
    if how == "SIGKILL":
        load.send(SIGKILL)
    load.end()
    spooled = {signal: books.spooled for signal, books in scene.books().items()}

    scene.receiver.accept()
    scene.drain()

    for signal, books in scene.books().items():
        assert 0 <= books.lost <= AT_MOST, (signal, str(books))
        assert books.delivered == spooled[signal] > 0
        assert books.duplicated == 0
