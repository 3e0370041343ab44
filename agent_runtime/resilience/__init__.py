# SPDX-License-Identifier: Apache-2.0
"""Resilience: timeout, retry, circuit breaker and fallback around every call of an agent."""

from __future__ import annotations

from agent_runtime.resilience.breaker import CircuitBreaker
from agent_runtime.resilience.fallback import Value
from agent_runtime.resilience.guard import CircuitOpenError
from agent_runtime.resilience.policy import BreakerSettings, Policy, Resilience, RetrySettings, Timing

__all__ = [
    "BreakerSettings",
    "CircuitBreaker",
    "CircuitOpenError",
    "Policy",
    "Resilience",
    "RetrySettings",
    "Timing",
    "Value",
]
