# SPDX-License-Identifier: Apache-2.0
"""Runs in a peer's environment: the story on the openai client, with the instrumentors that are named.

Usage: client.py BASE_URL INSTRUMENTOR...; says on stdout as JSON what was counted.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any

import openai
from report import report

from telemetry.testing.isolation import isolated

INSTRUMENTORS = {
    "openinference": "openinference.instrumentation.openai",
    "traceloop": "opentelemetry.instrumentation.openai",
    "official": "opentelemetry.instrumentation.openai_v2",
}
MOST_ATTEMPTS = 3


def ask(client: openai.OpenAI, tracer: Any) -> None:
    """One question: another attempt after what may pass."""
    with tracer.start_as_current_span("ask"):
        for _ in range(MOST_ATTEMPTS):
            try:
                client.chat.completions.create(
                    model="gpt-4o", messages=[{"role": "user", "content": "Well?"}]
                )
            except (openai.RateLimitError, openai.APIConnectionError, openai.InternalServerError):
                continue
            except openai.APIError:
                pass
            return


def main() -> None:
    base_url, *chosen = sys.argv[1:]
    with isolated() as kairos:
        provider: Any = kairos.telemetry.providers.tracer_provider
        for name in chosen:
            import_module(INSTRUMENTORS[name]).OpenAIInstrumentor().instrument()
        client = openai.OpenAI(base_url=base_url, api_key="key", max_retries=0, timeout=1.5)
        for _ in range(5):
            ask(client, provider.get_tracer("application"))
        json.dump(report(kairos), sys.stdout)


main()
