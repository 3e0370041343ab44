# SPDX-License-Identifier: Apache-2.0
"""The public functions that make instruments of the user's own."""

from __future__ import annotations

from telemetry.pipeline.handle import HANDLE

TYPE_CHECKING = False  # as `typing` has it, without importing it: the `none` path imports this module
if TYPE_CHECKING:
    from collections.abc import Sequence

    from telemetry.metrics.histograms import Histogram
    from telemetry.metrics.instruments import Counter, Gauge

__all__ = ["counter", "gauge", "histogram"]


def counter(name: str, unit: str = "", description: str = "") -> Counter:
    """Returns the counter of this name; `counter.bind({...})` gives a series with `inc()` and `add(n)`.

    It may be made before `init` and survives a later one; while no pipeline is active, what is
    counted goes nowhere.

    Args:
        name: Name of the instrument.
        unit: Unit in UCUM, such as `s` or `{request}`.
        description: What it counts.

    Raises:
        ValueError: The name belongs to an instrument of another kind, or name or unit is not allowed.
    """
    return HANDLE.instruments.counter(name, unit, description)


def gauge(name: str, unit: str = "", description: str = "") -> Gauge:
    """Returns the gauge of this name; `gauge.bind({...})` gives a series with `set(v)`.

    Args:
        name: Name of the instrument.
        unit: Unit in UCUM, such as `By` or `{connection}`.
        description: What it shows.

    Raises:
        ValueError: The name belongs to an instrument of another kind, or name or unit is not allowed.
    """
    return HANDLE.instruments.gauge(name, unit, description)


def histogram(
    name: str, unit: str = "", description: str = "", *, buckets: Sequence[float] | None = None
) -> Histogram:
    """Returns the histogram of this name; `histogram.bind({...})` gives a series with `record(v)`.

    Args:
        name: Name of the instrument.
        unit: Unit in UCUM, such as `s`.
        description: What it measures.
        buckets: Upper bounds of the buckets, in the unit. Default: OpenTelemetry's.

    Raises:
        ValueError: The name belongs to an instrument of another kind, or name or unit is not allowed.
    """
    return HANDLE.instruments.histogram(name, unit, description, buckets)
