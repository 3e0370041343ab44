# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from telemetry.text import clip, plural

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates too


def naive(text: str, limit: int) -> str:
    kept = ""
    for character in ("?" if "\ud800" <= each <= "\udfff" else each for each in text):
        if len((kept + character).encode()) > limit:
            break
        kept += character
    return kept


@given(ANY_TEXT, st.integers(0, 40))
def test_text_is_cut_at_the_last_character_that_fits(text, limit):
    assert clip(text, limit) == naive(text, limit)


def test_short_ascii_text_is_returned_as_it_is():
    text = "short"

    assert clip(text, 5) is text


def test_one_thing_is_named_in_the_singular():
    assert [plural(count, "row") for count in (0, 1, 2)] == ["rows", "row", "rows"]
    assert [plural(count, "it is", "they are") for count in (1, 2)] == ["it is", "they are"]
