# SPDX-License-Identifier: Apache-2.0
"""The built-in rules: module and type name -> rule, without importing any of the packages."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from telemetry.classification.rules import aws, clients, google, llm, mcp, python, rpc, stores

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.classification.verdict import Rule

__all__ = ["built_in_rule"]

# By the first one or two parts of a module's name: libraries move their errors between modules.
_LIBRARIES: Mapping[str, Mapping[str, Rule]] = MappingProxyType(
    {
        **python.RULES,
        **clients.RULES,
        **llm.RULES,
        **google.RULES,
        **aws.RULES,
        **rpc.RULES,
        **stores.RULES,
        **mcp.RULES,
    }
)


def built_in_rule(module: str, name: str) -> Rule | None:
    """The rule for the class of that name in that module; None when it has none of its own."""
    parts = module.split(".", 2)
    library = _LIBRARIES.get(".".join(parts[:2])) or _LIBRARIES.get(parts[0])
    return None if library is None else library.get(name)
