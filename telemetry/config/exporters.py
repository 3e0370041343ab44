# SPDX-License-Identifier: Apache-2.0
"""Names of exporters: ours, and those that other distributions register."""

from __future__ import annotations

from typing import Literal

from telemetry.config.problems import RejectedError

__all__ = ["BUILT_IN", "SIGNALS", "Signal", "parse_exporters"]

Signal = Literal["metrics", "traces", "logs"]
SIGNALS: tuple[Signal, ...] = ("metrics", "traces", "logs")
BUILT_IN = ("otlp", "otlp-http", "stdout", "prometheus", "file", "memory", "none", "inherit")
_ALONE = frozenset({"none", "inherit"})


def parse_exporters(value: object) -> tuple[str, ...]:
    """Read one exporter or a comma list.

    Args:
        value: A name, a comma list, or a list of names.

    Returns:
        The names, each once, in their order.

    Raises:
        RejectedError: A name is unknown here and among the installed entry points, or `none` or
            `inherit` has company.
    """
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise RejectedError("not the name of an exporter", choices=BUILT_IN)
    names = tuple(dict.fromkeys(_spelled(part.strip()) for part in parts if part.strip()))
    if not names:
        raise RejectedError("names no exporter", choices=BUILT_IN)
    for name in names:
        if name not in BUILT_IN and not _is_registered(name):
            why = "not an exporter" if len(names) == 1 else f"{name[:40]!r} is not an exporter"
            raise RejectedError(why, choices=BUILT_IN, typed=name)
    if len(names) > 1 and (alone := _ALONE.intersection(names)):
        raise RejectedError(
            f"{sorted(alone)[0]!r} cannot be combined with other exporters",
            allowed="it alone, or a list without it",
        )
    return names


def _spelled(name: str) -> str:
    return name.lower() if name.lower() in BUILT_IN else name


def _is_registered(name: str) -> bool:
    from importlib.metadata import entry_points  # reads every installed distribution: for unknown names only

    return any(
        entry_points(group=group, name=name)
        for group in (f"opentelemetry_{signal}_exporter" for signal in SIGNALS)
    )
