# SPDX-License-Identifier: Apache-2.0
"""Kinds of values: what a setting allows, and how text becomes it.

pydantic could do this; importing it costs a service more start-up time than the whole SDK does,
and its messages speak of its own types. `Config` is a pydantic model over the same fields.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from pathlib import Path

from telemetry.config.problems import RejectedError
from telemetry.config.secret import Secret, revealed

__all__ = ["Choice", "Flag", "Kind", "Number", "Parsed", "PathName", "Text", "Token", "Whole"]


class Kind(ABC):
    """A kind of value; stands in a field's annotation.

    Attributes:
        allowed: What is allowed, in words.
    """

    allowed = "text"

    @abstractmethod
    def read(self, value: object) -> object:
        """Turn what a source gave into the value of the field.

        Args:
            value: Text, or an object given in code.

        Returns:
            The value.

        Raises:
            RejectedError: It is not allowed.
        """


class Parsed(Kind):
    """A value that a parser of its own has read before."""

    def read(self, value: object) -> object:
        """Return the value as it is."""
        return value


class Text(Kind):
    """Text that can be encoded; a number given in code becomes its decimal form."""

    def read(self, value: object) -> str:
        """Return the text."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise RejectedError("not text", allowed=self.allowed)
        try:
            value.encode()
        except UnicodeEncodeError:  # an environment variable that is not UTF-8
            raise RejectedError("not readable as UTF-8", allowed=self.allowed) from None
        return value


class Token(Kind):
    """A secret text."""

    def read(self, value: object) -> Secret:
        """Return the text, masked."""
        text = revealed(value)
        if not isinstance(text, str):
            raise RejectedError("not text", allowed=self.allowed)
        return Secret(text)


class PathName(Kind):
    """The path of a file or folder; a leading `~/` is the home folder."""

    allowed = "a path"

    def read(self, value: object) -> Path:
        """Return the path."""
        if not isinstance(value, str | os.PathLike) or "\0" in str(value):
            raise RejectedError("not a path", allowed=self.allowed)
        try:
            path = Path(value)
            return path.expanduser() if path.parts[:1] == ("~",) else path
        except (TypeError, RuntimeError):  # a path of bytes; no home folder
            raise RejectedError("not a path of this system", allowed=self.allowed) from None


class Flag(Kind):
    """True or false, in the words that people use for it."""

    allowed = "true or false"
    _WORDS = (
        *((word, True) for word in ("true", "1", "yes", "on", "y", "t")),
        *((word, False) for word in ("false", "0", "no", "off", "n", "f")),
    )

    def read(self, value: object) -> bool:
        """Return the truth value."""
        if isinstance(value, bool):
            return value
        found = dict(self._WORDS).get(value.strip().lower()) if isinstance(value, str) else None
        if found is None:
            raise RejectedError("neither true nor false", allowed=self.allowed)
        return found


class Choice(Kind):
    """One of some names; case does not matter."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.allowed = ", ".join(names)

    def read(self, value: object) -> str:
        """Return the name."""
        text = value.strip().lower() if isinstance(value, str) else ""
        if text not in self.names:
            raise RejectedError("not one of the choices", choices=self.names, typed=text)
        return text


class Number(Kind):
    """A number.

    Attributes:
        above: It is greater than this, where given.
        least: It is at least this.
        most: It is at most this.
    """

    def __init__(self, most: float, least: float = 0.0, above: float | None = None) -> None:
        self.most = most
        self.least = least
        self.above = above

    @property
    def allowed(self) -> str:  # type: ignore[override]  # computed here, fixed in the simpler kinds
        """The range in words."""
        low = f"at least {self.least:g}" if self.above is None else f"greater than {self.above:g}"
        return f"a number {low} and at most {self.most:.0f}"

    def read(self, value: object) -> float:
        """Return the number."""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise RejectedError("not a number", allowed=self.allowed)
        try:
            number = float(value)
        except OverflowError:  # an int beyond every float
            raise RejectedError("out of range", allowed=self.allowed) from None
        except ValueError:
            raise RejectedError("not a number", allowed=self.allowed) from None
        # A comparison with NaN is false, so this order turns NaN away.
        if not self.least <= number <= self.most or number == self.above:
            raise RejectedError("out of range", allowed=self.allowed)
        return number


class Whole(Kind):
    """A whole number.

    Attributes:
        least: It is at least this.
        most: It is at most this.
    """

    def __init__(self, least: int, most: int) -> None:
        self.least = least
        self.most = most

    @property
    def allowed(self) -> str:  # type: ignore[override]  # computed here, fixed in the simpler kinds
        """The range in words."""
        return f"a whole number from {self.least} to {self.most}"

    def read(self, value: object) -> int:
        """Return the number."""
        is_number = isinstance(value, int | str) or (isinstance(value, float) and value.is_integer())
        if isinstance(value, bool) or not is_number:
            raise RejectedError("not a whole number", allowed=self.allowed)
        try:
            number = int(value)  # type: ignore[call-overload]  # narrowed by is_number
        except ValueError:
            raise RejectedError("not a whole number", allowed=self.allowed) from None
        if not self.least <= number <= self.most:
            raise RejectedError("out of range", allowed=self.allowed)
        return int(number)
