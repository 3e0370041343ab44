# SPDX-License-Identifier: Apache-2.0
"""R9: no request exceeds 4 MiB, and a record that alone is larger costs itself."""

from __future__ import annotations

import pytest

LIMIT = 4 * 1024 * 1024
LARGE = {"max_request_bytes": 64 * 1024 * 1024}


@pytest.mark.parametrize("temporality", ["cumulative", "delta"])
def test_requests_are_split_by_their_encoded_size(make_scene, protocol, temporality):
    scene = make_scene(protocol=protocol, temporality=temporality, receiver=LARGE)
    scene.load(count=1200, rate=0, padding=9000).end()

    sizes = [request["size"] for request in scene.receiver.requests()]
    assert max(sizes) <= LIMIT
    assert sum(sizes) > 4 * LIMIT
    scene.assert_all_delivered()


def test_a_record_that_alone_is_too_large_goes_to_the_dead_letters(make_scene, protocol):
    scene = make_scene(
        protocol=protocol,
        receiver=LARGE,
        has_spool=True,
        signals=("traces", "logs"),
        settings={"attribute_value_limit": 2 * LIMIT},
    )
    load = scene.load(count=100, rate=0, shape="giant")
    load.end()

    for books in scene.books().values():
        assert (books.emitted, books.delivered, books.dropped, books.lost) == (100, 99, 1, 0)
    assert [each["dropped"] for each in load.report()["status"] if each["signal"] != "metrics"] == [
        {"too_large": 1}
    ] * 2
    letters = [path for path in scene.spool.glob("*/dead-letters/*") if path.stat().st_size > LIMIT]
    assert len(letters) == 2
    assert max(request["size"] for request in scene.receiver.requests()) <= LIMIT
