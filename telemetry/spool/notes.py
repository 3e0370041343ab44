# SPDX-License-Identifier: Apache-2.0
"""What is written beside a dead letter, so that people know why it is there."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telemetry.spool.request import Request

__all__ = ["dead_letter_note"]

_LONGEST_ERROR = 1000


def dead_letter_note(request: Request, reason: str, error: str, now_ns: int) -> bytes:
    """Returns the note as JSON: facts of the request's fate, nothing of its content.

    Args:
        request: The request.
        reason: Why it was given up, as in `kairos.telemetry.dropped`.
        error: What the receiver or the transport said; cut.
        now_ns: When (Unix nanoseconds).
    """
    facts = {
        "reason": reason,
        "error": error[:_LONGEST_ERROR],
        "when": datetime.fromtimestamp(now_ns // 1_000_000_000, UTC).isoformat(),
        "signal": request.signal,
        "records": request.records,
        "bytes": len(request.body),
        "batch_id": request.batch_id,
    }
    return json.dumps(facts, indent=1).encode()
