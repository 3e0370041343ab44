# SPDX-License-Identifier: Apache-2.0
"""stamina: the attempts of its retries as errors and recoveries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.instrumentation.base import LibraryInstrumentor
from telemetry.instrumentation.retry_loop import watch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenacity import BaseRetrying

    from telemetry.instrumentation.attempts import ErrorComponent
    from telemetry.instrumentation.base import Undoable

__all__ = ["StaminaInstrumentor", "is_of_stamina"]


def is_of_stamina(retrying: BaseRetrying) -> bool:
    """Whether stamina made a retry loop of tenacity: its hooks are what is called before it sleeps."""
    return getattr(retrying.before_sleep, "__module__", "").startswith("stamina.")


class StaminaInstrumentor(LibraryInstrumentor):
    """Counts what stamina retries: decorators, callers and blocks, sync and async.

    `StaminaInstrumentor().instrument(component=...)`: whose errors these are, a name or a function
    that returns one for an exception; by default what classification says. The hooks that stamina
    itself was given stay as they are.
    """

    requirement = "stamina >= 23.2"

    def _observe(self, component: ErrorComponent) -> Sequence[Undoable]:
        return watch(component, is_of_stamina)
