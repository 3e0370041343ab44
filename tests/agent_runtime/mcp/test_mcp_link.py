# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import contextvars
from types import SimpleNamespace

import pytest

from agent_runtime.mcp.link import Link


class Client:
    """A client whose server lists its tools in pages, or has none, or never stops."""

    protocol_version = "2026-07-28"

    def __init__(self, *pages: list[str], is_endless: bool = False) -> None:
        self.server_capabilities = SimpleNamespace(tools=object() if pages else None)
        self._pages = pages
        self._is_endless = is_endless

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def list_tools(self, cursor: str | None, cache_mode: str) -> SimpleNamespace:
        number = int(cursor or 0)
        has_more = self._is_endless or number + 1 < len(self._pages)
        page = self._pages[number % len(self._pages)]
        return SimpleNamespace(tools=page, next_cursor=str(number + 1) if has_more else None)


def listed(client: Client) -> tuple[str, ...]:
    async def main():
        link = Link(lambda: client)
        await link.open(contextvars.copy_context(), 5.0)
        assert link.is_open
        await link.close()
        assert not link.is_open
        return link.tools

    return asyncio.run(main())


def test_all_pages_of_the_list_are_read():
    assert listed(Client(["a", "b"], ["c"])) == ("a", "b", "c")


def test_a_server_without_tools_is_not_asked_for_them():
    assert listed(Client()) == ()


def test_a_list_that_never_ends_is_refused():
    with pytest.raises(ValueError, match="the list of tools did not end after 1000 pages"):
        listed(Client(["a"], is_endless=True))
