# SPDX-License-Identifier: Apache-2.0
"""Tracing: `observe`, GenAI spans, errors on spans, fast tracebacks."""
