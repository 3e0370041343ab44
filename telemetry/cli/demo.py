# SPDX-License-Identifier: Apache-2.0
"""`kairos demo`: the agent of `agent_runtime` on a scripted model, with everything that goes wrong."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from typing import Any

    from rich.console import Console

__all__ = ["command"]

_SHOW_PROGRESS_S = 10.0
_EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells report it


class _Story(Protocol):
    """What the demo needs of `agent_runtime.story.Story`, which is loaded by name."""

    total: int

    def play(self, on_turn: Callable[[str], None]) -> Coroutine[Any, Any, None]:
        """Plays the story."""
        ...


def command(
    duration: Annotated[
        float, typer.Option(min=0.0, max=86400.0, help="Seconds; every scene is played at least once.")
    ] = 3.0,
    rate: Annotated[float, typer.Option(min=0.1, max=1000.0, help="Runs of the agent per second.")] = 10.0,
    seed: Annotated[int, typer.Option(help="Chooses the order of what goes wrong.")] = 1,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as one line of JSON, on stderr.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show the agent's log lines, on stderr.")
    ] = False,
) -> None:
    """Run an agent that meets rate limits, timeouts, a failing tool, a fallback, an opening breaker.

    Its telemetry goes wherever the settings say, by default to stdout; a summary goes to stderr.
    """
    import importlib

    from rich.console import Console

    import telemetry
    from telemetry.cli.demo_summary import DemoSummary, render
    from telemetry.errors import TelemetryError

    console = Console(stderr=True)
    try:
        pipeline = telemetry.init("kairos-demo", telemetry.__version__)
    except TelemetryError as error:
        console.print(str(error), markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None
    exporters = pipeline.config.all_exporters or ("none",)
    with _logging(is_verbose=verbose):
        story = importlib.import_module("agent_runtime.story").Story(
            duration_s=duration, rate=rate, seed=seed
        )
        is_interrupted = not _play(story, console, has_progress=duration > _SHOW_PROGRESS_S)
        # The cells that are exported, read before the last export: no second count of the story.
        values = pipeline.snapshot()
        summary = DemoSummary.read(values, pipeline.shutdown(), exporters)
        if as_json:
            typer.echo(summary.to_json(), err=True)
        else:
            render(summary, console, is_interrupted=is_interrupted)
    if is_interrupted:
        raise typer.Exit(_EXIT_INTERRUPTED)
    if summary.is_lost:
        raise typer.Exit(1)


def _play(story: _Story, console: Console, *, has_progress: bool) -> bool:
    """Plays the story; returns False when it was interrupted from the keyboard."""
    import asyncio

    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not (has_progress and console.is_terminal),
    )
    try:
        with progress:
            task = progress.add_task("kairos demo", total=story.total)
            asyncio.run(story.play(lambda scene: progress.update(task, advance=1, description=scene)))
    except KeyboardInterrupt:
        return False
    return True


@contextmanager
def _logging(*, is_verbose: bool) -> Iterator[None]:
    """Exports the agent's log lines, and keeps them off the screen unless they are wanted there."""
    import logging

    from telemetry import configure_logging
    from telemetry.logs import reset_logging

    root = logging.getLogger()
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    handler.addFilter(lambda record: not record.name.startswith("agent_runtime"))
    handler.setLevel(logging.WARNING)
    if not is_verbose:
        root.addHandler(handler)
    try:
        configure_logging("INFO", "text")
        yield
    finally:
        reset_logging()
        root.removeHandler(handler)
