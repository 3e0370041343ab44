# SPDX-License-Identifier: Apache-2.0
"""The standard `OTEL_*` variables behind our settings.

Source: the OpenTelemetry specification, "Environment variable specification", with one exception:
`OTEL_EXPORTER_OTLP_TIMEOUT` is read in seconds, as opentelemetry-python has always read it, and
not in the specification's milliseconds, so that a service keeps its time limit when it moves to us.
As the specification says, an empty variable counts as not set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from telemetry.config.exporters import SIGNALS, Signal, parse_exporters
from telemetry.config.notices import IgnoredSettingWarning, notice
from telemetry.config.origin import Given, Origin
from telemetry.config.problems import RejectedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["STANDARD", "Standard", "parse_signal_exporter", "signal_exporters", "standard"]


class Standard(NamedTuple):
    """The variables behind one setting, first one first, and how their text becomes our value."""

    variables: tuple[str, ...]
    convert: Callable[[str, Mapping[str, str]], object] = lambda text, _: text


def standard(name: str, environ: Mapping[str, str]) -> tuple[Given, Standard] | None:
    """Find the standard variable that gives a setting.

    Args:
        name: The setting.
        environ: The environment.

    Returns:
        The variable's text and how to convert it; None when none is set. Where several are behind one
        setting and say different things, the first one counts and `IgnoredSettingWarning` names the others.
    """
    entry = STANDARD.get(name)
    if entry is None:
        return None
    texts = {variable: environ.get(variable, "").strip() for variable in entry.variables}
    said = [(variable, text) for variable, text in texts.items() if text]
    if not said:
        return None
    variable, text = said[0]
    for other, differs in said[1:]:
        if differs != text:
            notice(
                f"{other} = {differs[:40]!r} is not used: one setting, {name}, is for spans and logs here, "
                f"and {variable} = {text[:40]!r} gives it. Make the two equal, or set "
                f"KAIROS_TELEMETRY_{name.upper()}.",
                IgnoredSettingWarning,
            )
    return Given(text, Origin("standard", variable)), entry


def signal_exporters(environ: Mapping[str, str]) -> dict[Signal, Given]:
    """Read `OTEL_SDK_DISABLED` and `OTEL_{METRICS,TRACES,LOGS}_EXPORTER`.

    Args:
        environ: The environment.

    Returns:
        What is given for each signal: text, not yet our names.
    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        disabled = Given("none", Origin("standard", "OTEL_SDK_DISABLED"), raw="true")
        return dict.fromkeys(SIGNALS, disabled)
    found: dict[Signal, Given] = {}
    for signal in SIGNALS:
        variable = f"OTEL_{signal.upper()}_EXPORTER"
        if text := environ.get(variable, "").strip():
            found[signal] = Given(text, Origin("standard", variable))
    return found


def parse_signal_exporter(signal: Signal, text: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Turn the standard's names of exporters into ours.

    Args:
        signal: Whose exporter it is.
        text: A name or a comma list.
        environ: The environment, for `OTEL_EXPORTER_OTLP_PROTOCOL`.

    Returns:
        Our names.

    Raises:
        RejectedError: A name or the protocol is unknown.
    """
    names = {"console": "stdout", "otlp_proto_grpc": "otlp", "otlp_proto_http": "otlp-http", "none": "none"}
    if signal == "metrics":
        names["prometheus"] = "prometheus"
    ours = []
    for name in filter(None, map(str.strip, text.split(","))):
        if name == "otlp":
            ours.append(_otlp(environ))
        elif name in names:
            ours.append(names[name])
        else:
            try:
                ours.extend(parse_exporters([name]))
            except RejectedError as rejected:
                choices = ("otlp", "console", *(["prometheus"] if signal == "metrics" else []), "none")
                raise RejectedError(rejected.why, choices=choices, typed=name) from None
    return parse_exporters(ours)


def _otlp(environ: Mapping[str, str]) -> str:
    protocol = environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "").strip().lower()
    if protocol in ("", "grpc"):
        return "otlp"
    if protocol == "http/protobuf":
        return "otlp-http"
    raise RejectedError(
        f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol[:40]!r}, which is not spoken here",
        allowed="grpc, http/protobuf",
        fix="Change or unset OTEL_EXPORTER_OTLP_PROTOCOL",
    )


def _milliseconds(text: str, _: Mapping[str, str]) -> object:
    try:
        return float(text) / 1000
    except ValueError:
        raise RejectedError("not a number", allowed="a number of milliseconds greater than 0") from None


def _sampler_ratio(text: str, environ: Mapping[str, str]) -> object:
    """The ratio that a sampler stands for; all of ours are parent-based."""
    sampler = text.lower()
    fixed = {"always_on": 1.0, "always_off": 0.0}
    ratio_based = "traceidratio"
    bare = sampler.removeprefix("parentbased_")
    if bare in fixed:
        return fixed[bare]
    if bare != ratio_based:
        names = (*fixed, ratio_based)
        raise RejectedError(
            "not a sampler", choices=(*names, *(f"parentbased_{name}" for name in names)), typed=sampler
        )
    argument = environ.get("OTEL_TRACES_SAMPLER_ARG", "").strip()
    try:
        ratio = float(argument or 1.0)
    except ValueError:
        ratio = -1.0
    if not 0.0 <= ratio <= 1.0:
        raise RejectedError(
            f"OTEL_TRACES_SAMPLER_ARG is {argument[:40]!r}, not a ratio",
            allowed="a number at least 0 and at most 1",
            fix="Change or unset OTEL_TRACES_SAMPLER_ARG",
        )
    return ratio


def _capture_content(text: str, _: Mapping[str, str]) -> object:
    # `true` is the older boolean form; instrumentations of that time put content into events.
    names = {
        "no_content": "none",
        "false": "none",
        "span_only": "span",
        "event_only": "event",
        "true": "event",
        "span_and_event": "both",
    }
    if text.lower() not in names:
        raise RejectedError(
            "not one of the choices",
            choices=("NO_CONTENT", "SPAN_ONLY", "EVENT_ONLY", "SPAN_AND_EVENT", "true", "false"),
            typed=text,
        )
    return names[text.lower()]


STANDARD: Mapping[str, Standard] = {
    "otlp_endpoint": Standard(("OTEL_EXPORTER_OTLP_ENDPOINT",)),
    "otlp_insecure": Standard(("OTEL_EXPORTER_OTLP_INSECURE",)),
    "otlp_timeout_seconds": Standard(("OTEL_EXPORTER_OTLP_TIMEOUT",)),
    "otlp_headers": Standard(("OTEL_EXPORTER_OTLP_HEADERS",)),
    "otlp_compression": Standard(("OTEL_EXPORTER_OTLP_COMPRESSION",)),
    "otlp_certificate": Standard(("OTEL_EXPORTER_OTLP_CERTIFICATE",)),
    "otlp_client_certificate": Standard(("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",)),
    "otlp_client_key": Standard(("OTEL_EXPORTER_OTLP_CLIENT_KEY",)),
    "metric_interval_seconds": Standard(("OTEL_METRIC_EXPORT_INTERVAL",), _milliseconds),
    "metric_timeout_seconds": Standard(("OTEL_METRIC_EXPORT_TIMEOUT",), _milliseconds),
    "service_name": Standard(("OTEL_SERVICE_NAME",)),
    "resource_attributes": Standard(("OTEL_RESOURCE_ATTRIBUTES",)),
    "traces_sampler_ratio": Standard(("OTEL_TRACES_SAMPLER",), _sampler_ratio),
    "capture_content": Standard(("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",), _capture_content),
    "prometheus_host": Standard(("OTEL_EXPORTER_PROMETHEUS_HOST",)),
    "prometheus_port": Standard(("OTEL_EXPORTER_PROMETHEUS_PORT",)),
    "attribute_value_limit": Standard(("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",)),
    "queue_max_records": Standard(("OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BLRP_MAX_QUEUE_SIZE")),
    "flush_interval_seconds": Standard(
        ("OTEL_BSP_SCHEDULE_DELAY", "OTEL_BLRP_SCHEDULE_DELAY"), _milliseconds
    ),
}
"""Setting to variables. `exporter` is not here: its variables say it for one signal each."""
