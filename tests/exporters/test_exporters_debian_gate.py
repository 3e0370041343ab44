# SPDX-License-Identifier: Apache-2.0
"""Tests that need a Debian package are skipped without it, and fail where the machine must have it."""

from __future__ import annotations

import pytest
from support.debian import program


def test_a_missing_program_skips_and_says_how_to_get_it(monkeypatch):
    monkeypatch.delenv("KAIROS_REQUIRE_DEBIAN", raising=False)
    with pytest.raises(
        pytest.skip.Exception, match="no-such-thing is not installed; run: apt-get install nothing"
    ):
        program("no-such-thing", "nothing")


def test_a_missing_program_fails_where_it_is_required(monkeypatch):
    monkeypatch.setenv("KAIROS_REQUIRE_DEBIAN", "1")
    with pytest.raises(pytest.fail.Exception, match="no-such-thing is not installed"):
        program("no-such-thing", "nothing")


def test_a_program_that_is_there_is_found():
    assert program("sh", "dash").endswith("/sh")
