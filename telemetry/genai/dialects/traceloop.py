# SPDX-License-Identifier: Apache-2.0
"""Traceloop's OpenLLMetry: `traceloop.*`, `llm.*`, and `gen_ai.*` names of its own making.

Source: https://github.com/traceloop/openllmetry, package opentelemetry-semantic-conventions-ai, 0.1 to 0.5.
"""

from __future__ import annotations

from types import MappingProxyType

from telemetry import conventions as names
from telemetry.genai.call import AGENT, LLM, MEMORY, TOOL
from telemetry.genai.dialects.dialect import Dialect

__all__ = ["DIALECT"]

DIALECT = Dialect(
    markers=MappingProxyType(
        {
            "traceloop.span.kind": MappingProxyType(
                {
                    "tool": (TOOL, names.OPERATION_EXECUTE_TOOL),
                    "agent": (AGENT, names.OPERATION_INVOKE_AGENT),
                    "workflow": (AGENT, "invoke_workflow"),
                    "task": (AGENT, "invoke_workflow"),
                }
            ),
            "llm.request.type": MappingProxyType(
                {
                    "chat": (LLM, names.OPERATION_CHAT),
                    "completion": (LLM, "text_completion"),
                    "embedding": (LLM, "embeddings"),
                    "rerank": (MEMORY, "retrieval"),
                }
            ),
        }
    ),
    presence=MappingProxyType({}),
    scopes=(),
    request_model=(names.REQUEST_MODEL, "llm.request.model"),
    parameters=(),
    response_model=(names.RESPONSE_MODEL, "llm.response.model"),
    provider=(names.PROVIDER, names.SYSTEM, "llm.vendor"),
    tool=(names.GEN_AI_TOOL_NAME, "traceloop.entity.name"),
    agent=(names.GEN_AI_AGENT_NAME, "traceloop.entity.name", "traceloop.workflow.name"),
    input_tokens=(names.INPUT_TOKENS, "gen_ai.usage.prompt_tokens", "llm.usage.prompt_tokens"),
    output_tokens=(names.OUTPUT_TOKENS, "gen_ai.usage.completion_tokens", "llm.usage.completion_tokens"),
    response_id=(names.RESPONSE_ID, "llm.response.id"),
    status_code=("http.response.status_code", "http.status_code"),
)
