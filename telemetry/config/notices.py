# SPDX-License-Identifier: Apache-2.0
"""Warnings about settings that are given and have no effect: not wrong, but not to be relied on."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING

from telemetry.config.origin import DEFAULT
from telemetry.config.problems import shown

if TYPE_CHECKING:
    from types import FrameType

    from telemetry.config.resolve import Resolved
    from telemetry.config.settings import Settings

__all__ = ["IgnoredSettingWarning", "UnknownSettingWarning", "notice", "report_ignored"]

_WITH_SPOOL = frozenset({"otlp", "otlp-http"})


class UnknownSettingWarning(UserWarning):
    """A `KAIROS_TELEMETRY_*` variable is no setting of ours; nothing reads it."""


class IgnoredSettingWarning(UserWarning):
    """A setting or a standard variable is given, and others make that it has no effect."""


def notice(text: str, category: type[UserWarning]) -> None:
    """Warn the code that asked for settings.

    Args:
        text: What to say.
        category: The warning's class.
    """
    warnings.warn(text, category, stacklevel=_level_of_caller())


def report_ignored(config: Settings, resolved: Resolved) -> None:
    """Warn about settings that have no effect with the exporters in use.

    Args:
        config: The settings, checked.
        resolved: What the sources said.
    """
    names = config.all_exporters
    origin = config.origins["spool_dir"]
    # Who switches everything off (`none`) keeps the rest of the settings for when it is on again.
    if origin == DEFAULT or not names or _WITH_SPOOL.intersection(names):
        return
    folder = shown("spool_dir", str(resolved.given["spool_dir"].written))
    notice(
        f"spool_dir = {folder} (from {origin}) is not used: the exporter is {config.exporter}, and only otlp "
        "and otlp-http keep on disk what they could not send. Use one of these, or unset spool_dir.",
        IgnoredSettingWarning,
    )


def _level_of_caller() -> int:
    """How far up the code is that asked for settings: a warning about them points there."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  # documented; `inspect` takes long to import
    level = 1
    while frame and frame.f_globals.get("__name__", "").partition(".")[0] == "telemetry":
        frame, level = frame.f_back, level + 1
    return level
