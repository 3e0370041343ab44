# SPDX-License-Identifier: Apache-2.0
"""The public functions that set telemetry up; what is wrong raises here, with a clear error.

Importing this module imports no OpenTelemetry.
"""

from __future__ import annotations

import os

from telemetry.pipeline.handle import HANDLE

TYPE_CHECKING = False  # as `typing` has it, without importing it: the `none` path imports this module
if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger
    from typing import Any, TextIO

    from telemetry.config import Config, Settings
    from telemetry.pipeline.telemetry import Telemetry

__all__ = ["configure_logging", "get_logger", "init", "init_with_config"]


def init(service_name: str, version: str = "", **settings: Any) -> Telemetry:
    """Sets telemetry up: to stdout, unless settings, environment or a settings file say otherwise.

    A second call replaces the first pipeline, which is flushed and shut down, and warns.

    Args:
        service_name: `service.name`, where neither environment nor settings file name it.
        version: `service.version`, likewise.
        **settings: Fields of `Config`; they take precedence over environment and file.

    Returns:
        The running pipeline. Calling it shuts it down.

    Raises:
        ConfigError: Settings cannot be used; it lists all of them.
        MissingExtraError: A setting needs an extra that is not installed.
        TelemetryError: An exporter could not be set up.
    """
    from telemetry.config.off import is_off

    if is_off(settings.get("exporter"), os.environ):
        return _switch_off(lambda: _load(service_name, version, settings))
    return _start(_load(service_name, version, settings))


def init_with_config(service_name: str, version: str, config: Config) -> Telemetry:
    """Sets telemetry up from a `Config`.

    Args:
        service_name: `service.name`, where the configuration has none.
        version: `service.version`, likewise.
        config: The settings.

    Returns:
        The running pipeline. Calling it shuts it down.

    Raises:
        MissingExtraError: A setting needs an extra that is not installed.
        TelemetryError: An exporter could not be set up.
    """
    return _start(config.for_service(service_name, version))


def _start(config: Settings) -> Telemetry:
    if config.is_off:
        return _switch_off(lambda: config)
    from telemetry.pipeline.start import start

    return start(HANDLE, config)


def _load(service_name: str, version: str, settings: dict[str, Any]) -> Settings:
    from telemetry.config import load_config

    return load_config(service_name, version, **settings)


def _switch_off(load: Callable[[], Settings]) -> Telemetry:
    earlier = HANDLE.telemetry
    if earlier is not None:
        earlier.shutdown()
    from telemetry.pipeline.off import NoTelemetry

    return NoTelemetry(load)  # type: ignore[return-value]  # the same interface; a subclass would import the SDK


def configure_logging(
    level: str | int = "INFO",
    format: str = "text",  # noqa: A002 - the contract's name
    *,
    stream: TextIO | None = None,
) -> None:
    """Makes the standard library's logging trace-aware, and exports records while a pipeline does.

    Handlers that exist stay as they are; their records gain `trace_id`, `span_id` and `service_name`.

    Args:
        level: Lowest level that is logged.
        format: `text` for people or `json`, one object per line.
        stream: Where our own handler writes when there is none yet. Default: stderr.

    Raises:
        ConfigError: `level` or `format` is not allowed.
    """
    from telemetry.logs import configure_logging as configure

    configure(level, format, stream=stream, emit_logger=_log_target, service_name=_service_name)


def get_logger(name: str | None = None) -> Logger:
    """Returns the standard library's logger of this name.

    Args:
        name: Dotted name, usually `__name__`. Default: the root logger.
    """
    from telemetry.logs import get_logger as get

    return get(name)


def _log_target(name: str) -> Any:
    active = HANDLE.telemetry
    return None if active is None else active.log_target(name)


def _service_name() -> str:
    active = HANDLE.telemetry
    return "" if active is None else active.config.service_name
