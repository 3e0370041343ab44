# SPDX-License-Identifier: Apache-2.0
"""Reads GenAI spans of any instrumentor and derives our metrics from them. Nothing is patched.

What people have instrumented already, with whatever names, becomes errors by code, recoveries,
durations, tokens and health. See `docs/genai.md`.
"""

from __future__ import annotations

from telemetry.genai.reader import SpanReader

__all__ = ["SpanReader"]
