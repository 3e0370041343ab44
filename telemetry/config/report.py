# SPDX-License-Identifier: Apache-2.0
"""The effective settings as rows for people and programs, secrets masked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from telemetry.config.secret import MASK
from telemetry.config.settings import KINDS, Settings

__all__ = ["Row", "rows"]


class Row(NamedTuple):
    """One setting: its name, its value without secrets, and where that came from."""

    name: str
    value: str | bool | int | float | dict[str, object] | None
    origin: str


def rows(config: Settings) -> list[Row]:
    """List the settings in the order of the fields.

    Args:
        config: The settings.

    Returns:
        One row per field; every value can be written as JSON. Tokens and header values are masked.
    """
    return [Row(name, _plain(name, getattr(config, name)), str(config.origins[name])) for name in KINDS]


def _plain(name: str, value: object) -> str | bool | int | float | dict[str, object] | None:
    if name == "otlp_headers" and isinstance(value, Mapping):
        return dict.fromkeys(value, MASK)
    if isinstance(value, Mapping):
        return {key: list(item) if isinstance(item, tuple) else item for key, item in value.items()}
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return str(value)  # of a token, the mask
