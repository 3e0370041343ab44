# SPDX-License-Identifier: Apache-2.0
"""Tests that need a Debian package are skipped without it, and fail where the machine must have it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from support import rotel
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


def test_a_collector_that_lacks_a_library_is_missing_too(monkeypatch):
    monkeypatch.delenv("KAIROS_REQUIRE_DEBIAN", raising=False)
    monkeypatch.setattr(rotel, "binary", lambda: (Path("rotel-agent"), "libpython3.11.so.1.0"))
    with pytest.raises(
        pytest.skip.Exception, match=r"libpython3.11.so.1.0, which .*apt-get install libpython3.11$"
    ):
        rotel.Rotel()


def test_the_library_that_a_collector_lacks_is_found_out(monkeypatch, tmp_path):
    (tmp_path / "__init__.py").touch()
    agent = tmp_path / "rotel-agent"
    lacking = "error while loading shared libraries: libpython3.11.so.1.0: cannot open shared object file"
    agent.write_text(f"#!/bin/sh\necho '{agent}: {lacking}' >&2\nexit 127\n")
    agent.chmod(0o700)
    spec = importlib.util.spec_from_file_location("rotel", tmp_path / "__init__.py")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: spec)
    assert rotel.binary.__wrapped__() == (agent, "libpython3.11.so.1.0")
