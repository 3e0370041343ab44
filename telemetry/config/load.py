# SPDX-License-Identifier: Apache-2.0
"""Settings made from all sources, or one error that says everything that is wrong with them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from telemetry.config.checks import contradictions
from telemetry.config.notices import report_ignored
from telemetry.config.origin import DEFAULT, Origin
from telemetry.config.problems import RejectedError
from telemetry.config.resolve import Resolved, resolve
from telemetry.config.settings import KINDS, Settings
from telemetry.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.config.endpoint import Endpoint

__all__ = ["load_config", "read_settings"]


def load_config(service_name: str = "", service_version: str = "", **settings: Any) -> Settings:
    """Read the settings from code, environment and file.

    Args:
        service_name: The default below environment and file.
        service_version: The default below environment and file.
        **settings: Fields of `Settings`; None leaves a setting to the other sources.

    Returns:
        The settings.

    Raises:
        ConfigError: Settings cannot be used; it lists all of them.
        MissingExtraError: `config_file` is given and the extra `yaml` is not installed.
    """
    return read_settings(settings, os.environ).for_service(service_name, service_version)


def read_settings(arguments: Mapping[str, object], environ: Mapping[str, str]) -> Settings:
    """Read the settings from arguments, an environment and the file that they name.

    Args:
        arguments: What code gives.
        environ: The environment.

    Returns:
        The settings.

    Raises:
        ConfigError: Settings cannot be used; it lists all of them.
        MissingExtraError: `config_file` is given and the extra `yaml` is not installed.
    """
    resolved = resolve(arguments, environ, KINDS)
    values = _values(resolved)
    settings = object.__new__(Settings)
    settings.__dict__.update(values, _origins=_origins(resolved), _exporters=resolved.exporters)
    settings.__dict__.update(_derived(settings, resolved))
    resolved.problems.extend(contradictions(settings, resolved))
    if resolved.problems:
        raise ConfigError(resolved.problems)
    report_ignored(settings, resolved)
    return settings


def _values(resolved: Resolved) -> dict[str, object]:
    values: dict[str, object] = {}
    for name, kind in KINDS.items():
        given = resolved.given.get(name)
        if given is None:
            continue
        try:
            values[name] = kind.read(given.value)
        except RejectedError as rejected:
            resolved.reject(name, given, rejected)
    return values


def _origins(resolved: Resolved) -> dict[str, Origin]:
    return dict.fromkeys(KINDS, DEFAULT) | {name: given.origin for name, given in resolved.given.items()}


def _derived(settings: Settings, resolved: Resolved) -> dict[str, object]:
    """What follows from other settings where no source says it."""
    derived: dict[str, object] = {}
    names = settings.all_exporters
    if resolved.endpoint is None and "otlp-http" in names and "otlp" not in names:
        derived["otlp_endpoint"] = "http://localhost:4318"
    if "otlp_insecure" not in resolved.given:
        derived["otlp_insecure"] = _is_plain(settings, resolved.endpoint)
        if resolved.endpoint:
            settings.__dict__["_origins"]["otlp_insecure"] = Origin("derived", "otlp_endpoint")
    return derived


def _is_plain(settings: Settings, endpoint: Endpoint | None) -> bool:
    if endpoint and endpoint.scheme:
        return endpoint.scheme == "http"
    if settings.otlp_certificate or settings.otlp_client_certificate:
        return False
    return endpoint is None or endpoint.is_loopback
