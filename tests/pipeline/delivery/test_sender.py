# SPDX-License-Identifier: Apache-2.0
"""One request after the other, until each is settled, and every record in the books."""

from __future__ import annotations

from threading import Event
from time import monotonic, time_ns

import pytest
from support.waiting import wait_for

from telemetry.exporters.transport import Accepted, Denied, Refused, RetryLater
from telemetry.pipeline.delivery.backoff import Backoff
from telemetry.pipeline.delivery.outcomes import Ledger
from telemetry.pipeline.delivery.sender import Sender
from telemetry.pipeline.process import threads
from telemetry.spool.memory import MemoryQueue
from telemetry.spool.queue import EMPTY
from telemetry.spool.request import Request


def request(number: int, records: int = 10, created_ns: int | None = None) -> Request:
    return Request("traces", records, b"body %d" % number, f"{number:032x}", created_ns or time_ns())


class Receiver:
    """A transport that answers as told, the last answer for ever."""

    def __init__(self, *answers) -> None:
        self.answers = list(answers)
        self.bodies: list[bytes] = []
        self.timeouts: list[float] = []
        self.may_answer = Event()
        self.may_answer.set()

    def send(self, request: Request, timeout_s: float):
        self.bodies.append(request.body)
        self.timeouts.append(timeout_s)
        self.may_answer.wait(10)
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        self.may_answer.set()


class Disk(MemoryQueue):
    """Keeps requests as if they were on disk."""

    def in_memory(self):
        return EMPTY

    def on_disk(self):
        return super().in_memory()


class Impatient(Backoff):
    """Waits as long as the test says, and remembers what it was asked."""

    def __init__(self, pause_s: float = 0.0) -> None:
        super().__init__()
        self.pause_s = pause_s
        self.asked: list[object] = []

    def after_failure(self, asked_s):
        self.asked.append(asked_s)
        return self.pause_s

    def after_denial(self):
        self.asked.append("denied")
        return self.pause_s


class Bench:
    """A sender with everything around it."""

    def __init__(self, *answers, queue=MemoryQueue, pause_s: float = 0.0, **settings) -> None:
        self.receiver = Receiver(*answers)
        self.ledger = Ledger("traces", "test", lambda _reason, _count: None)
        self.backoff = Impatient(pause_s)
        self.attempts: list[bool] = []
        self.sender = Sender(
            queue("traces", 1 << 20, self.ledger.drop),
            self.receiver,
            self.ledger,
            lambda _seconds, is_success: self.attempts.append(is_success),
            timeout_s=5.0,
            backoff=self.backoff,
            **settings,
        )

    def end(self, within_s: float = 5.0) -> None:
        deadline = monotonic() + within_s
        self.sender.stop(deadline, within_s)
        self.sender.join(deadline)
        self.receiver.close()
        self.sender.join(monotonic() + 5)
        self.sender.give_up()

    @property
    def books(self) -> dict[str, object]:
        status = self.ledger.status()
        return {
            "delivered": status.delivered,
            "spooled": status.spooled,
            "dropped": dict(status.dropped),
            "pending": status.pending,
        }


def test_what_is_put_is_sent_in_order_and_booked():
    bench = Bench(Accepted())
    for number in range(5):
        bench.sender.put(request(number))
    assert bench.sender.begin_flush().wait(5)

    assert bench.receiver.bodies == [b"body %d" % number for number in range(5)]
    assert bench.books == {"delivered": 50, "spooled": 0, "dropped": {}, "pending": 0}
    assert bench.attempts == [True] * 5
    bench.end()


def test_what_the_receiver_rejects_of_a_request_is_dropped():
    bench = Bench(Accepted(rejected=3, message="too old"))
    bench.sender.put(request(1))
    bench.end()

    assert bench.books == {"delivered": 7, "spooled": 0, "dropped": {"rejected": 3}, "pending": 0}
    assert bench.ledger.status().last_error == "too old"


def test_a_receiver_cannot_reject_more_than_it_was_sent():
    bench = Bench(Accepted(rejected=1000))
    bench.sender.put(request(1))
    bench.end()

    assert bench.books["dropped"] == {"rejected": 10}


def test_a_warning_of_the_receiver_is_passed_on(caplog):
    bench = Bench(Accepted(message="please use the new address"))
    bench.sender.put(request(1))
    bench.sender.put(request(2))
    bench.end()

    assert [record.getMessage() for record in caplog.records] == [
        "test: traces: the receiver says: please use the new address"
    ]


def test_a_request_is_tried_until_it_is_taken_and_the_next_one_waits():
    bench = Bench(RetryLater("busy", 7.5), RetryLater("busy"), Denied("no"), Accepted())
    bench.sender.put(request(1))
    bench.sender.put(request(2))
    wait_for(lambda: len(bench.attempts) == 5, what="five attempts")
    bench.end()

    assert bench.receiver.bodies == [b"body 1"] * 4 + [b"body 2"]
    assert bench.backoff.asked == [7.5, None, "denied"]
    assert bench.books["delivered"] == 20
    assert bench.ledger.status().last_error == "no"


def test_denied_requests_are_tried_again_soon_while_somebody_waits():
    class Patient(Impatient):
        def after_denial(self):
            return 3600.0

    bench = Bench(Denied("expired"), Denied("expired"), Denied("expired"), Accepted())
    bench.sender._backoff = Patient()
    bench.sender.put(request(1))
    wait_for(lambda: bench.attempts, what="the first attempt")
    assert bench.sender.begin_flush().wait(5)
    bench.end()

    assert bench.books["delivered"] == 10


def test_a_refused_request_is_given_up_and_the_next_one_goes_out():
    bench = Bench(Refused("malformed"), Accepted())
    bench.sender.put(request(1))
    bench.sender.put(request(2))
    bench.end()

    assert bench.books == {"delivered": 10, "spooled": 0, "dropped": {"refused": 10}, "pending": 0}


def test_a_request_that_must_not_be_sent_is_booked():
    bench = Bench(Accepted())
    bench.sender.reject(request(1, records=1), "too_large", "5 MiB")
    bench.end()

    assert bench.books["dropped"] == {"too_large": 1}
    assert bench.receiver.bodies == []


def test_a_flush_forgets_the_pause():
    bench = Bench(RetryLater("busy"), Accepted(), pause_s=3600)
    bench.sender.put(request(1))
    wait_for(lambda: bench.attempts == [False], what="the first attempt")
    assert bench.sender.begin_flush().wait(5)

    assert bench.books["delivered"] == 10
    bench.end()


def test_a_flush_ends_with_a_failed_attempt_when_everything_is_on_disk():
    bench = Bench(RetryLater("down"), queue=Disk, pause_s=3600)
    bench.sender.put(request(1))
    assert bench.sender.begin_flush().wait(5)

    assert bench.books == {"delivered": 0, "spooled": 10, "dropped": {}, "pending": 0}
    bench.end()
    assert bench.books["spooled"] == 10


def test_a_flush_goes_on_trying_while_something_is_in_memory_only():
    bench = Bench(RetryLater("down"), pause_s=0.01)
    bench.sender.put(request(1))
    assert not bench.sender.begin_flush().wait(0.3)

    assert len(bench.attempts) > 2
    assert bench.books["pending"] == 10
    bench.end(0.1)


def test_a_flush_does_not_wait_for_what_comes_after_it():
    bench = Bench(Accepted())
    bench.receiver.may_answer.clear()
    bench.sender.put(request(1))
    wait_for(lambda: bench.receiver.bodies, what="the first attempt")
    flush = bench.sender.begin_flush()
    bench.sender.put(request(2, created_ns=time_ns() + 3_600_000_000_000))
    bench.receiver.answers = [Accepted(), RetryLater("down")]
    bench.backoff.pause_s = 0.01
    bench.receiver.may_answer.set()

    assert flush.wait(5)
    assert bench.books["delivered"] == 10
    bench.end(0.1)


def test_a_flush_of_a_sender_that_never_sent_is_done_at_once():
    bench = Bench(Accepted())

    assert bench.sender.begin_flush().is_set()
    bench.end()


def test_a_sender_ends_at_its_deadline_and_books_what_was_left():
    bench = Bench(RetryLater("down"), pause_s=0.01)
    bench.sender.put(request(1))
    started = monotonic()
    bench.end(0.2)

    assert 0.2 <= monotonic() - started < 5
    assert bench.books == {"delivered": 0, "spooled": 0, "dropped": {"shutdown_timeout": 10}, "pending": 0}


def test_the_last_attempts_end_with_the_deadline():
    bench = Bench(Accepted())
    bench.receiver.may_answer.clear()
    bench.sender.put(request(1))
    wait_for(lambda: bench.receiver.bodies, what="the first attempt")
    bench.sender.put(request(2))
    deadline = monotonic() + 1
    bench.sender.stop(deadline, 1)
    bench.receiver.may_answer.set()
    assert bench.sender.join(deadline)

    assert bench.receiver.timeouts[0] == 5.0
    assert bench.receiver.timeouts[1] <= 1.0
    bench.sender.give_up()


def test_an_answer_after_the_end_changes_nothing():
    bench = Bench(Accepted())
    bench.receiver.may_answer.clear()
    bench.sender.put(request(1))
    wait_for(lambda: bench.receiver.bodies, what="the first attempt")
    bench.sender.stop(monotonic(), 0)
    bench.sender.give_up()
    booked = bench.books
    bench.receiver.may_answer.set()
    assert bench.sender.join(monotonic() + 5)

    assert (
        booked
        == bench.books
        == {
            "delivered": 0,
            "spooled": 0,
            "dropped": {"shutdown_timeout": 10},
            "pending": 0,
        }
    )


def test_a_request_after_the_end_is_booked():
    bench = Bench(Accepted())
    bench.sender.stop(monotonic(), 0)
    bench.sender.give_up()
    bench.sender.put(request(1))

    assert bench.books["dropped"] == {"shutdown_timeout": 10}
    assert bench.receiver.bodies == []


def test_a_bug_in_a_transport_does_not_end_the_thread(caplog):
    bench = Bench(ZeroDivisionError("bug"), Accepted())
    bench.sender.put(request(1))
    wait_for(lambda: "sending failed; it goes on" in caplog.text, what="the line about the bug")
    assert bench.sender.begin_flush().wait(5)

    assert bench.books["delivered"] == 10
    bench.end()


def test_where_no_thread_can_start_the_last_attempts_are_made_in_line(monkeypatch):
    def refuse(_target, _name):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threads, "start", refuse)
    bench = Bench(Accepted())
    bench.sender.put(request(1))
    assert bench.books["pending"] == 10
    bench.end()

    assert bench.books["delivered"] == 10


def test_people_hear_once_that_nothing_gets_through_and_once_that_it_does_again(caplog):
    caplog.set_level("INFO", "telemetry")
    bench = Bench(RetryLater("connection refused"), RetryLater("connection refused"), Accepted())
    bench.sender.put(request(1))
    bench.end()

    assert [record.getMessage() for record in caplog.records] == [
        "test: traces do not get through: connection refused; 0 wait on disk, 10 in memory",
        "test: traces get through again",
    ]


def test_an_attempt_that_the_end_cut_short_is_not_laid_at_the_receivers_door(caplog):
    bench = Bench(RetryLater("r did not answer within 0.493 s", is_unanswered=True))
    bench.receiver.may_answer.clear()
    bench.sender.put(request(1))
    wait_for(lambda: bench.receiver.bodies, what="the first attempt")
    deadline = monotonic() + 0.04
    bench.sender.stop(deadline, 0.5)
    bench.sender.join(deadline)
    bench.receiver.may_answer.set()
    bench.sender.join(monotonic() + 5)

    words = "the time to shut down (0.5 s) was over before the receiver answered"
    assert bench.ledger.status().last_error == words
    assert f"test: traces do not get through: {words}; 0 wait on disk, 10 in memory" in caplog.messages
    bench.sender.give_up()


def test_an_attempt_that_was_not_answered_while_there_was_time_says_so():
    bench = Bench(RetryLater("r did not answer within 1 s", is_unanswered=True), pause_s=60)
    bench.sender.put(request(1))
    wait_for(lambda: bench.ledger.status().last_error, what="the first attempt")
    assert bench.ledger.status().last_error == "r did not answer within 1 s"
    bench.end(0.2)


def test_what_earlier_processes_left_is_sent_at_once_and_booked_apart():
    class Left(MemoryQueue):
        def peek(self):
            held = super().peek()
            return held and held._replace(is_own=False)

    left = Left("traces", 1 << 20, lambda *_args, **_more: None)
    left.put(request(1))
    bench = Bench(Accepted(rejected=2), queue=lambda *_: left, looks_for_others=True)
    wait_for(lambda: bench.attempts, what="an attempt")
    bench.end()

    status = bench.ledger.status()
    assert (status.delivered, status.recovered) == (0, 8)
    assert dict(status.recovered_dropped) == {"rejected": 2}
    assert dict(status.dropped) == {}


@pytest.mark.parametrize("asked_s", [0.0, 4.0, 1e9])
def test_a_receivers_own_pause_is_not_undercut_and_has_a_limit(asked_s):
    pause = Backoff(lambda low, _high: low).after_failure(asked_s)

    assert pause == min(asked_s, 600.0)


def test_pauses_grow_up_to_three_seconds_and_start_over_after_a_success():
    backoff = Backoff(lambda _low, high: high)
    assert [backoff.after_failure(None) for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    backoff.succeed()

    assert backoff.after_failure(None) == 0.5
    assert backoff.after_denial() == 30.0


def test_pauses_are_spread_over_half_their_length():
    assert Backoff(lambda low, _high: low).after_failure(None) == 0.25
