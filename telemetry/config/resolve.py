# SPDX-License-Identifier: Apache-2.0
"""From all sources to one value per setting: precedence, and the settings that need a parser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.config.attributes import SETTINGS_OF_ATTRIBUTES, parse_attributes
from telemetry.config.endpoint import Endpoint, parse_endpoint
from telemetry.config.exporters import SIGNALS, Signal, parse_exporters
from telemetry.config.headers import expand, parse_headers
from telemetry.config.origin import DEFAULT, Given, Origin
from telemetry.config.problems import RejectedError, sentence
from telemetry.config.sources import from_code, from_environment, from_file
from telemetry.config.standard import parse_signal_exporter, signal_exporters, standard

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["Resolved", "resolve"]

_DEFAULT_EXPORTERS = ("stdout",)
_SERVICE = ("service_name", "service_version", "environment")


class Resolved:
    """What the sources say together.

    Attributes:
        given: One value per setting that any source gives.
        exporters: The exporters of each signal.
        endpoint: The OTLP endpoint; None where none was given or it cannot be used.
        problems: What cannot be used, in sentences.
    """

    def __init__(self) -> None:
        self.given: dict[str, Given] = {}
        self.exporters: dict[Signal, tuple[str, ...]] = {}
        self.endpoint: Endpoint | None = None
        self.problems: list[str] = []

    def reject(self, name: str, given: Given, rejected: RejectedError) -> None:
        """Take a setting out and say why."""
        self.given.pop(name, None)
        self.problems.append(sentence(name, given, rejected))


def resolve(settings: Mapping[str, object], environ: Mapping[str, str], fields: Collection[str]) -> Resolved:
    """Ask code, `KAIROS_TELEMETRY_*`, `OTEL_*` and the file, in this order.

    Args:
        settings: The arguments in code.
        environ: The environment.
        fields: The known settings.

    Returns:
        One value per setting, and the problems found on the way. A value that another one of
        higher precedence replaces is not looked at.

    Raises:
        MissingExtraError: A settings file is given and PyYAML is not installed.
    """
    resolved = Resolved()
    code = from_code(settings, fields, resolved.problems)
    environment = from_environment(environ, fields)
    path = code.get("config_file") or environment.get("config_file")
    file = from_file(path, fields, resolved.problems) if path else {}
    _resolve_resource([code, environment, _standard_resource(environ), file], resolved)
    for name in fields:
        if name == "exporter" or name in _SERVICE or name == "resource_attributes":
            continue
        if found := code.get(name) or environment.get(name):
            resolved.given[name] = found
        elif from_standard := standard(name, environ):
            given, entry = from_standard
            try:
                value = entry.convert(str(given.value), environ)
            except RejectedError as rejected:
                resolved.reject(name, given, rejected)
            else:
                resolved.given[name] = Given(value, given.origin, raw=given.value)
        elif name in file:
            resolved.given[name] = file[name]
    _resolve_exporters(
        code.get("exporter") or environment.get("exporter"), file.get("exporter"), environ, resolved
    )
    _resolve_endpoint(resolved)
    _resolve_credentials(environ, resolved)
    return resolved


def _resolve_exporters(
    ours: Given | None, file: Given | None, environ: Mapping[str, str], resolved: Resolved
) -> None:
    resolved.exporters = dict.fromkeys(SIGNALS, _DEFAULT_EXPORTERS)
    by_signal = {} if ours else signal_exporters(environ)
    general = ours or (file if len(by_signal) < len(SIGNALS) else None)
    if general:
        try:
            resolved.exporters = dict.fromkeys(SIGNALS, parse_exporters(general.value))
        except RejectedError as rejected:
            resolved.reject("exporter", general, rejected)
    for signal, given in by_signal.items():
        try:
            resolved.exporters[signal] = parse_signal_exporter(signal, str(given.value), environ)
        except RejectedError as rejected:
            resolved.reject("exporter", given, rejected)
    origins = [given.origin for given in (*([general] if general else ()), *by_signal.values())]
    names = dict.fromkeys(name for signal in SIGNALS for name in resolved.exporters[signal])
    active = [name for name in names if name != "none"]
    resolved.given["exporter"] = Given(",".join(active) or "none", _joined(origins))


def _joined(origins: list[Origin]) -> Origin:
    distinct = list(dict.fromkeys(origins))
    if not distinct:
        return DEFAULT
    # The last one is the most particular: a signal's own variable stands before the file's general word.
    return Origin(distinct[-1].kind, ", ".join(origin.name for origin in distinct))


def _standard_resource(environ: Mapping[str, str]) -> dict[str, Given]:
    names = (*_SERVICE, "resource_attributes")
    return {name: found[0] for name in names if (found := standard(name, environ))}


def _resolve_resource(layers: list[dict[str, Given]], resolved: Resolved) -> None:
    """Merge the resource attributes of all sources; `service.name` and its like are settings."""
    merged: dict[str, object] = {}
    origins: list[Origin] = []
    for layer in reversed(layers):
        if given := layer.get("resource_attributes"):
            try:
                attributes = parse_attributes(given.value)
            except RejectedError as rejected:
                resolved.reject("resource_attributes", given, rejected)
                attributes = {}
            for attribute, setting in SETTINGS_OF_ATTRIBUTES.items():
                if attribute in attributes and setting not in layer:
                    resolved.given[setting] = Given(str(attributes[attribute]), given.origin)
            rest = {name: value for name, value in attributes.items() if name not in SETTINGS_OF_ATTRIBUTES}
            if rest:
                merged |= rest
                origins.append(given.origin)
        resolved.given.update({name: layer[name] for name in _SERVICE if name in layer})
    if merged:
        resolved.given["resource_attributes"] = Given(merged, _joined(origins))


def _resolve_endpoint(resolved: Resolved) -> None:
    given = resolved.given.get("otlp_endpoint")
    if not given:
        return
    try:
        endpoint = resolved.endpoint = parse_endpoint(given.value)
    except RejectedError as rejected:
        resolved.reject("otlp_endpoint", given, rejected)
        return
    resolved.given["otlp_endpoint"] = Given(endpoint.text, given.origin)
    insecure = resolved.given.get("otlp_insecure")
    if insecure and insecure.origin.kind == "standard" and endpoint.scheme:
        # The specification: OTEL_EXPORTER_OTLP_INSECURE has no say where the endpoint has a scheme.
        del resolved.given["otlp_insecure"]
    if endpoint.user or endpoint.password:
        for name, value in (("otlp_user", endpoint.user), ("otlp_token", endpoint.password)):
            if name in resolved.given:
                resolved.reject(
                    "otlp_endpoint",
                    given,
                    RejectedError(f"holds a user and password beside {name}", allowed="one of the two"),
                )
                return
            if value:
                resolved.given[name] = Given(value, given.origin)


def _resolve_credentials(environ: Mapping[str, str], resolved: Resolved) -> None:
    if given := resolved.given.get("otlp_headers"):
        try:
            headers = parse_headers(given.value, environ, is_literal=given.origin.kind == "code")
        except RejectedError as rejected:
            resolved.reject("otlp_headers", given, rejected)
        else:
            resolved.given["otlp_headers"] = Given(headers, given.origin)
    for name in ("otlp_token", "prometheus_token"):
        token = resolved.given.get(name)
        if token and token.origin.kind == "file" and isinstance(token.value, str):
            try:
                resolved.given[name] = Given(expand(token.value, environ), token.origin)
            except RejectedError as rejected:
                resolved.reject(name, token, rejected)
