# SPDX-License-Identifier: Apache-2.0
"""The official Anthropic client, async: an overloaded model, a fallback to another one, and a stream."""

from __future__ import annotations

import asyncio

import anthropic
from fake_server import Reply, events, serving

import telemetry

MODELS = ("claude-large", "claude-small")  # the second one answers when the first one cannot
QUESTION = [{"role": "user", "content": "How is the weather in Lisbon?"}]


async def ask(client: anthropic.AsyncAnthropic) -> str:
    failed: list[anthropic.AnthropicError] = []
    for model in MODELS:
        try:
            text = await ask_one(client, model)
        except anthropic.AnthropicError as error:  # counted by `ask_one`; its span has failed
            failed.append(error)
            telemetry.set_health("llm", telemetry.HealthStatus.DEGRADED)
            continue
        for error in failed:
            telemetry.record_recovery(error)  # the fallback made it good
        return text
    raise failed[-1]


async def ask_one(client: anthropic.AsyncAnthropic, model: str) -> str:
    async with telemetry.chat(model, provider="anthropic") as call:  # what leaves it is counted
        async with client.messages.stream(model=model, max_tokens=64, messages=QUESTION) as stream:
            async for _ in stream.text_stream:
                call.first_chunk()  # only the first call counts
            answer = await stream.get_final_message()
        call.response(
            model=answer.model,
            finish_reasons=[answer.stop_reason],
            input_tokens=answer.usage.input_tokens,
            output_tokens=answer.usage.output_tokens,
            cache_read_tokens=answer.usage.cache_read_input_tokens,
        )
    return answer.content[0].text


async def main() -> None:
    with telemetry.init("anthropic-client-example", "1.0.0"), serving(*SCRIPT) as url:
        # max_retries=0: what the client retries by itself, nobody sees.
        async with anthropic.AsyncAnthropic(base_url=url, api_key="none", max_retries=0) as client:
            print(await ask(client))


USAGE = {"input_tokens": 12, "output_tokens": 1, "cache_read_input_tokens": 8}
SCRIPT = (
    Reply({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, 529),
    Reply(
        events(
            {
                "type": "message_start",
                "message": {
                    "id": "msg_1",
                    "type": "message",
                    "role": "assistant",
                    "model": MODELS[1],
                    "content": [],
                    "stop_reason": None,
                    "stop_sequence": None,
                    "usage": USAGE,
                },
            },
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": "Sun all week."},
            },
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}},
            {"type": "message_stop"},
            is_named=True,
        )
    ),
)

if __name__ == "__main__":
    asyncio.run(main())
