# SPDX-License-Identifier: Apache-2.0
"""A text that is never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

__all__ = ["MASK", "Secret", "revealed"]

MASK = "***"


class Secret:
    """A text whose `repr` and `str` are a mask; like pydantic's SecretStr, without its import time.

    Args:
        text: The secret.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def get_secret_value(self) -> str:
        """Give the text in the clear."""
        return self._text

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return self._text == other._text if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._text)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> CoreSchema:
        """Let pydantic carry it: taken as it is, written as the mask."""
        from pydantic_core import core_schema

        as_mask = core_schema.plain_serializer_function_ser_schema(str, when_used="json")
        return core_schema.is_instance_schema(cls, serialization=as_mask)


def revealed(value: Any) -> object:
    """Give what a secret of ours or of pydantic holds, and anything else as it is.

    Args:
        value: Anything.

    Returns:
        The text behind it, or the value.
    """
    reveal = getattr(value, "get_secret_value", None)
    return reveal() if callable(reveal) else value
