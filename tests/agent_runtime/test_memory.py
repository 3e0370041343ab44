# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from agent_runtime import InProcessMemory, Memory, Message, Role
from agent_runtime.faults import FaultPlan, connection_reset

if TYPE_CHECKING:
    from collections.abc import Sequence


def user(text: str) -> Message:
    return Message(Role.USER, text)


def append(memory: Memory, session: str, *messages: Message) -> None:
    asyncio.run(memory.append(session, messages))


def load(memory: Memory, session: str) -> Sequence[Message]:
    return asyncio.run(memory.load(session))


def test_it_is_a_memory():
    assert isinstance(InProcessMemory(), Memory)


def test_sessions_are_kept_apart_and_in_order():
    memory = InProcessMemory()
    append(memory, "a", user("one"))
    append(memory, "b", user("other"))
    append(memory, "a", user("two"))
    assert load(memory, "a") == (user("one"), user("two"))


def test_an_unknown_session_is_empty():
    assert load(InProcessMemory(), "a") == ()


def test_the_oldest_messages_go_first():
    memory = InProcessMemory(max_messages=2)
    append(memory, "a", user("one"), user("two"), user("three"))
    assert load(memory, "a") == (user("two"), user("three"))


def test_a_tools_answer_without_its_call_is_not_remembered():
    memory = InProcessMemory(max_messages=2)
    append(memory, "a", user("one"), Message(Role.TOOL, "result", tool_call_id="1"), user("two"))
    assert load(memory, "a") == (user("two"),)


def test_the_session_unused_for_longest_goes_first():
    memory = InProcessMemory(max_sessions=2)
    append(memory, "a", user("a"))
    append(memory, "b", user("b"))
    load(memory, "a")
    append(memory, "c", user("c"))
    assert load(memory, "b") == ()
    assert load(memory, "a") == (user("a"),)


def test_faults_strike_call_by_call():
    memory = InProcessMemory(faults=FaultPlan([None, connection_reset()]))
    assert load(memory, "a") == ()
    with pytest.raises(ConnectionResetError):
        append(memory, "a", user("one"))
    append(memory, "a", user("two"))
    assert load(memory, "a") == (user("two"),)


@pytest.mark.parametrize("setting", ["max_sessions", "max_messages"])
def test_limits_below_one_are_refused(setting: str):
    with pytest.raises(ValueError, match=f"{setting}=0: allowed are whole numbers from 1 upwards"):
        InProcessMemory(**{setting: 0})
