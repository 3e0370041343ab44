# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.pipeline.cleaning.attributes import AttributeCleaner, Tally

KEYS = st.sampled_from(
    [
        *(
            "a",
            "model",
            "gen_ai.usage.input_tokens",
            "password",
            "token",
            "authorization",
            "gen_ai.input.messages",
        ),
        *(
            "gen_ai.prompt.0.content",
            "gen_ai.prompt.0.role",
            "input.value",
            "openinference.span.kind",
            "events",
        ),
        *("exception.stacktrace", "sk-ant-api03-abcDEF1234567890abcdef"),
    ]
)
TEXTS = st.one_of(
    st.sampled_from(
        [
            "chat",
            "gpt-4o",
            "sk-ant-api03-abcDEF1234567890abcdef",
            "password=hunter2",
            "grüße",
            "x" * 40,
            "\ud800",
            "é" * 15,
        ]
    ),
    st.text(max_size=8),
)
VALUES = st.recursive(
    st.one_of(
        TEXTS, st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False), st.binary(max_size=8)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3).map(tuple), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=6,
)
ATTRIBUTES = st.dictionaries(KEYS, VALUES, max_size=6)


def clean(cleaner: AttributeCleaner, attributes: dict) -> tuple[dict, int, bool]:
    tally = Tally()
    cleaned = cleaner.clean(attributes, tally)
    return cleaned, tally.truncated, cleaned is attributes


@pytest.mark.parametrize("takes_content", [False, True])
@settings(max_examples=300, deadline=None)
@given(st.lists(ATTRIBUTES, min_size=1, max_size=6))
def test_what_was_seen_before_changes_nothing(takes_content, batch):
    used = AttributeCleaner(30, takes_content=takes_content)
    for attributes in (*batch, *batch):
        fresh = AttributeCleaner(30, takes_content=takes_content)
        before = repr(attributes)
        assert clean(used, attributes) == clean(fresh, attributes)
        assert repr(attributes) == before


@settings(max_examples=300, deadline=None)
@given(ATTRIBUTES)
def test_what_was_cleaned_is_clean(attributes):
    cleaner = AttributeCleaner(30, takes_content=False)
    once, _, _ = clean(cleaner, attributes)
    again, truncated, _ = clean(cleaner, once)
    assert (again, truncated) == (once, 0)


def test_texts_that_are_known_and_new_ones_are_told_apart():
    cleaner = AttributeCleaner(30, takes_content=False)
    for text, expected in (
        ("chat", "chat"),
        ("chat", "chat"),
        ("password=x", "password=***"),
        ("chat", "chat"),
    ):
        cleaned, _, _ = clean(cleaner, {"a": text, "b": "chat"})
        assert cleaned == {"a": expected, "b": "chat"}
