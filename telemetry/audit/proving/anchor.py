# SPDX-License-Identifier: Apache-2.0
"""A row that is known from elsewhere: what the files alone cannot show, it does.

Whoever can write the files can put all of them back to an earlier state, which was intact then. An anchor,
printed by one verification and kept where the writer of the files cannot reach, shows that: the trail no
longer has that row.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from telemetry.audit.errors import AuditError

__all__ = ["Anchor"]

_FORM = re.compile(r"(?P<seq>[1-9][0-9]{0,17}):(?P<hash>[A-Za-z0-9+/]{43}=)")


class Anchor(NamedTuple):
    """A row by its number and its hash.

    Attributes:
        seq: Number of the row in the trail.
        row_hash: Its hash, as the next row has it in `prev_hash`.
    """

    seq: int
    row_hash: str

    @classmethod
    def parse(cls, text: str) -> Anchor:
        """Reads an anchor as `audit verify` prints it.

        Raises:
            AuditError: It is none.
        """
        found = _FORM.fullmatch(text.strip())
        if found is None:
            raise AuditError(
                f"--anchor {text!r} is no anchor; allowed: <number of a row>:<its hash>, as `kairos audit "
                "verify` prints it"
            )
        return cls(int(found["seq"]), found["hash"])
