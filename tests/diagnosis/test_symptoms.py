# SPDX-License-Identifier: Apache-2.0
"""The table of symptoms, its remedies and its documentation agree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from telemetry.config.settings import KINDS
from telemetry.diagnosis import symptoms
from telemetry.diagnosis.findings import Answer, Finding, Outcome, Symptom

TABLE = {name: symptom for name, symptom in vars(symptoms).items() if isinstance(symptom, Symptom)}
DOCUMENT = (Path(__file__).parents[2] / "docs" / "troubleshooting.md").read_text("utf-8")
FACTS = {
    "exporter": "otlp",
    "host": "collector.example",
    "port": 4317,
    "scheme": "https",
    "signal": "span",
    "variable": "TRACES",
}


def test_headlines_are_told_apart():
    headlines = [symptom.headline for symptom in TABLE.values()]
    assert len(headlines) == len(set(headlines))


@pytest.mark.parametrize("symptom", TABLE.values(), ids=TABLE)
def test_every_headline_is_documented(symptom):
    wanted = "| {} |" if symptom.outcome is Outcome.OK else "\n### {}\n"
    assert wanted.format(symptom.headline) in DOCUMENT


def test_the_document_has_no_headline_that_doctor_never_says():
    known = {symptom.headline for symptom in TABLE.values()}
    assert set(re.findall(r"^### (.+)$", DOCUMENT, re.MULTILINE)) <= known


@pytest.mark.parametrize("symptom", TABLE.values(), ids=TABLE)
def test_whatever_is_not_well_has_a_remedy(symptom):
    finding = Answer(symptom).finding("step", **FACTS)
    assert bool(finding.remedy) == (symptom.outcome is not Outcome.OK)
    assert "{" not in finding.remedy


@pytest.mark.parametrize("text", [*(symptom.remedy for symptom in TABLE.values()), DOCUMENT])
def test_settings_that_are_recommended_exist(text):
    variables = re.findall(r"KAIROS_TELEMETRY_([A-Z_]*[A-Z])\b", text)
    assert {variable.lower() for variable in variables} <= set(KINDS)


def test_a_message_is_the_headline_and_the_detail():
    assert Finding("step", Outcome.OK, "all well").message == "all well"
    assert Finding("step", Outcome.OK, "all well", "in 3 ms").message == "all well: in 3 ms"


def test_details_are_added_up():
    answer = Answer(symptoms.RECEIVED)
    assert answer.also("") is answer
    assert answer.also("one").also("two").detail == "one; two"
