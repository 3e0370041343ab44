# SPDX-License-Identifier: Apache-2.0
"""Our own sources of settings: arguments in code, `KAIROS_TELEMETRY_*`, a YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from telemetry.config.names import nearest
from telemetry.config.notices import UnknownSettingWarning, notice
from telemetry.config.origin import Given, Origin
from telemetry.config.problems import RejectedError, sentence
from telemetry.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["PREFIX", "from_code", "from_environment", "from_file"]

PREFIX = "KAIROS_TELEMETRY_"
_MAX_FILE_BYTES = 1024 * 1024


def from_code(
    settings: Mapping[str, object], fields: Collection[str], problems: list[str]
) -> dict[str, Given]:
    """Take the arguments given in code; None and empty text leave a setting unset.

    Args:
        settings: The arguments.
        fields: The known settings.
        problems: Unknown arguments are reported here.

    Returns:
        The known ones.
    """
    known = {}
    for name, value in settings.items():
        if name not in fields:
            # Its value is not told: it may be a secret under a mistyped name.
            problems.append(_unknown(name, "argument in code", f"Remove the argument {name[:64]}", fields))
        elif value is not None and not (isinstance(value, str) and not value.strip()):
            known[name] = Given(value, Origin("code", name))
    return known


def from_environment(environ: Mapping[str, str], fields: Collection[str]) -> dict[str, Given]:
    """Read `KAIROS_TELEMETRY_*`; an empty variable leaves a setting unset.

    Args:
        environ: The environment.
        fields: The known settings.

    Returns:
        The settings that are set. Unknown variables are reported by `UnknownSettingWarning`.
    """
    found = {}
    for variable, text in environ.items():
        if not variable.startswith(PREFIX):
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name not in fields or variable != variable.upper():
            near = nearest(name, fields)
            hint = (
                f"; did you mean {PREFIX}{near.upper()}?"
                if near
                else "; unset it or see docs/configuration.md"
            )
            notice(
                f"{variable[:80]!r} is not a setting of kairos-telemetry and is not read{hint}",
                UnknownSettingWarning,
            )
        elif text.strip():
            found[name] = Given(text.strip(), Origin("environment", variable))
    return found


def from_file(given: Given, fields: Collection[str], problems: list[str]) -> dict[str, Given]:
    """Read a YAML file of settings, flat or under the key `telemetry`.

    Every scalar is read as text, as if it stood in the environment, so that `1.10` stays `1.10`.

    Args:
        given: The setting `config_file`.
        fields: The known settings.
        problems: Unknown keys, and a file that cannot be read, are reported here.

    Returns:
        The settings of the file.

    Raises:
        MissingExtraError: PyYAML is not installed.
    """
    try:
        path = _path(given.value)
        content = _load(path)
    except RejectedError as rejected:
        problems.append(sentence("config_file", given, rejected))
        return {}
    found = {}
    for name, value in content.items():
        if name not in fields or name == "config_file":
            problems.append(_unknown(name, f"{path}: {name[:64]}", f"Remove it from {path}", fields))
        elif value not in ("", "~", "null"):  # YAML's ways to leave a value open
            found[name] = Given(value, Origin("file", f"{path}: {name}"))
    return found


def _unknown(name: str, origin: str, fix: str, fields: Collection[str]) -> str:
    near = nearest(name, fields)
    hint = f"; did you mean {near!r}?" if near else "."
    return f"{name[:64]!r} (from {origin}): not a setting{hint} {fix} or see docs/configuration.md."


def _path(value: object) -> Path:
    if not isinstance(value, str | Path):
        raise RejectedError("not a path")
    return Path(value).expanduser() if str(value).startswith("~/") else Path(value)


def _load(path: Path) -> dict[str, object]:
    try:
        import yaml
    except ImportError:
        raise MissingExtraError(f"Reading the settings file {path}", "yaml") from None
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or "not a path"
        raise RejectedError(f"cannot be read: {reason.lower()}", allowed="a readable YAML file") from None
    if len(data) > _MAX_FILE_BYTES:
        raise RejectedError("larger than 1 MiB", allowed="a YAML file of at most 1 MiB")
    try:
        # BaseLoader makes text, lists and mappings and nothing else: it is as safe as SafeLoader.
        content = yaml.load(data, Loader=yaml.BaseLoader)  # noqa: S506  # see the line above
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        # PyYAML's own text quotes the file, which may hold secrets: only the place is told.
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise RejectedError(f"not YAML{place}", allowed="a YAML mapping of settings") from None
    if isinstance(content, dict) and "telemetry" in content:
        content = content["telemetry"]
    if content is None or content == "":
        return {}
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise RejectedError("not a mapping of settings", allowed="a YAML mapping of settings")
    return content
