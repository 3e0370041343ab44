# SPDX-License-Identifier: Apache-2.0
"""The package's names load on first use."""

from __future__ import annotations

import pytest

from telemetry import logs


def test_every_listed_name_exists_and_is_shown_by_dir():
    assert dir(logs) == sorted(logs.__all__)
    assert all(getattr(logs, name) is not None for name in logs.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"has no attribute .nothing."):
        _ = logs.nothing
