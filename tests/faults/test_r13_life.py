# SPDX-License-Identifier: Apache-2.0
"""R13: however often and wherever telemetry is started, there is one stream and nothing stays behind."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from support.waiting import wait_for

import telemetry
from telemetry.testing import FaultyReceiver

TIMES = 50
EXPORTERS = {"grpc": "otlp", "http": "otlp-http"}


def settings(receiver, protocol, folder):
    endpoint = {"grpc": receiver.grpc_endpoint, "http": receiver.http_endpoint}[protocol]
    return {"exporter": EXPORTERS[protocol], "otlp_endpoint": endpoint, "spool_dir": folder}


def record(name):
    with telemetry.observe("tool", name=name):
        telemetry.counter("life.calls").bind({}).add(1)


def instances(receiver):
    return {span.resource["service.instance.id"] for span in receiver.spans()}


def usage(receiver):
    """Threads and descriptors of this process, without those of the receiver."""
    threads = [each.name for each in threading.enumerate() if "faulty-receiver" not in each.name]
    return len(threads), len(list(Path("/proc/self/fd").iterdir()))


def test_a_second_init_replaces_the_first_and_one_stream_goes_on(protocol, tmp_path):
    with FaultyReceiver() as receiver:
        telemetry.init("s", "1", **settings(receiver, protocol, tmp_path))
        record("first")
        with pytest.warns(match="init"):
            second = telemetry.init("s", "1", **settings(receiver, protocol, tmp_path))
        record("second")
        second.shutdown()

        assert [span.name for span in receiver.spans()] == ["first", "second"]
        assert receiver.duplicated("traces") == 0
        assert receiver.total("life.calls") == 2


@pytest.mark.parametrize("has_spool", [False, True], ids=["memory", "spool"])
def test_fifty_lives_leave_no_thread_and_no_descriptor(protocol, tmp_path, has_spool):
    with FaultyReceiver() as receiver:
        given = settings(receiver, protocol, tmp_path if has_spool else None)
        for number in range(TIMES):
            with telemetry.init("s", "1", **given):
                record(f"life {number}")
            if number == 4:
                before = usage(receiver)

        # gRPC closes its sockets, and the receiver its threads, a moment later.
        wait_for(lambda: all(now <= then + 2 for now, then in zip(usage(receiver), before, strict=True)))
        assert [span.name for span in receiver.spans()] == [f"life {number}" for number in range(TIMES)]
        assert receiver.total("life.calls") == TIMES


def test_another_thread_may_record_into_what_one_thread_started(protocol, tmp_path):
    with FaultyReceiver() as receiver:
        started = []
        starter = threading.Thread(
            target=lambda: started.append(telemetry.init("s", "1", **settings(receiver, protocol, tmp_path)))
        )
        starter.start()
        starter.join()
        recorders = [threading.Thread(target=record, args=(f"thread {number}",)) for number in range(8)]
        for each in recorders:
            each.start()
        for each in recorders:
            each.join()
        started[0].shutdown()

        assert receiver.delivered("traces") == receiver.total("life.calls") == 8
        assert len(instances(receiver)) == 1
