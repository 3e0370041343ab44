# SPDX-License-Identifier: Apache-2.0
"""The order of the checks: settings first, then each exporter step by step until one fails."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from telemetry.diagnosis import symptoms
from telemetry.diagnosis.findings import Answer, Finding
from telemetry.diagnosis.local import LOCAL
from telemetry.diagnosis.spool import check_spool
from telemetry.diagnosis.targets import GRPC, HTTP, Target, grpc_target, http_target
from telemetry.errors import MissingExtraError, TelemetryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.config import Settings

__all__ = ["diagnose"]


def diagnose(config: Settings) -> Iterator[Finding]:
    """Check the settings and try every configured exporter.

    Each finding is yielded as soon as it is known, so that a slow network does not keep the
    reader waiting for what is already clear. Nothing is raised for a network that does not work.

    Args:
        config: The settings to check.
    """
    exporters = config.all_exporters or ("none",)
    summary = f"service {config.service_name}, exporter {','.join(exporters)}"
    yield Answer(symptoms.SETTINGS_VALID, summary).finding("settings")
    if config.spool_dir is not None:
        for answer in check_spool(Path(config.spool_dir)):
            yield answer.finding("spool")
    for exporter in exporters:
        if exporter in LOCAL:
            yield LOCAL[exporter](config).finding(exporter)
        elif exporter == GRPC:
            yield from _check(config, grpc_target(config))
        elif (built := _build(exporter, config)).is_failure or exporter != HTTP:
            yield built.finding(exporter)
        else:
            yield from _check(config, http_target(config))


def _check(config: Settings, target: Target) -> Iterator[Finding]:
    from telemetry.diagnosis.otlp import check_otlp  # loads protobuf, which stdout and others do without

    return check_otlp(config, target)


def _build(exporter: str, config: Settings) -> Answer:
    """Build an exporter without sending: all that can be done for another package's."""
    from telemetry.exporters import registry

    try:
        built = registry.build(exporter, config)
    except MissingExtraError as err:
        return Answer(symptoms.EXTRA_MISSING, str(err))
    except TelemetryError as err:
        return Answer(symptoms.NOT_BUILT, str(err))
    for part in (built.metrics, built.spans, built.logs):
        if part is not None:
            part.shutdown()
    return Answer(symptoms.FOREIGN)
