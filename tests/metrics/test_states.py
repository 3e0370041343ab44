# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

import telemetry
from telemetry import CircuitState, HealthStatus


class Hostile:
    def __hash__(self) -> int:
        raise RuntimeError("no hash")


def twin(kairos, metric: str, state: str) -> dict[str, float]:
    return {str(point.attributes[state]): point.value for point in kairos.metrics() if point.name == metric}


@pytest.mark.parametrize(
    "status", [HealthStatus.DEGRADED, 1, "DEGRADED", "degraded", "Degraded", 1.0], ids=repr
)
def test_a_health_status_may_be_a_member_its_number_or_its_name(kairos, status):
    telemetry.set_health("llm", status)
    telemetry.set_health("llm", status)

    assert kairos.value("kairos.health.status", component="llm") == 1


@pytest.mark.parametrize("state", [CircuitState.HALF_OPEN, 1, "HALF_OPEN", "half_open"], ids=repr)
def test_a_circuit_state_may_be_a_member_its_number_or_its_name(kairos, state):
    telemetry.set_circuit_state("llm", state)
    telemetry.set_circuit_state("llm", state)

    assert kairos.value("kairos.circuitbreaker.state", component="llm") == 1


@pytest.mark.parametrize("status", list(HealthStatus))
def test_the_gauge_shows_the_number_of_the_newest_health(kairos, status):
    telemetry.set_health("llm", HealthStatus.DEGRADED)
    telemetry.set_health("llm", status)

    assert kairos.value("kairos.health.status") == status.value


@pytest.mark.parametrize("state", list(CircuitState))
def test_the_gauge_shows_the_number_of_the_newest_circuit_state(kairos, state):
    telemetry.set_circuit_state("llm", CircuitState.HALF_OPEN)
    telemetry.set_circuit_state("llm", state)

    assert kairos.value("kairos.circuitbreaker.state") == state.value


def test_the_numbers_are_those_of_the_contract():
    assert {member.name: member.value for member in HealthStatus} == {
        "UNHEALTHY": 0,
        "DEGRADED": 1,
        "HEALTHY": 2,
    }
    assert {member.name: member.value for member in CircuitState} == {"OPEN": 0, "HALF_OPEN": 1, "CLOSED": 2}


def test_a_component_appears_with_its_first_state(kairos):
    assert not [point for point in kairos.metrics() if point.name.startswith("kairos.health")]

    telemetry.set_health("llm", HealthStatus.UNHEALTHY)

    assert kairos.value("kairos.health.status", component="llm") == 0


@pytest.mark.parametrize(
    ("call", "metric", "state"),
    [
        (telemetry.set_health, "kairos.health.component", "kairos.health.state"),
        (telemetry.set_circuit_state, "kairos.circuit_breaker.component", "kairos.circuit_breaker.state"),
    ],
)
def test_the_state_set_has_one_for_the_current_state_only(kairos, call, metric, state):
    names = ["unhealthy", "degraded", "healthy"] if "health" in metric else ["open", "half_open", "closed"]
    for number, name in enumerate(names):
        call("llm", number)
        assert twin(kairos, metric, state) == {each: int(each == name) for each in names}


@pytest.mark.kairos(semconv="kairos")
def test_the_state_set_is_absent_where_only_our_names_are_wanted(kairos):
    telemetry.set_health("llm", 2)
    telemetry.set_circuit_state("llm", 2)

    assert {point.name for point in kairos.metrics()} == {
        "kairos.errors.rate",
        "kairos.health.status",
        "kairos.circuitbreaker.state",
    }


@pytest.mark.parametrize(
    "status", [3, -1, "fine", "", None, 1.5, [], object(), Hostile()], ids=lambda s: type(s).__name__
)
def test_an_unknown_state_is_left_out_counted_and_logged_once(kairos, caplog, status):
    telemetry.set_health("llm", HealthStatus.HEALTHY)
    for _ in range(3):
        telemetry.set_health("llm", status)

    assert kairos.value("kairos.health.status", component="llm") == 2
    assert kairos.value("kairos.telemetry.dropped", reason="recording_failed") == 3
    assert len(caplog.records) == 1
    assert "set_health could not record" in caplog.text


def test_the_message_of_an_unknown_state_says_what_is_allowed(kairos, caplog):
    telemetry.set_circuit_state("llm", "ajar")

    assert "'ajar' is no CircuitState; allowed: OPEN (0), HALF_OPEN (1), CLOSED (2)" in caplog.text


@pytest.mark.kairos(cardinality_limit=2)
def test_many_components_share_the_overflow_series(kairos):
    for number in range(20):
        telemetry.set_health(f"component {number}", HealthStatus.HEALTHY)

    points = [point for point in kairos.metrics() if point.name == "kairos.health.status"]
    assert len(points) == 3
    assert kairos.value("kairos.health.status", {"otel.metric.overflow": True}) == 2
    assert len([point for point in kairos.metrics() if point.name == "kairos.health.component"]) == 9
    assert len(kairos.telemetry.recorder.health.setters) <= 5
