# SPDX-License-Identifier: Apache-2.0
"""How the SDK aggregates: true exemplars for our counters, and the cardinality limit for all kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.metrics import (
    Counter,
    Histogram,
    ObservableCounter,
    ObservableGauge,
    ObservableUpDownCounter,
    UpDownCounter,
)
from opentelemetry.sdk.metrics import Exemplar, ExemplarReservoir
from opentelemetry.sdk.metrics.view import View

from telemetry.conventions import SCOPE_NAME
from telemetry.metrics.courtesy import COURTESY
from telemetry.metrics.exemplars import exemplar_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context
    from opentelemetry.util.types import Attributes

    from telemetry.metrics.cells import Exemplar as CellExemplar

__all__ = ["CellReservoir", "views"]


class CellReservoir(ExemplarReservoir):
    """Takes the exemplar that an observation's context carries, each one once.

    The SDK offers the running total, which is no measurement: one error has the value 1.
    Nothing here raises: an exception would end the SDK's reader thread.
    """

    def __init__(self, **_parameters: object) -> None:
        self._waiting: CellExemplar | None = None
        self._published_at = 0

    def offer(self, value: float, time_unix_nano: int, attributes: Attributes, context: Context) -> None:  # noqa: ARG002 - the SDK's signature
        """Notes the exemplar of an observation, unless it was published before."""
        exemplar = exemplar_of(context)
        if exemplar is not None and exemplar.time_unix_nano > self._published_at:
            self._waiting = exemplar

    def collect(self, point_attributes: Attributes) -> list[Exemplar]:  # noqa: ARG002 - the SDK's signature
        """Returns the exemplar, if there is a new one."""
        COURTESY.step()  # of the reader's work, this is what happens once per series
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return []
        self._published_at = waiting.time_unix_nano
        return [Exemplar({}, 1, waiting.time_unix_nano, waiting.span_id, waiting.trace_id)]


def views(cardinality_limit: int) -> list[View]:
    """Returns the views of a pipeline's meter provider.

    Our cells keep the limit themselves and add one overflow series to it; the SDK's limit stands
    one higher, so that it does not fold that series again. A state-set twin has three series per
    component. An instrument must match one view at most, or it would be exported twice.
    """

    def factory(_aggregation: type[Any]) -> Callable[..., CellReservoir]:
        return CellReservoir

    limit = cardinality_limit + 1
    return [
        View(
            instrument_type=ObservableCounter,
            meter_name=SCOPE_NAME,
            exemplar_reservoir_factory=factory,
            aggregation_cardinality_limit=limit,
        ),
        *(
            View(instrument_type=kind, aggregation_cardinality_limit=limit)
            for kind in (Counter, Histogram, ObservableGauge, UpDownCounter)
        ),
        View(instrument_type=ObservableUpDownCounter, aggregation_cardinality_limit=3 * limit),
    ]
