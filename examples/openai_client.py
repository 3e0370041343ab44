# SPDX-License-Identifier: Apache-2.0
"""The official OpenAI client: a rate limit that a retry makes good, a stream, and an error that stays."""

from __future__ import annotations

import time

import openai
from fake_server import Reply, events, serving

import telemetry

MODEL = "gpt-4o-mini"
ATTEMPTS = 3
QUESTION = [{"role": "user", "content": "How is the weather in Lisbon?"}]


def ask(client: openai.OpenAI) -> str:
    failed: list[openai.OpenAIError] = []
    with telemetry.chat(MODEL, provider="openai") as call:  # one span around all attempts
        while True:
            try:
                answer = client.chat.completions.create(model=MODEL, messages=QUESTION)
                break
            except openai.OpenAIError as error:
                telemetry.record_error_metric(error, "llm")  # counted now; the span has not failed yet
                failed.append(error)
                if len(failed) == ATTEMPTS or not telemetry.classify(error).recoverable:
                    raise  # it leaves the `with` block: now the span has failed, too; it is counted only once
            time.sleep(telemetry.retry_after(failed[-1]) or 0.5)  # what `Retry-After` asked for
        for error in failed:
            telemetry.record_recovery(error)  # with exactly the code and component that it was counted with
        call.response(
            model=answer.model,
            finish_reasons=[choice.finish_reason for choice in answer.choices],
            input_tokens=answer.usage.prompt_tokens,
            output_tokens=answer.usage.completion_tokens,
        )
    return answer.choices[0].message.content


def ask_streamed(client: openai.OpenAI) -> str:
    text = ""
    with telemetry.chat(MODEL, provider="openai") as call:
        stream = client.chat.completions.create(
            model=MODEL,
            messages=QUESTION,
            stream=True,
            stream_options={"include_usage": True},  # else a streamed answer has no tokens to report
        )
        for chunk in stream:
            call.first_chunk()  # only the first call counts: gen_ai.response.time_to_first_chunk
            for choice in chunk.choices:
                text += choice.delta.content or ""
            if chunk.usage is not None:
                call.response(
                    model=chunk.model,
                    input_tokens=chunk.usage.prompt_tokens,
                    output_tokens=chunk.usage.completion_tokens,
                )
    return text


def main() -> None:
    with (
        telemetry.init("openai-client-example", "1.0.0"),
        serving(*SCRIPT) as url,
        # max_retries=0: what the client retries by itself, nobody sees. `ask` retries instead, and tells.
        openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client,
    ):
        print(ask(client))
        print(ask_streamed(client))
        try:
            ask(client)
        except openai.AuthenticationError as error:
            print(f"not worth another attempt: {telemetry.classify(error).code}")


def _chunk(content: str | None, usage: dict[str, int] | None = None) -> dict[str, object]:
    delta = [{"index": 0, "delta": {"content": content}, "finish_reason": None}] if content else []
    return {
        "id": "c-2",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": MODEL,
        "choices": delta,
        "usage": usage,
    }


USAGE = {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}
SCRIPT = (
    Reply(
        {"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}},
        429,
        {"Retry-After": "0.05"},
    ),
    Reply(
        {
            "id": "c-1",
            "object": "chat.completion",
            "created": 1,
            "model": MODEL,
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": "Sun all week."},
                }
            ],
            "usage": USAGE,
        }
    ),
    Reply(events(_chunk("Still "), _chunk("sunny."), _chunk(None, USAGE))),
    Reply({"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}, 401),
)

if __name__ == "__main__":
    main()
