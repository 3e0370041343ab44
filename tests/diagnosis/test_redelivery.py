# SPDX-License-Identifier: Apache-2.0
"""Sending what dead processes left, by hand."""

from __future__ import annotations

import pytest
from support.spools import Books, Process, files, request, spool

from telemetry.diagnosis.redelivery import redeliver
from telemetry.exporters.transport import Accepted, Denied, Refused, RetryLater


class Receiver:
    """A transport that answers as told, by body."""

    def __init__(self, **replies):
        self.replies = replies
        self.bodies = []

    def send(self, request, timeout_s):
        assert timeout_s == 5
        self.bodies.append(request.body.decode())
        return self.replies.get(self.bodies[-1], Accepted())

    def close(self):
        pass


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "otlp"


def leave(folder, *bodies, signal="logs"):
    one = spool(folder)
    queue = one.queue(signal, 10**6, Books())
    for body in bodies:
        queue.put(request(body.encode(), records=2, signal=signal, created_ns=1))
    one.close()


def test_everything_of_all_signals_is_sent_however_old(folder, settings):
    leave(folder, "a", "b")
    leave(folder, "span", signal="traces")
    receiver = Receiver()
    sent = redeliver(folder, receiver, settings(), has_dead_letters=False)
    assert sent == ("otlp", 6, {}, None, 0, 0)
    assert sent.is_success
    assert receiver.bodies == ["span", "a", "b"]
    assert files(folder) == []


@pytest.mark.parametrize("reply", [RetryLater("503"), Denied("401")])
def test_the_first_sign_that_nothing_is_taken_now_ends_it(folder, settings, reply):
    leave(folder, "a", "b", "c")
    receiver = Receiver(b=reply)
    sent = redeliver(folder, receiver, settings(), has_dead_letters=False)
    assert sent == ("otlp", 2, {}, reply.error, 4, 0)
    assert not sent.is_success
    assert receiver.bodies == ["a", "b"]


def test_what_is_refused_becomes_a_dead_letter_and_the_rest_is_sent(folder, settings):
    leave(folder, "a", "b", "c")
    sent = redeliver(folder, Receiver(b=Refused("400")), settings(), has_dead_letters=False)
    assert sent == ("otlp", 4, {"refused": 2}, "400", 0, 0)
    assert not sent.is_success
    assert len(files(folder / "dead-letters")) == 1


def test_what_was_rejected_of_a_request_is_told(folder, settings):
    leave(folder, "a")
    sent = redeliver(folder, Receiver(a=Accepted(1, "too old")), settings(), has_dead_letters=False)
    assert sent == ("otlp", 1, {"rejected": 1}, "too old", 0, 0)


def test_what_a_running_process_has_is_left_to_it(folder, settings):
    code = """
    one = spool(sys.argv[1])
    one.queue("logs", 10**6, books).put(request(b"x", records=4))
    say("written")
    sys.stdin.readline()
    """
    with Process(code, folder) as process:
        process.hear()
        sent = redeliver(folder, Receiver(), settings(), has_dead_letters=False)
    assert sent == ("otlp", 0, {}, None, 0, 4)
    assert sent.is_success


def test_dead_letters_are_tried_again_on_request(folder, settings):
    leave(folder, "good", "bad")
    redeliver(folder, Receiver(good=Refused("400"), bad=Refused("400")), settings(), has_dead_letters=False)
    receiver = Receiver(bad=Refused("still 400"))
    sent = redeliver(folder, receiver, settings(), has_dead_letters=True)
    assert sent == ("otlp", 2, {}, "still 400", 0, 0)
    assert receiver.bodies == ["good", "bad"]
    assert len(list((folder / "dead-letters").iterdir())) == 2  # the letter that stays, and its note


def test_a_dead_letter_that_is_refused_just_now_is_not_tried_twice(folder, settings):
    leave(folder, "bad")
    receiver = Receiver(bad=Refused("400"))
    redeliver(folder, receiver, settings(), has_dead_letters=True)
    assert receiver.bodies == ["bad"]


def test_dead_letters_stay_when_nothing_is_taken_now(folder, settings):
    leave(folder, "a", "b")
    redeliver(folder, Receiver(a=Refused("400"), b=Refused("400")), settings(), has_dead_letters=False)
    receiver = Receiver(a=RetryLater("503"))
    redeliver(folder, receiver, settings(), has_dead_letters=True)
    assert receiver.bodies == ["a"]
    assert len(files(folder / "dead-letters")) == 2


def test_a_damaged_dead_letter_is_named_and_the_next_one_sent(folder, settings):
    leave(folder, "a", "b")
    redeliver(folder, Receiver(a=Refused("400"), b=Refused("400")), settings(), has_dead_letters=False)
    first, second = files(folder / "dead-letters")
    (folder / "dead-letters" / first.name).write_bytes(b"?" * first.size)
    receiver = Receiver()
    sent = redeliver(folder, receiver, settings(), has_dead_letters=True)
    assert receiver.bodies == ["b"]
    assert sent.error == f"{first.name}: not a spool file: it does not begin as one"
    assert second.records == 2
