# SPDX-License-Identifier: Apache-2.0
"""R4: however a program is made of several processes, the sums over all of them equal the truth.

Each is an instance of its own, whose identity starts with the user's.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from support.crew import PIECES
from support.crews import Crew, assert_all_arrived, serve, settings

PROTOCOLS = pytest.mark.parametrize(
    ("protocol", "temporality"),
    [
        ("grpc", "delta"),
        ("http", "cumulative"),
        pytest.param("grpc", "cumulative", marks=pytest.mark.long),
        pytest.param("http", "delta", marks=pytest.mark.long),
    ],
)
SHAPES = [
    ["fork"],
    *(
        [shape, method]
        for shape in ("process", "pool", "executor")
        for method in ("fork", "spawn", "forkserver")
    ),
]
SERVERS = {
    "gunicorn --preload": (4, ["--preload"]),
    "gunicorn --preload with gevent": (2, ["--preload", "--worker-class=gevent"]),
    "gunicorn with gevent": (2, ["--worker-class=gevent"]),
}


@PROTOCOLS
@pytest.mark.parametrize("shape", SHAPES, ids=" ".join)
def test_the_sums_over_all_processes_are_the_truth(farm, shape, protocol, temporality):
    with farm.receiver() as receiver:
        program = Crew(
            ["-c", "from support import crew; crew.main()", *shape], settings(receiver, protocol, temporality)
        )

        assert_all_arrived(receiver, program.end())


@pytest.mark.long
def test_pools_that_are_ended_in_busy_moments_end(farm):
    """Six at a time on two cores, one in 25 waited for ever for a worker that had missed its SIGTERM."""

    def end_a_pool(_turn: int) -> None:
        with farm.receiver() as receiver:
            program = Crew(
                ["-c", "from support import crew; crew.main()", "pool", "fork"],
                settings(receiver, "grpc", "delta"),
            )
            done = program.end()
            assert done.errors == ""
            assert_all_arrived(receiver, done)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(end_a_pool, range(150)))


@PROTOCOLS
@pytest.mark.parametrize("server", SERVERS)
def test_the_sums_over_all_workers_of_a_server_are_the_truth(farm, tmp_path, server, protocol, temporality):
    workers, options = SERVERS[server]
    with farm.receiver() as receiver:
        environment = settings(receiver, protocol, temporality)
        done = serve(environment, tmp_path, *options, workers=workers, pieces=PIECES)

        assert_all_arrived(receiver, done)


@PROTOCOLS
@pytest.mark.parametrize("count", [20, pytest.param(1000, marks=pytest.mark.long)])
def test_forking_under_eight_recording_threads_neither_hangs_nor_loses(farm, count, protocol, temporality):
    with farm.receiver() as receiver:
        program = Crew(
            ["-c", "from support import crew; crew.main()", "many", str(count)],
            settings(receiver, protocol, temporality),
        )

        assert_all_arrived(receiver, program.end(timeout_s=30 + count / 5))


@pytest.mark.long  # Celery takes six seconds to end
@PROTOCOLS
@pytest.mark.parametrize("who_starts", ["main", "worker"])
def test_the_sums_over_the_workers_of_celery_are_the_truth(farm, tmp_path, who_starts, protocol, temporality):
    with farm.receiver() as receiver:
        program = Crew(
            ["-m", "support.crew_celery", str(tmp_path), who_starts],
            settings(receiver, protocol, temporality),
        )

        assert_all_arrived(receiver, program.end())
