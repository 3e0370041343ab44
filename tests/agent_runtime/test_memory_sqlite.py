# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import multiprocessing
import sqlite3
import stat
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from support.waiting import wait_for

from agent_runtime import Agent, Memory, Message, Policy, Resilience, Role, SQLiteMemory, ToolCall
from agent_runtime.llm import ScriptedModel, say
from telemetry import ErrorCode, KairosError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CALL = Message(Role.ASSISTANT, "", (ToolCall("c1", "search", '{"q": "tea"}'),))
RESULT = Message(Role.TOOL, "hot", tool_call_id="c1")


def user(text: str) -> Message:
    return Message(Role.USER, text)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


@pytest.fixture
def memory(path: Path) -> Iterator[SQLiteMemory]:
    with SQLiteMemory(path, busy_timeout_s=0.05) as opened:
        yield opened


def load(memory: SQLiteMemory, session: str = "s") -> list[Message]:
    return list(asyncio.run(memory.load(session)))


def append(memory: SQLiteMemory, *messages: Message, session: str = "s") -> None:
    asyncio.run(memory.append(session, messages))


def test_it_is_a_memory(memory: SQLiteMemory):
    assert isinstance(memory, Memory)
    assert load(memory, "unknown") == []


def test_messages_survive_whole(memory: SQLiteMemory, path: Path):
    messages = [user('"héllo" 🍵'), CALL, RESULT, Message(Role.ASSISTANT, "done")]
    append(memory, *messages)
    memory.close()
    with SQLiteMemory(path) as again:
        assert load(again) == messages


def test_an_agent_remembers_after_a_restart(path: Path, observed):
    for answer in ("one", "two"):
        model = ScriptedModel([say(answer)])
        with SQLiteMemory(path) as memory:
            Agent(model, memory=memory).run_sync("again", session_id="s")
    assert [message.content for message in model.requests[0]] == ["again", "one", "again"]
    assert observed.errors == {}


def test_the_oldest_messages_of_a_session_go_first(path: Path):
    with SQLiteMemory(path, max_messages=2) as memory:
        append(memory, user("other"), session="other")
        append(memory, user("1"), user("2"))
        append(memory, user("3"))
        assert load(memory) == [user("2"), user("3")]
        assert load(memory, "other") == [user("other")]


def test_a_result_whose_call_was_forgotten_goes_too(path: Path):
    with SQLiteMemory(path, max_messages=2) as memory:
        append(memory, CALL, RESULT, user("next"))
        assert load(memory) == [user("next")]


def test_the_session_unused_for_longest_goes_first(path: Path):
    with SQLiteMemory(path, max_sessions=2) as memory:
        append(memory, user("a"), session="a")
        append(memory, user("b"), session="b")
        load(memory, "a")
        append(memory, user("c"), session="c")
        assert [load(memory, session) for session in "abc"] == [[user("a")], [], [user("c")]]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM messages").fetchone() == (2,)


@pytest.mark.parametrize("bound", ["max_sessions", "max_messages"])
def test_a_bound_below_one_is_refused(path: Path, bound: str):
    with pytest.raises(ValueError, match=f"{bound}=0: allowed are whole numbers from 1 upwards"):
        SQLiteMemory(path, **{bound: 0})


def test_it_can_live_in_this_process_only():
    with SQLiteMemory(":memory:") as memory:
        append(memory, user("a"))
        assert load(memory) == [user("a")]


def test_only_the_owner_can_read_a_new_file(memory: SQLiteMemory, path: Path):
    append(memory, user("a"))
    for each in path.parent.iterdir():
        assert stat.S_IMODE(each.stat().st_mode) == 0o600


def test_closing_unused_or_twice_does_nothing(path: Path):
    memory = SQLiteMemory(path)
    memory.close()
    memory.close()
    assert not path.exists()


# -- failures ----------------------------------------------------------------------------------


def failure(memory: SQLiteMemory) -> KairosError:
    with pytest.raises(KairosError) as caught:
        append(memory, user("x"))
    assert caught.value.code is ErrorCode.MEMORY_ERROR
    return caught.value


def test_a_closed_memory_says_so(memory: SQLiteMemory):
    memory.close()
    assert "it is closed" in str(failure(memory))


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path):
    with SQLiteMemory(tmp_path / "none" / "memory.db") as memory:
        error = failure(memory)
    assert "none/memory.db'): unable to open database file" in str(error)
    assert error.recoverable is False


def test_a_file_that_is_something_else_is_left_alone(path: Path):
    path.write_text("not a database, but longer than the header of one would be; " * 3)
    with SQLiteMemory(path) as memory:
        assert "file is not a database" in str(failure(memory))
    assert path.read_text().startswith("not a database")


def test_tables_of_a_later_release_are_refused(path: Path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 7")
    with SQLiteMemory(path) as memory:
        assert "the file has version 7 of its tables, this release knows 1" in str(failure(memory))


def test_a_file_that_somebody_else_is_writing_is_worth_another_attempt(memory: SQLiteMemory, path: Path):
    load(memory)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        error = failure(memory)
        assert ("database is locked" in str(error), error.recoverable) == (True, True)
        other.rollback()
    append(memory, user("now"))
    assert load(memory) == [user("now")]


def test_a_new_file_that_somebody_else_is_writing_is_worth_another_attempt(memory: SQLiteMemory, path: Path):
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert failure(memory).recoverable is True
        other.rollback()
    append(memory, user("now"))
    assert load(memory) == [user("now")]


def test_a_commit_that_fails_is_undone(memory: SQLiteMemory, path: Path):
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE theirs (a)")
        other.execute("BEGIN")
        other.execute("SELECT * FROM theirs").fetchall()  # a reader: no commit before it has finished
        assert failure(memory).recoverable is True
        other.rollback()
    append(memory, user("now"))
    assert load(memory) == [user("now")]


def test_a_file_that_cannot_be_written_is_not_worth_another_attempt(memory: SQLiteMemory, path: Path):
    load(memory)
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TRIGGER full BEFORE INSERT ON messages BEGIN SELECT RAISE(ABORT, 'full'); END")
    error = failure(memory)
    assert ("full" in str(error), error.recoverable) == (True, False)
    assert load(memory) == []


def test_a_failure_in_the_middle_leaves_nothing_behind(memory: SQLiteMemory, path: Path):
    load(memory)
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE messages")
    failure(memory)
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT count(*) FROM sessions").fetchone() == (0,)


def test_what_was_cancelled_is_not_kept(path: Path):
    with SQLiteMemory(path, busy_timeout_s=60.0) as memory:
        load(memory)

        async def give_up() -> None:
            task = asyncio.create_task(memory.append("s", [user("twice")]))
            await asyncio.sleep(0)
            # The worker has taken the call, and waits for the other writer.
            await asyncio.to_thread(wait_for, memory._thread._work_queue.empty)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            asyncio.run(give_up())
            other.rollback()
        assert load(memory) == []


def test_an_agent_goes_on_without_its_file(tmp_path: Path, observed):
    with SQLiteMemory(tmp_path / "none" / "memory.db") as memory:
        agent = Agent(
            ScriptedModel([say("ok")]), memory=memory, resilience=Resilience(memory=Policy(retry=None))
        )
        assert agent.run_sync("hi").output == "ok"
    assert observed.errors == {("memory_error", "memory", False): 2}


# -- concurrency -------------------------------------------------------------------------------


def test_concurrent_appends_are_all_kept(memory: SQLiteMemory):
    async def write() -> None:
        await asyncio.gather(*(memory.append(f"s{n % 3}", [user(str(n)), user("b")]) for n in range(60)))

    asyncio.run(write())
    kept = [load(memory, f"s{n}") for n in range(3)]
    assert [len(messages) for messages in kept] == [40, 40, 40]
    assert all(message.content == "b" for messages in kept for message in messages[1::2])


def _write(path: str, name: str) -> None:
    with SQLiteMemory(path, busy_timeout_s=20.0) as memory:
        for number in range(20):
            append(memory, user(f"{name}{number}"))


def test_several_processes_share_a_file(path: Path):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(str(path), name)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
        assert writer.exitcode == 0
    with SQLiteMemory(path) as memory:
        kept = [message.content for message in load(memory)]
    assert sorted(kept) == sorted(f"{name}{number}" for name in "ab" for number in range(20))
