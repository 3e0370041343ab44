# SPDX-License-Identifier: Apache-2.0
"""The text of a traceback, equal to `traceback.format_exception`'s and many times cheaper.

Most of the standard library's time goes into rendering one frame: it parses the source line again
and again to place the carets. A frame always renders the same for the same instruction of the same
code object, so it is rendered once. What `traceback` treats specially is left to it: chained, grouped
and noted exceptions, the types that get suggestions, repeated frames, `sys.tracebacklimit`.
"""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import CodeType, TracebackType

__all__ = ["TracebackFormatter"]

_SPECIAL = (AttributeError, BaseExceptionGroup, ImportError, NameError, SyntaxError)
_COLLAPSED_AFTER = 3  # traceback shows three equal lines and counts the rest
_Frame = tuple["CodeType", tuple[str, int, str], str]
"""Its code, what `traceback` knows it by, its text."""

_HEADER = "Traceback (most recent call last):\n"


class TracebackFormatter:
    """Formats exceptions, remembering rendered frames.

    A source file that changes while the process runs keeps its first rendering.

    Args:
        capacity: Frames to remember; past it, all are forgotten.
    """

    def __init__(self, capacity: int = 4096) -> None:
        self._capacity = capacity
        # Keyed by identity: hashing a code object hashes its bytes. The value holds the code
        # object, so its identity cannot be taken over by another one.
        self._frames: dict[tuple[int, int, int], _Frame] = {}

    def format(self, error: BaseException) -> str:
        """Returns the text that `"".join(traceback.format_exception(error))` returns."""
        frames = None if self._is_special(error) else self._format_frames(error.__traceback__)
        last_line = None if frames is None else _last_line(error)
        if frames is None or last_line is None:
            return "".join(traceback.format_exception(error))
        return f"{_HEADER}{frames}{last_line}" if error.__traceback__ is not None else last_line

    @staticmethod
    def _is_special(error: BaseException) -> bool:
        return (
            isinstance(error, _SPECIAL)
            or error.__cause__ is not None
            or (error.__context__ is not None and not error.__suppress_context__)
            or getattr(error, "__notes__", None) is not None
            or hasattr(sys, "tracebacklimit")
        )

    def _format_frames(self, step: TracebackType | None) -> str | None:
        lines: list[str] = []
        previous: object = None
        equal = 0
        while step is not None:
            key = (id(step.tb_frame.f_code), step.tb_lasti, step.tb_lineno)
            known = self._frames.get(key)
            if known is None:
                known = self._render(step, key)
            _, place, text = known
            if place == previous:
                equal += 1
                if equal > _COLLAPSED_AFTER:
                    return None
            else:
                equal = 1
                previous = place
            lines.append(text)
            step = step.tb_next
        return "".join(lines)

    def _render(self, step: TracebackType, key: tuple[int, int, int]) -> _Frame:
        if len(self._frames) >= self._capacity:
            self._frames.clear()
        code = step.tb_frame.f_code
        place = (code.co_filename, step.tb_lineno, code.co_name)
        made = self._frames[key] = (code, place, traceback.format_tb(step, 1)[0])
        return made


def _last_line(error: BaseException) -> str | None:
    kind = type(error)
    module = kind.__module__
    if not isinstance(module, str):
        return None
    name = kind.__qualname__ if module in ("__main__", "builtins") else f"{module}.{kind.__qualname__}"
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - traceback has its own text for a broken __str__
        return None
    return f"{name}: {message}\n" if message else f"{name}\n"
