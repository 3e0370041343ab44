# SPDX-License-Identifier: Apache-2.0
"""The tested set of versions: complete, and nothing but names and versions."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LINES = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
PINNED = {canonicalize_name(line.split("==")[0]): line.split("==")[1] for line in LINES}


def direct() -> list[Requirement]:
    project, groups = PROJECT["project"], PROJECT["dependency-groups"]
    texts = [
        *project["dependencies"],
        *(text for extra in project["optional-dependencies"].values() for text in extra),
        *(text for group in groups.values() for text in group),
    ]
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize("line", LINES)
def test_a_constraint_is_a_name_and_an_exact_version(line):
    assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line)


@pytest.mark.parametrize("requirement", direct(), ids=str)
def test_what_the_project_asks_for_is_pinned_to_a_version_it_allows(requirement):
    assert PINNED[canonicalize_name(requirement.name)] in requirement.specifier


@pytest.mark.parametrize("name", PINNED)
def test_what_a_pinned_package_needs_is_pinned_too(name):
    try:
        needed = [Requirement(text) for text in metadata.requires(name) or ()]
    except metadata.PackageNotFoundError:
        pytest.skip(f"{name} is not installed here: another group's")
    here = {
        canonicalize_name(each.name)
        for each in needed
        if not each.marker or each.marker.evaluate({"extra": ""})
    }
    assert here - PINNED.keys() == set()
