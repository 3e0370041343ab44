# SPDX-License-Identifier: Apache-2.0
"""An agent that is instrumented by construction: what goes wrong in it reports itself."""

from __future__ import annotations

from agent_runtime.audit import AuditFailedError, AuditLog
from agent_runtime.budget import Budget, BudgetExceededError
from agent_runtime.events import Event, TextDelta
from agent_runtime.instrument import instrument, uninstrument
from agent_runtime.loop import Agent
from agent_runtime.memory import InProcessMemory, Memory
from agent_runtime.memory_sqlite import SQLiteMemory
from agent_runtime.resilience import (
    BreakerSettings,
    CircuitOpenError,
    Policy,
    Resilience,
    RetrySettings,
    Timing,
    Value,
)
from agent_runtime.tools import FunctionTool, InvalidArgumentsError, Tool
from agent_runtime.types import (
    Message,
    ModelResponse,
    Role,
    RunResult,
    ToolCall,
    ToolResult,
    ToolSpec,
    Usage,
)

__all__ = [
    "Agent",
    "AuditFailedError",
    "AuditLog",
    "BreakerSettings",
    "Budget",
    "BudgetExceededError",
    "CircuitOpenError",
    "Event",
    "FunctionTool",
    "InProcessMemory",
    "InvalidArgumentsError",
    "Memory",
    "Message",
    "ModelResponse",
    "Policy",
    "Resilience",
    "RetrySettings",
    "Role",
    "RunResult",
    "SQLiteMemory",
    "TextDelta",
    "Timing",
    "Tool",
    "ToolCall",
    "ToolResult",
    "ToolSpec",
    "Usage",
    "Value",
    "instrument",
    "uninstrument",
]
