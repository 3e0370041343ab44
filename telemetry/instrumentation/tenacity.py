# SPDX-License-Identifier: Apache-2.0
"""tenacity: the attempts of its retries as errors and recoveries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.instrumentation.base import LibraryInstrumentor
from telemetry.instrumentation.retry_loop import watch
from telemetry.instrumentation.stamina import is_of_stamina

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telemetry.instrumentation.attempts import ErrorComponent
    from telemetry.instrumentation.base import Undoable

__all__ = ["TenacityInstrumentor"]


class TenacityInstrumentor(LibraryInstrumentor):
    """Counts what tenacity retries: decorators, `Retrying` objects and blocks, sync and async.

    `TenacityInstrumentor().instrument(component=...)`: whose errors these are, a name or a function
    that returns one for an exception; by default what classification says. Loops that stamina
    makes are StaminaInstrumentor's.
    """

    requirement = "tenacity >= 8.3"

    def _observe(self, component: ErrorComponent) -> Sequence[Undoable]:
        return watch(component, lambda retrying: not is_of_stamina(retrying))
