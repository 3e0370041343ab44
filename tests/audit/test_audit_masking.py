# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.audit.masking import mask_row, mask_text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("key sk-abcdefgh12345678", "key sk-***"),
        ("ghp_abcdefghijklmnop", "ghp_***"),
        ("AKIAABCDEFGHIJKLMNOP", "***"),
        ("eyJhbGciOiJI.eyJzdWIiOiIx.abc-def", "***"),
        ("Authorization: Bearer abcdefgh", "Authorization: Bearer ***"),
        ("Basic dXNlcjpwYXNz", "Basic ***"),
        ("token 1234567890", "token ***"),
        ("postgres://me:hunter2@db/x", "postgres://me:***@db/x"),
        ("password=hunter2 x", "password=*** x"),
        ("api_key: 'abcd1234'", "api_key: '***'"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "***"),
    ],
)
def test_credentials_are_masked_by_their_shape(text, masked):
    assert mask_text(text) == masked
    assert mask_row({"a": [{"b": text}]}) == {"a": [{"b": masked}]}


@pytest.mark.parametrize(
    "text",
    [
        *("Basic authentication is required", "the token validation failed", "risk-assessment-of-things"),
        *("https://example.com/a?b=c", "https://user@example.com", "a basic understanding", "tokens: many"),
        *("capital", "eyJ", "password", "secretary"),
    ],
)
def test_ordinary_text_is_left_alone(text):
    assert mask_text(text) is text or mask_text(text) == text


@pytest.mark.parametrize(
    "name",
    [
        *(
            "password",
            "db_password",
            "Passwords",
            "api_key",
            "apiKey",
            "api_keys",
            "clientSecret",
            "access_token",
        ),
        *(
            "accessToken",
            "refresh-token",
            "token",
            "Authorization",
            "Set-Cookie",
            "cookie",
            "credentials",
            "private_key",
        ),
    ],
)
@pytest.mark.parametrize("value", ["x", 12345, ["a", "b"], {"c": "d"}])
def test_members_whose_name_says_so_are_masked_whatever_they_hold(name, value):
    assert mask_row({name: value, "n": {name: value}}) == {name: "***", "n": {name: "***"}}


@pytest.mark.parametrize(
    "row", [{"input_tokens": 3}, {"has_password": True}, {"password": ""}, {"secret": None}, {"k": 1}]
)
def test_members_that_hold_none_are_left_alone(row):
    assert mask_row(row) is row


def test_what_is_nested_too_deep_to_look_at_is_masked():
    deep: object = "sk-abcdefgh12345678"
    for _ in range(40):
        deep = [deep]
    assert "abcdefgh" not in repr(mask_row({"a": deep}))


@pytest.mark.parametrize(
    "piece", ["-eyJaaaaaaaa", "sk-", "Bearer ", "a://a:", "eyJaaaaaaaa.", "password=", "-----BEGIN ", "x "]
)
def test_no_text_takes_long(piece):
    started = time.perf_counter()
    mask_text(piece * (200_000 // len(piece)))
    assert time.perf_counter() - started < 5  # a search that tries every pair of places takes minutes


@given(st.text())
def test_masking_twice_changes_nothing_more(text):
    assert mask_text(mask_text(text)) == mask_text(text)
