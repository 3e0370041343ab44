# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import importlib

import pytest

PACKAGES = ("agent_runtime", "agent_runtime.llm", "agent_runtime.resilience", "agent_runtime.faults")


@pytest.mark.parametrize("package", PACKAGES)
def test_what_is_listed_exists_and_has_a_docstring(package: str):
    module = importlib.import_module(package)
    assert sorted(set(module.__all__)) == sorted(module.__all__)
    undocumented = [name for name in module.__all__ if not getattr(module, name).__doc__]
    assert undocumented == []
