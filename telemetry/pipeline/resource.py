# SPDX-License-Identifier: Apache-2.0
"""Who sends: the resource of everything that leaves this process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from uuid import uuid4

from opentelemetry.sdk.resources import Resource
from opentelemetry.version import __version__ as sdk_version

from telemetry.pipeline.process.children import is_worker

if TYPE_CHECKING:
    from telemetry.config import Settings

__all__ = ["resource_of"]

_INSTANCE = "service.instance.id"


def resource_of(config: Settings, *, is_child: bool = False) -> Resource:
    """Returns the resource that the settings describe.

    The settings already hold `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME`, so the SDK's
    detectors, whose set-up starts a thread pool, run only where `OTEL_EXPERIMENTAL_RESOURCE_DETECTORS`
    asks for them.

    Args:
        config: The settings.
        is_child: Whether this process was forked from one that has the same settings. A child is an
            instance of its own, and so is each worker of a server or a pool; its id starts with the one
            the user gave, if any.
    """
    attributes = {
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.version": sdk_version,
        "service.name": config.service_name or "unknown_service",
        _INSTANCE: str(uuid4()),
        **({"service.version": config.service_version} if config.service_version else {}),
        **({"deployment.environment.name": config.environment} if config.environment else {}),
        **config.resource_attributes,
    }
    if _INSTANCE in config.resource_attributes and (is_child or is_worker()):
        attributes[_INSTANCE] = f"{config.resource_attributes[_INSTANCE]}-{os.getpid()}"
    if os.environ.get("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS"):
        return Resource.create(attributes)
    return Resource(attributes)
