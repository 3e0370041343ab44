# SPDX-License-Identifier: Apache-2.0
"""Transports in a real thread of a process whose threads gevent has made greenlets."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.faulty_otlp import grpc_server, http_server, silent_server
from support.fresh_process import run_json

PROGRAM = """
from gevent import monkey
monkey.patch_all()
import gevent, time
gevent.sleep(0)  # makes the event loop, whose imports and the thread's must not meet
if {is_told}:
    import grpc.experimental.gevent
    grpc.experimental.gevent.init_gevent()
from support.transports import KINDS, spans_request
from telemetry.config import load_config
config = load_config("s", "1", exporter={name!r}, otlp_endpoint="127.0.0.1:{port}")
made, replies, request = KINDS[{name!r}](config), [], spans_request()
def work():
    replies.append(made.send(request, 20))
    replies.append(made.send(request, 20))
monkey.get_original("_thread", "start_new_thread")(work, ())
ticks, begun = 0, time.monotonic()
while len(replies) < 2 and ticks < 10_000:
    gevent.sleep(0.001)
    ticks += 1
    if {is_cut} and time.monotonic() - begun > 0.5:
        made.close()
made.close()
print(json.dumps([type(each).__name__ for each in replies]))
"""

TESTS = str(Path(__file__).parents[1])
CASES = pytest.mark.parametrize(
    ("name", "server", "is_told"),
    [("otlp", grpc_server, True), ("otlp", grpc_server, False), ("otlp-http", http_server, False)],
    ids=["grpc that was told", "grpc that was not", "http"],
)


def outcome(name: str, port: int, *, is_told: bool, is_cut: bool = False) -> list[str]:
    program = PROGRAM.format(name=name, port=port, is_told=is_told, is_cut=is_cut)
    names: list[str] = run_json(program, is_measured=False, PYTHONPATH=TESTS)
    return names


@CASES
def test_requests_arrive(name, server, is_told):
    with server() as seen:
        assert outcome(name, seen.port, is_told=is_told) == ["Accepted", "Accepted"]
    assert len(seen.requests) == 2


@CASES
def test_closing_from_a_greenlet_cuts_a_running_attempt_short(name, server, is_told):
    with silent_server() as port:
        assert outcome(name, port, is_told=is_told, is_cut=True) == ["RetryLater", "RetryLater"]
