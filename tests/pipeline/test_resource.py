# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from uuid import UUID

from telemetry.config import load_config
from telemetry.pipeline.resource import resource_of


def attributes(is_child: bool = False, name: str = "agent", **settings) -> dict[str, object]:
    return dict(
        resource_of(load_config(name, "1.2", exporter="memory", **settings), is_child=is_child).attributes
    )


def test_the_resource_says_who_sends():
    resource = attributes(environment="production", resource_attributes={"team": "blue"})

    assert resource["service.name"] == "agent"
    assert resource["service.version"] == "1.2"
    assert resource["deployment.environment.name"] == "production"
    assert resource["team"] == "blue"
    assert resource["telemetry.sdk.language"] == "python"
    assert resource["telemetry.sdk.name"] == "opentelemetry"


def test_what_is_not_known_is_left_out():
    resource = dict(resource_of(load_config("", "", exporter="memory")).attributes)

    assert resource["service.name"] == "unknown_service"
    assert "service.version" not in resource
    assert "deployment.environment.name" not in resource


def test_every_process_has_an_id_of_its_own():
    assert UUID(attributes()["service.instance.id"]) != UUID(attributes()["service.instance.id"])


def test_the_users_id_is_kept():
    assert attributes(resource_attributes={"service.instance.id": "pod-1"})["service.instance.id"] == "pod-1"


def test_the_id_of_a_child_starts_with_the_users():
    resource = attributes(is_child=True, resource_attributes={"service.instance.id": "pod-1"})

    assert resource["service.instance.id"] == f"pod-1-{os.getpid()}"


def test_a_child_without_a_given_id_has_one_of_its_own():
    assert UUID(attributes(is_child=True)["service.instance.id"])


def test_opentelemetrys_detectors_run_where_they_are_asked_for(monkeypatch):
    monkeypatch.setenv("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "process")

    assert attributes()["process.pid"] == os.getpid()


def test_a_standard_variable_names_attributes(monkeypatch):
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "team=green")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "from-outside")

    resource = attributes()
    assert (resource["team"], resource["service.name"]) == ("green", "from-outside")
