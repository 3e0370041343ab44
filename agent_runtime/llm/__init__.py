# SPDX-License-Identifier: Apache-2.0
"""Language models: the protocol, and one file per provider."""

from __future__ import annotations

from agent_runtime.llm.anthropic import AnthropicModel
from agent_runtime.llm.openai import OpenAIModel
from agent_runtime.llm.protocol import Model, StreamingModel
from agent_runtime.llm.scripted import ScriptedModel, Step, break_off, call_tools, say

__all__ = [
    "AnthropicModel",
    "Model",
    "OpenAIModel",
    "ScriptedModel",
    "Step",
    "StreamingModel",
    "break_off",
    "call_tools",
    "say",
]
