# SPDX-License-Identifier: Apache-2.0
"""Where a setting's value came from."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["DEFAULT", "Given", "Origin"]


class Origin(NamedTuple):
    """Where a setting's value came from; `str()` of it is for people.

    Attributes:
        kind: `code`, `environment` (ours), `standard` (an `OTEL_*` variable), `file`, `derived`
            (from another setting) or `default`.
        name: The variable, the file and its key, the argument, or the other setting.
    """

    kind: Literal["code", "environment", "standard", "file", "derived", "default"]
    name: str = ""

    def __str__(self) -> str:
        match self.kind:
            case "code":
                return "argument in code"
            case "default":
                return "default"
            case _:
                return self.name

    @property
    def fix(self) -> str:
        """What to do about a bad value from here, as the start of a sentence."""
        match self.kind:
            case "environment" | "standard":
                return f"Change or unset {self.name}"
            case "code":
                return f"Change the argument {self.name}"
            case _:
                return f"Change {self.name}"


DEFAULT = Origin("default")


class Given(NamedTuple):
    """A value as a source gave it, with its origin."""

    value: object
    origin: Origin
    raw: object = None
    """What people wrote, where `value` was converted from it (milliseconds, sampler names)."""

    @property
    def written(self) -> object:
        """What people wrote."""
        return self.value if self.raw is None else self.raw
