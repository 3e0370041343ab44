# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry's names as Prometheus' names.

Source: OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility", section "OTLP
Metric points to Prometheus".
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["label_name", "labels", "metric_name", "unit_suffix"]

_NOT_METRIC = re.compile(r"[^a-zA-Z0-9:_]")
_NOT_LABEL = re.compile(r"[^a-zA-Z0-9_]")
_UNDERSCORES = re.compile(r"_{2,}")
_ANNOTATION = re.compile(r"\{[^}]*\}")

_UNITS = {
    "d": "days",
    "h": "hours",
    "min": "minutes",
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
    "By": "bytes",
    "KiBy": "kibibytes",
    "MiBy": "mebibytes",
    "GiBy": "gibibytes",
    "TiBy": "tibibytes",
    "KBy": "kilobytes",
    "MBy": "megabytes",
    "GBy": "gigabytes",
    "TBy": "terabytes",
    "m": "meters",
    "V": "volts",
    "A": "amperes",
    "J": "joules",
    "W": "watts",
    "g": "grams",
    "Cel": "celsius",
    "Hz": "hertz",
    "%": "percent",
    "1": "",
}
_PER_UNITS = {
    "s": "second",
    "min": "minute",
    "m": "minute",
    "h": "hour",
    "d": "day",
    "w": "week",
    "mo": "month",
    "y": "year",
}


def metric_name(name: str, unit: str, *, is_counter: bool, is_gauge: bool) -> str:
    """The name of a metric.

    Args:
        name: As recorded, `kairos.errors.total`.
        unit: In UCUM, `s`, `By`, `{error}`.
        is_counter: A monotonic sum: its name ends in `_total`, once.
        is_gauge: A gauge of unit `1` is a ratio.
    """
    base = _clean(_NOT_METRIC, name)
    if is_counter:
        base = base.removesuffix("_total")
    suffix = "ratio" if is_gauge and unit.strip() == "1" else unit_suffix(unit)
    if suffix and f"_{suffix}_" not in f"_{base}_":
        base = f"{base}_{suffix}"
    return f"{base}_total" if is_counter else base


def unit_suffix(unit: str) -> str:
    """What a unit adds to a name, without the underscore before it; empty when it adds nothing."""
    main, _, per = (part.strip() for part in _ANNOTATION.sub("", unit).partition("/"))
    words = _clean(_NOT_LABEL, _UNITS.get(main, main)).strip("_")
    if not per:
        return words
    per_words = _clean(_NOT_LABEL, _PER_UNITS.get(per, per)).strip("_")
    return f"{words}_per_{per_words}" if words else f"per_{per_words}"


def label_name(key: str) -> str:
    """An attribute's key as a label's name."""
    return _clean(_NOT_LABEL, key)


def labels(attributes: Mapping[str, object] | None) -> dict[str, str]:
    """Attributes as labels; where keys become one name, their values are joined by `;` in the keys' order."""
    out: dict[str, str] = {}
    for key in sorted(attributes or ()):
        name = label_name(key)
        text = _label_value((attributes or {})[key])
        out[name] = f"{out[name]};{text}" if name in out else text
    return out


def _clean(forbidden: re.Pattern[str], text: str) -> str:
    cleaned = _UNDERSCORES.sub("_", forbidden.sub("_", text))
    return f"_{cleaned}" if cleaned[:1].isdigit() else cleaned or "_"


def _label_value(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, default=str, ensure_ascii=False)
