# SPDX-License-Identifier: Apache-2.0
"""The normal form of a GenAI span: what was called, how it went, whoever instrumented it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from telemetry import conventions as names

if TYPE_CHECKING:
    from telemetry.metrics.error_counts import ErrorKey

__all__ = ["AGENT", "COMPONENTS", "LLM", "MEMORY", "TOOL", "Call", "Told"]

LLM = "llm"
"""A call of a model: chat, completion, embeddings."""
TOOL = "tool"
"""A call of a tool."""
MEMORY = "memory"
"""A look-up in a store: retrievers, rerankers."""
AGENT = "agent"
"""Something that contains calls: an agent, a workflow, a chain, a task."""

COMPONENTS = {
    LLM: names.COMPONENT_LLM,
    TOOL: names.COMPONENT_TOOL,
    MEMORY: names.COMPONENT_MEMORY,
    AGENT: names.COMPONENT_AGENT,
}


class Told(NamedTuple):
    """What a span tells about its error.

    Attributes:
        type: Name of the exception's class, with its module where the instrumentor gave it.
        message: Its message.
        status: The HTTP status that the provider answered with.
        counted: Code, component and recoverability, where `record_error` wrote them on the span, and so
            counted the error.
    """

    type: str | None
    message: str | None
    status: int | None
    counted: ErrorKey | None = None


class Call(NamedTuple):
    """One call, as one instrumentor saw it.

    Attributes:
        kind: `llm`, `tool`, `memory` or `agent`.
        operation: `gen_ai.operation.name`.
        models: Requested and answering model, as far as they are known; empty for tools.
        provider: `gen_ai.provider.name`.
        subject: Name of the tool or agent.
        input_tokens: Tokens of the request.
        output_tokens: Tokens of the answer.
        response_id: The provider's id of the answer.
        server: Address and port.
        error: What is known of its error; None when it went well.
        scope: The instrumentor.
        trace_id: The trace.
        span_id: The span.
        parent_id: The span that it is in; None for the first one of a trace.
        start_ns: When it started, Unix nanoseconds.
        end_ns: When it ended.
    """

    kind: str
    operation: str
    models: tuple[str | None, str | None]
    provider: str | None
    subject: str | None
    input_tokens: int | None
    output_tokens: int | None
    response_id: str | None
    server: tuple[str | None, int | None]
    error: Told | None
    scope: str
    trace_id: int
    span_id: int
    parent_id: int | None
    start_ns: int
    end_ns: int

    @property
    def seconds(self) -> float:
        """How long it took."""
        return max(0, self.end_ns - self.start_ns) / 1e9
