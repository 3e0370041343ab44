# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry's own GenAI conventions, releases 1.27 to 1.41 and the development version.

`gen_ai.system` became `gen_ai.provider.name` with 1.37; `gen_ai.usage.prompt_tokens` became
`gen_ai.usage.input_tokens` with 1.28. Spans from before 1.28 may have no `gen_ai.operation.name`.
"""

from __future__ import annotations

from types import MappingProxyType

from telemetry import conventions as names
from telemetry.genai.call import AGENT, LLM, MEMORY, TOOL
from telemetry.genai.dialects.dialect import Dialect

__all__ = ["DIALECT"]

_CHAT = (LLM, names.OPERATION_CHAT)

DIALECT = Dialect(
    markers=MappingProxyType(
        {
            names.OPERATION: MappingProxyType(
                {
                    "chat": _CHAT,
                    "text_completion": (LLM, "text_completion"),
                    "generate_content": (LLM, "generate_content"),
                    "embeddings": (LLM, "embeddings"),
                    "image_generation": (LLM, "image_generation"),
                    "execute_tool": (TOOL, names.OPERATION_EXECUTE_TOOL),
                    "retrieval": (MEMORY, "retrieval"),
                    "create_agent": (AGENT, "create_agent"),
                    "invoke_agent": (AGENT, names.OPERATION_INVOKE_AGENT),
                    "invoke_workflow": (AGENT, "invoke_workflow"),
                    "plan": (AGENT, "plan"),
                }
            ),
        }
    ),
    presence=MappingProxyType(
        {
            names.GEN_AI_TOOL_NAME: (TOOL, names.OPERATION_EXECUTE_TOOL),
            names.REQUEST_MODEL: _CHAT,
        }
    ),
    scopes=(),
    request_model=(names.REQUEST_MODEL,),
    parameters=(),
    response_model=(names.RESPONSE_MODEL,),
    provider=(names.PROVIDER, names.SYSTEM),
    tool=(names.GEN_AI_TOOL_NAME,),
    agent=(names.GEN_AI_AGENT_NAME, "gen_ai.workflow.name"),
    input_tokens=(names.INPUT_TOKENS, "gen_ai.usage.prompt_tokens"),
    output_tokens=(names.OUTPUT_TOKENS, "gen_ai.usage.completion_tokens"),
    response_id=(names.RESPONSE_ID,),
    status_code=("http.response.status_code", "http.status_code"),
)
