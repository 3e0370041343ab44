# SPDX-License-Identifier: Apache-2.0
"""The times of rows, in nanoseconds of UTC, whatever the machine's time zone is."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["LATEST_NS", "Times"]

LATEST_NS: Final = 2**63 - 1
"""The end of time in receivers that count in signed 64 bits: the year 2262."""

_NS: Final = 1_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
_MOST_KNOWN: Final = 4096

_USUAL = re.compile(
    r"\s*(?P<second>\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:)(?P<s>\d\d)(?:[.,](?P<fraction>\d+))?\s*"
    r"(?:Z|UTC|GMT|(?P<sign>[+-])(?P<hours>\d\d)(?::?(?P<minutes>\d\d))?)?\s*",
    re.ASCII | re.IGNORECASE,
)
_NUMBER = re.compile(r"\s*(?P<whole>\d{1,19})(?:\.(?P<fraction>\d+))?\s*", re.ASCII)
# A number is seconds, milliseconds, microseconds or nanoseconds, by its size: years 1973 to 5138 in each.
_UNITS: Final = ((10**11, 9), (10**14, 6), (10**17, 3))


class Times:
    """Reads times; remembers seconds, because the rows of a log share them."""

    def __init__(self) -> None:
        self._seconds: dict[str, int] = {}

    def nanoseconds(self, ts: object) -> int | None:
        """Returns a time in Unix nanoseconds, or None when it is none.

        Args:
            ts: ISO 8601 text (without an offset it is UTC), or a Unix time in s, ms, µs or ns.
        """
        if ts.__class__ is str:
            text: str = ts
            seconds = self._seconds.get(text[:19])
            if seconds is not None:
                rest = text[19:]
                if rest == "Z":
                    return seconds * _NS
                digits = rest[1:-1]
                if rest[-1:] == "Z" and rest[0] == "." and digits.isdigit() and digits.isascii():
                    return seconds * _NS + int(digits[:9].ljust(9, "0"))
            found = self._read(text)
        elif ts.__class__ is int:
            found = _number(repr(ts))
        elif ts.__class__ is float and ts < 2**63:  # larger ones are written with an exponent
            found = _number(repr(ts) if ts < 1e15 else repr(int(ts)))
        else:
            return None
        return found if found is not None and 0 <= found <= LATEST_NS else None

    def _read(self, text: str) -> int | None:
        usual = _USUAL.fullmatch(text)
        if usual is None:
            return _number(text) or _unusual(text)
        leap = usual["s"] == "60"
        try:
            moment = datetime.fromisoformat(usual["second"].upper() + ("59" if leap else usual["s"]))
        except ValueError:
            return None
        seconds = (moment.replace(tzinfo=UTC) - _EPOCH) // _SECOND + leap
        is_possible = 0 <= seconds < LATEST_NS // _NS  # what is remembered is not checked again
        if is_possible and not leap and text[:19] == usual["second"] + usual["s"]:
            if len(self._seconds) >= _MOST_KNOWN:
                self._seconds.clear()
            self._seconds[text[:19]] = seconds
        if usual["sign"]:
            offset = int(usual["hours"]) * 3600 + int(usual["minutes"] or 0) * 60
            seconds -= offset if usual["sign"] == "+" else -offset
        return seconds * _NS + int((usual["fraction"] or "")[:9].ljust(9, "0"))


def _number(text: str) -> int | None:
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    whole = int(found["whole"])
    digits = next((digits for limit, digits in _UNITS if whole < limit), 0)
    fraction = (found["fraction"] or "")[:digits].ljust(digits, "0")
    return int(f"{whole}{fraction}")


def _unusual(text: str) -> int | None:
    """Reads the rarer forms of ISO 8601: without seconds, without separators, a day alone."""
    try:
        moment = datetime.fromisoformat(text.strip())
        since = (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)) - _EPOCH
    except (ValueError, OverflowError):
        return None
    return since // timedelta(microseconds=1) * 1000
