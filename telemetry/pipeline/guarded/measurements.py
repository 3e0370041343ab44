# SPDX-License-Identifier: Apache-2.0
"""What was recorded on OpenTelemetry's own instruments, on its way to the SDK.

The SDK records under locks that are not reentrant: a destructor, a signal handler or a weakref callback
that records on the instrument which the same thread is just recording on, or collecting, waits
for itself. So measurements wait in a queue, which costs a seventh of recording them, and are handed over
once a second and before every collection, by one thread at a time.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeVar

from telemetry.pipeline.guarded.turn import Turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context

    from telemetry.metrics.publication import Publication
    from telemetry.pipeline.trouble import Trouble

    Take = Callable[[float, dict[str, object], Context | None], None]

__all__ = ["Measurements"]

_T = TypeVar("_T")
MOST_WAITING = 16_384
"""Measurements that may wait; who records more hands some over itself, so that none is lost."""
_AT_ONCE = 64
_MOST_STUCK = 8 * MOST_WAITING
"""Measurements that may wait while nothing can be handed over, because a collection takes its time."""


class Measurements:
    """The queue of one meter provider.

    Args:
        trouble: Takes what could not be recorded.
    """

    def __init__(self, trouble: Trouble) -> None:
        self._trouble = trouble
        self._waiting: deque[tuple[Take, float, dict[str, object], Context | None]] = deque()
        self._turn = Turn()
        self._publication: Publication | None = None

    def put(self, take: Take, value: float, attributes: dict[str, object], context: Context | None) -> None:
        """Lets a measurement wait; safe to call from anywhere.

        Args:
            take: Records it on the SDK's instrument.
            value: A number that OTLP can carry.
            attributes: Nobody else's, and clean.
            context: Where it was measured.
        """
        waiting = self._waiting
        waiting.append((take, value, attributes, context))
        publication = self._publication
        if publication is not None and not publication.is_kept:
            publication.keep_house()
        if len(waiting) > MOST_WAITING:
            self._make_room()

    def publish(self, publication: Publication) -> None:
        """Lets the publication's housekeeping hand over from now on."""
        publication.before_collection(self.hand_over)
        self._publication = publication

    def hand_over(self) -> None:
        """Hands over what waits now."""
        if self._turn.take():
            try:
                self._hand_over(len(self._waiting))
            finally:
                self._turn.give_back()

    def before(self, collect: Callable[[], _T]) -> _T | None:
        """Hands over what waits and collects; nothing else is handed over meanwhile.

        Returns:
            What was collected; None in the middle of handing over or collecting in the same thread.
        """
        if not self._turn.take():
            return None
        try:
            self._hand_over(len(self._waiting))
            return collect()
        finally:
            self._turn.give_back()

    def _make_room(self) -> None:
        if self._turn.take(may_wait=False):
            try:
                self._hand_over(_AT_ONCE)
            finally:
                self._turn.give_back()
        elif len(self._waiting) > _MOST_STUCK:
            self._waiting.popleft()
            problem = OverflowError(f"{_MOST_STUCK} measurements wait for a collection that does not end")
            self._trouble.report("an instrument", problem)

    def _hand_over(self, count: int) -> None:
        waiting = self._waiting
        for _ in range(count):
            try:
                take, value, attributes, context = waiting.popleft()
            except IndexError:  # what was stuck too long has gone
                return
            try:
                take(value, attributes, context)
            except Exception as problem:  # noqa: BLE001 - an exemplar reservoir of the application's, for instance
                self._trouble.report("an instrument", problem)
