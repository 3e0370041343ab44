# SPDX-License-Identifier: Apache-2.0
"""Every Python example of README and docs runs as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.rotel import Rotel

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://)([^)#]+)")


def _examples() -> list[object]:
    return [
        pytest.param(match.group(1), id=f"{page.name}-{number}")
        for page in PAGES
        for number, match in enumerate(BLOCK.finditer(page.read_text()), start=1)
    ]


@pytest.fixture(scope="module")
def collector() -> Iterator[Rotel]:
    """The collector that the examples send to; they name the standard port, which may be taken here."""
    with Rotel() as rotel:
        yield rotel


@pytest.mark.parametrize("code", _examples())
def test_an_example_runs(code: str, collector: Rotel, tmp_path: Path) -> None:
    code = code.replace("localhost:4317", f"127.0.0.1:{collector.grpc_port}")
    code = code.replace("localhost:4318", f"127.0.0.1:{collector.http_port}")
    if "def test_" in code:
        example = tmp_path / "test_example.py"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(example)]
    else:
        example = tmp_path / "example.py"
        # The last instrumentation package that does not pin the SDK imports pkg_resources.
        command = [sys.executable, "-W", "error", "-W", "ignore:pkg_resources is deprecated", str(example)]
    example.write_text(code)
    done = subprocess.run(
        command, cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_links_only_to_files_that_exist(page: Path) -> None:
    missing = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert missing == []


def test_the_readme_starts_with_the_two_commands_and_stays_short() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    commands = [line for line in lines if line.startswith("$ make ")]
    assert [command.split()[2] for command in commands[:2]] == ["demo", "test"]
    assert len(lines) <= 150
