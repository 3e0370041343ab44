# SPDX-License-Identifier: Apache-2.0
"""Exporters: one file per way out of the process, found by name through `registry`."""

from __future__ import annotations

__all__: list[str] = []
