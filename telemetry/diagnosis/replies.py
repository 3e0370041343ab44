# SPDX-License-Identifier: Apache-2.0
"""A receiver's good answer: taken, taken in part, or taken with a remark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.diagnosis import symptoms
from telemetry.diagnosis.findings import Answer

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from telemetry.diagnosis.payload import Parcel
    from telemetry.diagnosis.targets import Target

__all__ = ["quote", "received"]

_QUOTE_CHARS = 300


def received(parcel: Parcel, response: Message, seconds: float, target: Target) -> Answer:
    """Read the partial success of an OTLP answer (OTLP specification, "Partial success")."""
    rejected, remark = parcel.rejection(response)
    words = quote(remark, target)
    if rejected:
        return Answer(symptoms.PARTIAL, f"{rejected} of 1 {parcel.name} rejected").also(words)
    if remark:
        return Answer(symptoms.REMARK, words)
    return Answer(symptoms.RECEIVED, f"1 {parcel.name} in {seconds * 1000:.0f} ms")


def quote(words: str, target: Target) -> str:
    """The server's words on one line, in quotes, cut and masked; empty when it said nothing."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())
    masked = target.mask(line)
    return f'"{masked[:_QUOTE_CHARS]}"' if masked else ""
