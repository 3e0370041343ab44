# SPDX-License-Identifier: Apache-2.0
"""Work that fails as often as it is told to."""

from __future__ import annotations

import asyncio


class Flaky:
    """Raises the given errors, one per call, and then works."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"

    async def later(self) -> str:
        await asyncio.sleep(0)
        return self()
