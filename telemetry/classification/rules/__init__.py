# SPDX-License-Identifier: Apache-2.0
"""The built-in rules: module and type name -> rule, without importing any of the packages."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from telemetry.classification.rules import python

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.classification.verdict import Rule

__all__ = ["built_in_rule"]

_FILES: Mapping[str, str] = MappingProxyType(
    {
        "httpx": "clients",
        "httpx2": "clients",
        "httpcore": "clients",
        "httpcore2": "clients",
        "requests": "clients",
        "urllib3": "clients",
        "openai": "llm",
        "anthropic": "llm",
        "google": "google",
        "botocore": "aws",
        "grpc": "rpc",
        "sqlalchemy": "stores",
        "sqlite3": "stores",
        "redis": "stores",
        "mcp": "mcp",
        "pydantic_ai": "frameworks",
        "langgraph": "frameworks",
    }
)
"""Library to the file of its rules, read when the first error of that library is seen."""


def built_in_rule(module: str, name: str) -> Rule | None:
    """The rule for the class of that name in that module; None when it has none of its own."""
    parts = module.split(".", 2)
    file = _FILES.get(parts[0])
    rules = python.RULES if file is None else import_module(f"{__name__}.{file}").RULES
    # By the first one or two parts of the module's name: libraries move their errors between modules.
    library = rules.get(".".join(parts[:2])) or rules.get(parts[0])
    return None if library is None else library.get(name)
