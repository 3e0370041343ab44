# SPDX-License-Identifier: Apache-2.0
"""Background work that gives way: what it does must not be felt in the application's threads.

A thread that computes keeps the interpreter lock until another one has asked for it for five
milliseconds (`sys.getswitchinterval`): that is how long the application's loop would stand still, again
and again. Who waits for anything gives the lock away at once.
"""

from __future__ import annotations

import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["COURTESY", "Courtesy", "give_way"]

_ItemT = TypeVar("_ItemT")

_PAUSE_S = 0.0005  # long enough for a waiting thread to wake up and take the lock
_TURN_S = 0.0003
_ITEMS = 8  # between two looks at the clock


def give_way() -> None:
    """Lets other threads run now; in one of gevent's greenlets the others as well."""
    sleep: Callable[[float], Any] = time.sleep
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None:
        hub = sys.modules["gevent"]._hub_local.get_hub_if_exists()  # noqa: SLF001 - asking for the hub would make one
        # Without greenlets here, a patched sleep would set up an event loop just to wait.
        sleep = monkey.get_original("time", "sleep") if hub is None else time.sleep
    with suppress(OSError):  # a clock that does not work costs a pause, not the work
        sleep(_PAUSE_S)


class Courtesy(threading.local):
    """Gives way whenever some three tenths of a millisecond have been worked since the last time.

    Every thread has its own turn, which goes on from one piece of work to the next: whatever a thread
    does in a row is felt as one.

    Args:
        pause: Lets others run.
        clock: Seconds.
    """

    def __init__(
        self, pause: Callable[[], None] = give_way, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._pause = pause
        self._clock = clock
        self._since = clock()
        self._items = 0
        self._is_waived = False

    def waive(self) -> None:
        """Gives way no more in this thread: it does its last work, and somebody waits for its end."""
        self._is_waived = True

    def step(self) -> None:
        """Notes that one item was worked on, and gives way when it is time."""
        self._items += 1
        if self._items >= _ITEMS:
            self._items = 0
            self.look()

    def look(self) -> None:
        """Gives way when it is time: for work in pieces, of which every one takes its time."""
        if not self._is_waived and self._clock() - self._since >= _TURN_S:
            self._pause()
            self._since = self._clock()

    def over(self, items: Iterable[_ItemT]) -> Iterator[_ItemT]:
        """Passes items on, giving way between them."""
        for item in items:
            yield item
            self.step()


COURTESY: Final = Courtesy()
"""Of everything that works in the background of this process."""
