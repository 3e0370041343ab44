# SPDX-License-Identifier: Apache-2.0
"""GenAI series are bound once, whatever their attributes are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import telemetry
from telemetry import conventions as names
from telemetry.metrics import genai
from telemetry.metrics.genai import GenAIMetrics
from telemetry.metrics.limits import Limits

if TYPE_CHECKING:
    import pytest


def test_series_that_were_forgotten_are_found_again(kairos, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(genai, "_MOST_CELLS", 2)
    for _ in range(2):
        for model in ("a", "b", "c"):
            with telemetry.chat(model, provider="p"):
                pass
    counts = {
        point.attributes["gen_ai.request.model"]: point.count
        for point in kairos.metrics()
        if point.name == "gen_ai.client.operation.duration"
    }
    assert counts == {"a": 2, "b": 2, "c": 2}


def test_an_attribute_that_cannot_be_a_key_is_bound_all_the_same():
    metrics = GenAIMetrics(names.PROFILE_RELEASED, Limits())
    metrics.duration(names.OPERATION_CHAT, 0.1, {"gen_ai.request.model": ["a", "list"]})
