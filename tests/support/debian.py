# SPDX-License-Identifier: Apache-2.0
"""Programs of Debian packages, which a machine may lack."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def program(name: str, package: str) -> str:
    """The program's path; without it the test is skipped, or fails where KAIROS_REQUIRE_DEBIAN=1."""
    path = shutil.which(name)
    if path is None:
        missing(name, package)
    return path


def missing(name: str, package: str) -> NoReturn:
    """Skips the test that needs it, or fails it where KAIROS_REQUIRE_DEBIAN=1."""
    reason = f"{name} is not installed; run: apt-get install {package}"
    if os.environ.get("KAIROS_REQUIRE_DEBIAN") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
