# SPDX-License-Identifier: Apache-2.0
"""Rules that no linter knows: what lies where, and what every file says of itself."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOP_LEVEL = {
    *(
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE",
        "Makefile",
        "pyproject.toml",
        "constraints.txt",
    ),
    *("telemetry", "agent_runtime", "configs", "benchmarks", "tests", "examples", "docs"),
    *(".ci", ".gitignore"),
}
CODE = ("telemetry", "agent_runtime", "tests", "benchmarks", "examples")
EXEMPTION = re.compile(
    r"#\s*(?:noqa(?::\s*[A-Z]+[0-9]+(?:\s*,\s*[A-Z]+[0-9]+)*)?|type:\s*ignore(?:\[[^\]]*\])?|pragma:\s*no\s+\w+)(?P<reason>.*)"
)


def sources() -> list[Path]:
    return [
        path
        for folder in CODE
        for path in sorted((ROOT / folder).rglob("*.py"))
        if ".peers" not in path.parts
    ]


def without_reason(line: str) -> bool:
    found = EXEMPTION.search(line)
    return bool(found) and not re.search(r"[A-Za-z]{3,}", found["reason"])


def test_every_source_file_names_its_licence_first():
    unnamed = [
        path
        for path in sources()
        if not path.read_text().startswith(("# SPDX-License-Identifier: Apache-2.0\n", "#!"))
    ]
    assert unnamed == []


def test_every_exemption_says_why_on_its_line():
    bare = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sources()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if path.name != Path(__file__).name and without_reason(line)
    ]
    assert bare == []


@pytest.mark.parametrize(
    ("line", "is_bare"),
    [
        ("x = 1  # noqa: S101", True),
        ("x = 1  # noqa: S101, PT018 - both were read", False),
        ("x = f()  # type: ignore[arg-type]", True),
        ("x = f()  # type: ignore[arg-type]  # their stubs are wrong", False),
        ("raise E  # pragma: no cover", True),
        ("raise E  # pragma: no cover (only Windows)", False),
        ("x = 1  # no qualms", False),
    ],
)
def test_an_exemption_without_a_reason_is_recognised(line, is_bare):
    assert without_reason(line) is is_bare


def test_the_top_level_holds_the_names_of_the_architecture_and_no_others():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    assert {name.split("/")[0] for name in listed.stdout.split()} <= TOP_LEVEL


def test_test_folders_are_no_packages():
    assert list((ROOT / "tests").rglob("__init__.py")) == []
