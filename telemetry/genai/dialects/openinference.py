# SPDX-License-Identifier: Apache-2.0
"""OpenInference: `openinference.span.kind` and `llm.*`.

Source: https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md
"""

from __future__ import annotations

from types import MappingProxyType

from telemetry import conventions as names
from telemetry.genai.call import AGENT, LLM, MEMORY, TOOL
from telemetry.genai.dialects.dialect import Dialect

__all__ = ["DIALECT"]

# The model's name is that of the answer; of a call that failed it is only in the parameters.
DIALECT = Dialect(
    markers=MappingProxyType(
        {
            "openinference.span.kind": MappingProxyType(
                {
                    "llm": (LLM, names.OPERATION_CHAT),
                    "embedding": (LLM, "embeddings"),
                    "tool": (TOOL, names.OPERATION_EXECUTE_TOOL),
                    "retriever": (MEMORY, "retrieval"),
                    "reranker": (MEMORY, "retrieval"),
                    "agent": (AGENT, names.OPERATION_INVOKE_AGENT),
                    "chain": (AGENT, "invoke_workflow"),
                    "guardrail": (AGENT, "invoke_workflow"),
                    "evaluator": (AGENT, "invoke_workflow"),
                }
            )
        }
    ),
    presence=MappingProxyType({}),
    scopes=(),
    request_model=("llm.model_name", "embedding.model_name", "reranker.model_name"),
    parameters=("llm.invocation_parameters",),
    response_model=("llm.model_name",),
    provider=("llm.provider", "llm.system"),
    tool=("tool.name", names.GEN_AI_TOOL_NAME),
    agent=("agent.name", "graph.node.name"),
    input_tokens=("llm.token_count.prompt",),
    output_tokens=("llm.token_count.completion",),
    response_id=(names.RESPONSE_ID,),
    status_code=("http.response.status_code", "http.status_code"),
)
