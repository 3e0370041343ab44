# SPDX-License-Identifier: Apache-2.0
"""`MemoryQueue`: first in, first out, bounded in bytes."""

from __future__ import annotations

from support.spools import Books, drain, request

from telemetry.spool.memory import MemoryQueue
from telemetry.spool.queue import EMPTY, Held, Waiting


def queue(max_bytes=100):
    books = Books()
    return MemoryQueue("logs", max_bytes, books), books


def test_requests_come_out_in_the_order_in_which_they_went_in():
    memory, books = queue()
    for body in (b"1", b"2", b"3"):
        memory.put(request(body))
    assert drain(memory) == [(b"1", True), (b"2", True), (b"3", True)]
    assert books == []


def test_an_empty_queue_has_nothing_to_send():
    memory, _ = queue()
    assert memory.peek() is None
    assert memory.in_memory() == memory.on_disk() == EMPTY


def test_what_waits_is_counted_in_memory_only():
    memory, _ = queue()
    memory.put(request(b"12345", records=3))
    memory.put(request(b"678", records=4))
    assert memory.in_memory() == Waiting(2, 7, 8)
    assert memory.on_disk() == EMPTY


def test_a_request_stays_until_it_is_settled():
    memory, _ = queue()
    memory.put(request(b"1"))
    assert memory.peek() == memory.peek()
    assert memory.in_memory().requests == 1


def test_settling_twice_changes_nothing():
    memory, _ = queue()
    memory.put(request(b"1"))
    memory.put(request(b"2"))
    held = memory.peek()
    memory.settle(held)
    memory.settle(held)
    assert memory.in_memory() == Waiting(1, 1, 1)


def test_a_full_queue_drops_its_oldest():
    memory, books = queue(10)
    for body in (b"11111", b"22222", b"333"):
        memory.put(request(body, records=2))
    assert books == [("memory_full", 2, None, True)]
    assert [body for body, _ in drain(memory)] == [b"22222", b"333"]


def test_as_many_go_as_the_new_one_needs():
    memory, books = queue(10)
    for body in (b"1111", b"2222", b"3333333333"):
        memory.put(request(body))
    assert books.by_reason() == {"memory_full": 2}
    assert [body for body, _ in drain(memory)] == [b"3333333333"]


def test_the_request_that_is_being_sent_stays_and_the_next_one_goes():
    memory, books = queue(10)
    memory.put(request(b"11111", records=1))
    memory.put(request(b"22222", records=2))
    memory.peek()
    memory.put(request(b"33333", records=3))
    assert books.by_reason() == {"memory_full": 2}
    assert [body for body, _ in drain(memory)] == [b"11111", b"33333"]


def test_the_new_one_goes_when_only_the_one_that_is_being_sent_is_there():
    memory, books = queue(10)
    memory.put(request(b"1111111111", records=1))
    memory.peek()
    memory.put(request(b"2", records=2))
    assert books.by_reason() == {"memory_full": 2}
    assert [body for body, _ in drain(memory)] == [b"1111111111"]


def test_a_request_that_can_never_fit_goes_alone():
    memory, books = queue(10)
    memory.put(request(b"1", records=1))
    memory.put(request(b"x" * 11, records=2))
    assert books.by_reason() == {"memory_full": 2}
    assert memory.in_memory() == Waiting(1, 1, 1)


def test_a_buried_request_is_booked_with_its_reason_and_error():
    memory, books = queue()
    memory.put(request(records=5))
    memory.bury(memory.peek(), "refused", "400 Bad Request")
    assert books == [("refused", 5, "400 Bad Request", True)]
    assert memory.in_memory() == EMPTY


def test_burying_what_is_gone_books_nothing():
    memory, books = queue()
    memory.put(request())
    held = memory.peek()
    memory.settle(held)
    memory.bury(held, "refused", "late")
    assert books == []


def test_a_request_that_never_waited_can_be_buried():
    memory, books = queue()
    memory.bury(Held(request(records=1), is_own=True, place=None), "too_large", "5 MiB")
    assert books == [("too_large", 1, "5 MiB", True)]


def test_a_closed_queue_still_tells_what_waits():
    memory, _ = queue()
    memory.put(request(b"1"))
    memory.close()
    assert memory.in_memory() == Waiting(1, 1, 1)


def test_booking_may_put_again():
    memory = MemoryQueue("logs", 10, lambda *_, **__: memory.put(request(b"")))
    memory.put(request(b"1" * 10))
    memory.put(request(b"2" * 10))
    assert [len(body) for body, _ in drain(memory)] == [10, 0]
