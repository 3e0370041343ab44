# SPDX-License-Identifier: Apache-2.0
"""`observe` and the GenAI operations, bound to the one handle."""

from __future__ import annotations

from telemetry import conventions as names
from telemetry.pipeline.handle import HANDLE
from telemetry.tracing.observe import Observation

TYPE_CHECKING = False  # as `typing` has it, without importing it: the `none` path imports this module
if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

    from telemetry.tracing.genai import AgentOperation, ModelOperation, ToolOperation

__all__ = ["chat", "execute_tool", "invoke_agent", "observe"]


def observe(
    component: str | None = None, name: str | None = None, **attributes: AttributeValue
) -> Observation:
    """A span around a function or a block; what leaves it as an exception is recorded, once.

    As a decorator (`@observe(component="tool")`) it takes functions, coroutine
    functions, generators and async generators and leaves their kind and signature as they are. A
    generator's span covers its whole life and is never the caller's current span between two yields.
    As a context manager it serves `with` and `async with`, and gives the span.

    Args:
        component: Whose errors these are (`llm`, `tool`, `memory`, ...). Default: what
            classification says about the exception.
        name: Name of the span. Default: the function's qualified name, or the component.
        **attributes: Attributes of the span.
    """
    return Observation(HANDLE, component, name, attributes)


def invoke_agent(name: str, **attributes: AttributeValue) -> AgentOperation:
    """A run of an agent: the span `invoke_agent {name}` and its duration.

    Args:
        name: Name of the agent.
        **attributes: Further attributes of the span (use `**{"gen_ai.conversation.id": ...}`).
    """
    from telemetry.tracing.genai import AgentOperation

    return AgentOperation(HANDLE, name, None, {names.GEN_AI_AGENT_NAME: name, **attributes})


def chat(model: str, *, provider: str, **attributes: AttributeValue) -> ModelOperation:
    """A call of a model: the span `chat {model}`, its duration and its tokens.

    Args:
        model: Name of the requested model.
        provider: `gen_ai.provider.name`, such as `openai` or `anthropic`.
        **attributes: Further attributes of the span.
    """
    from telemetry.tracing.genai import ModelOperation

    facts = {names.PROVIDER: provider, names.REQUEST_MODEL: model, **attributes}
    return ModelOperation(HANDLE, model, names.COMPONENT_LLM, facts, is_client=True)


def execute_tool(name: str, *, call_id: str | None = None, **attributes: AttributeValue) -> ToolOperation:
    """A call of a tool: the span `execute_tool {name}` and its duration.

    Args:
        name: Name of the tool.
        call_id: The model's id of the call.
        **attributes: Further attributes of the span.
    """
    from telemetry.tracing.genai import ToolOperation

    facts = {names.GEN_AI_TOOL_NAME: name, names.GEN_AI_TOOL_CALL_ID: call_id, **attributes}
    return ToolOperation(HANDLE, name, names.COMPONENT_TOOL, facts)
