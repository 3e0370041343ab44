# SPDX-License-Identifier: Apache-2.0
"""The public API as a user would write it. Never run: `make lint` has mypy check it in strict mode."""

from __future__ import annotations
