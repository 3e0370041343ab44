# SPDX-License-Identifier: Apache-2.0
"""Health: checks of what an agent depends on, one report, and endpoints for it."""

from __future__ import annotations

from agent_runtime.health.checks import http_check, mcp_check, memory_check, model_check, tool_check
from agent_runtime.health.endpoints import HealthServer
from agent_runtime.health.registry import HealthRegistry

__all__ = [
    "HealthRegistry",
    "HealthServer",
    "http_check",
    "mcp_check",
    "memory_check",
    "model_check",
    "tool_check",
]
