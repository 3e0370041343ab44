# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from agent_runtime import Message, Role, ToolCall
from agent_runtime.llm.anthropic_messages import conversation


def test_system_messages_become_the_system_prompt():
    messages = [Message(Role.SYSTEM, "Be brief."), Message(Role.USER, "Hi"), Message(Role.SYSTEM, "Be kind.")]
    assert conversation(messages) == (
        "Be brief.\n\nBe kind.",
        [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
    )


def test_results_of_one_answer_and_what_the_user_says_next_are_one_turn():
    messages = [
        Message(Role.ASSISTANT, "", (ToolCall("a", "search"), ToolCall("b", "search"))),
        Message(Role.TOOL, "one", tool_call_id="a"),
        Message(Role.TOOL, "", tool_call_id="b"),
        Message(Role.USER, "Go on."),
    ]
    _, (answer, turn) = conversation(messages)
    assert [block["type"] for block in answer["content"]] == ["tool_use", "tool_use"]
    assert turn == {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "a", "content": "one"},
            {"type": "tool_result", "tool_use_id": "b", "content": ""},
            {"type": "text", "text": "Go on."},
        ],
    }


def test_empty_messages_are_left_out_and_their_neighbours_joined():
    messages = [Message(Role.USER, "a"), Message(Role.ASSISTANT, ""), Message(Role.USER, "b")]
    _, (turn,) = conversation(messages)
    assert [block["text"] for block in turn["content"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ('{"query": "tea"}', {"query": "tea"}),
        ("", {}),
        ('{"query": "te', {"INVALID_JSON": '{"query": "te'}),
        ("[1]", {"INVALID_JSON": "[1]"}),
    ],
)
def test_arguments_are_sent_as_an_object_whatever_the_model_wrote(arguments: str, sent: dict[str, object]):
    _, (turn,) = conversation([Message(Role.ASSISTANT, "", (ToolCall("a", "search", arguments),))])
    assert turn["content"][0]["input"] == sent
