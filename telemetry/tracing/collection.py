# SPDX-License-Identifier: Apache-2.0
"""Whether garbage is being collected in this thread right now.

Up to Python 3.11 a collection may begin wherever something is allocated, also in the middle of setting a
context variable; a destructor or gc callback that sets one then makes the interpreter crash (the old
variables are freed while they are being copied). Later versions collect between two steps of a program only.
So what is recorded in the middle of a collection is not made current there.
"""

from __future__ import annotations

import gc
import sys
from _thread import get_ident

__all__ = ["CollectionWatch", "watch"]

IS_NEEDED = sys.version_info < (3, 12)


class CollectionWatch:
    """Hooks of the garbage collector that note when one begins and ends.

    Attributes:
        thread: The thread that collects; 0 while none does.
    """

    def __init__(self) -> None:
        self.thread = 0

    def is_here(self) -> bool:
        """Whether this thread is in the middle of a collection."""
        return self.thread != 0 and self.thread == get_ident()

    def hook(self) -> None:
        """Begins to watch, with the first and the last hook: the others are called between them."""
        gc.callbacks.insert(0, self.begin)
        gc.callbacks.append(self.end)

    def begin(self, phase: str, _info: dict[str, int]) -> None:
        """The first hook."""
        if phase == "start":
            self.thread = get_ident()
            hooks = gc.callbacks
            if (
                hooks[-1] != self.end
            ):  # somebody came after us; the hooks that follow have not been called yet
                hooks.remove(self.end)
                hooks.append(self.end)

    def end(self, phase: str, _info: dict[str, int]) -> None:
        """The last hook."""
        if phase == "stop":
            self.thread = 0


def watch() -> CollectionWatch:
    """Returns the process's watch; it begins with the first call, where it is needed."""
    for hook in gc.callbacks:
        owner = getattr(hook, "__self__", None)
        if isinstance(owner, CollectionWatch):
            return owner
    made = CollectionWatch()
    if IS_NEEDED:
        made.hook()
    return made
