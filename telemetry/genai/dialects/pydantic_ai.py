# SPDX-License-Identifier: Apache-2.0
"""pydantic-ai's own instrumentation, where it differs from the official names.

Up to its version 2 of the format, agents are told by `agent_name` and `model_name` alone, and tools by
`gen_ai.tool.name` without an operation. Attempts of a fallback model have an attribute of their own.
Source: https://ai.pydantic.dev/logfire/#data-format
"""

from __future__ import annotations

from types import MappingProxyType

from telemetry import conventions as names
from telemetry.genai.call import AGENT, LLM, TOOL
from telemetry.genai.dialects.official import DIALECT as OFFICIAL

__all__ = ["DIALECT"]

DIALECT = OFFICIAL._replace(
    presence=MappingProxyType(
        {
            names.GEN_AI_TOOL_NAME: (TOOL, names.OPERATION_EXECUTE_TOOL),
            "agent_name": (AGENT, names.OPERATION_INVOKE_AGENT),
            names.REQUEST_MODEL: (LLM, names.OPERATION_CHAT),
        }
    ),
    scopes=("pydantic-ai",),
    request_model=(names.REQUEST_MODEL, "model_name"),
    agent=(names.GEN_AI_AGENT_NAME, "agent_name"),
)
