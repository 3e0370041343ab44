# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from agent_runtime.llm.assembly import Assembly
from agent_runtime.types import ModelChunk, ModelResponse, ToolCall, ToolCallDelta, Usage
from telemetry import ErrorCode, KairosError


def assemble(*chunks: ModelChunk) -> ModelResponse:
    assembly = Assembly()
    for chunk in chunks:
        assembly.add(chunk)
    return assembly.response()


def test_text_is_joined_and_facts_are_kept():
    assert assemble(
        ModelChunk("on", model="m-1", response_id="r"), ModelChunk("e"), ModelChunk(finish_reason="end_turn")
    ) == ModelResponse("one", (), None, "m-1", "end_turn", "r")


def test_the_last_usage_counts():
    first, last = Usage(10), Usage(10, 5, 4)
    assert (
        assemble(ModelChunk(usage=first), ModelChunk(usage=last), ModelChunk(finish_reason="stop")).usage
        == last
    )


def test_tool_calls_are_put_together_by_index():
    response = assemble(
        ModelChunk(tool_calls=(ToolCallDelta(4, "b", "second"), ToolCallDelta(1, "a", "first", '{"x"'))),
        ModelChunk(tool_calls=(ToolCallDelta(1, arguments=": 1}"),)),
        ModelChunk(finish_reason="tool_calls"),
    )
    assert response.tool_calls == (ToolCall("a", "first", '{"x": 1}'), ToolCall("b", "second", "{}"))


def test_a_stream_without_finish_reason_was_cut_off():
    with pytest.raises(KairosError, match="the stream ended before the answer was complete") as caught:
        assemble(ModelChunk("half"))
    assert (caught.value.code, caught.value.recoverable) == (ErrorCode.LLM_ERROR, True)
