# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from telemetry.cli.demo import _play

if TYPE_CHECKING:
    from collections.abc import Callable


class Story:
    total = 2

    async def play(self, on_turn: Callable[[str], None]) -> None:
        on_turn("first scene")
        on_turn("second scene")


class Interrupted(Story):
    async def play(self, on_turn: Callable[[str], None]) -> None:
        raise KeyboardInterrupt


def played(story: Story, *, has_progress: bool, is_terminal: bool) -> tuple[bool, str]:
    output = io.StringIO()
    console = Console(file=output, force_terminal=is_terminal, width=100)
    return _play(story, console, has_progress=has_progress), output.getvalue()


def test_a_long_run_shows_its_progress_on_a_terminal():
    is_done, text = played(Story(), has_progress=True, is_terminal=True)
    assert is_done
    assert "second scene" in text
    assert "2/2" in text


@pytest.mark.parametrize(("has_progress", "is_terminal"), [(True, False), (False, True)])
def test_short_runs_and_files_see_no_progress(has_progress: bool, is_terminal: bool):
    assert played(Story(), has_progress=has_progress, is_terminal=is_terminal) == (True, "")


def test_an_interrupt_is_told():
    assert played(Interrupted(), has_progress=False, is_terminal=False)[0] is False
