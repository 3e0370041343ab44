# SPDX-License-Identifier: Apache-2.0
"""The command as a whole, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import telemetry

KAIROS = Path(sys.executable).with_name("kairos")


def kairos(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [KAIROS, *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_version_is_that_of_the_package():
    assert kairos("--version").stdout.strip() == telemetry.__version__


@pytest.mark.parametrize("arguments", [(), ("-h",), ("--help",)])
def test_help_names_every_command(arguments):
    told = kairos(*arguments).stdout
    for command in ("demo", "doctor", "config"):
        assert command in told


def test_a_mistyped_command_gets_the_nearest_one_and_exit_2():
    done = kairos("dmo")
    assert done.returncode == 2
    assert "Did you mean 'demo'?" in done.stderr


def test_an_unknown_variable_is_a_warning_without_a_place_in_the_code():
    done = kairos("config", KAIROS_TELEMETRY_OTLP_ENDPONT="x")
    assert done.returncode == 0
    assert done.stderr == (
        "warning: 'KAIROS_TELEMETRY_OTLP_ENDPONT' is not a setting of kairos-telemetry and is not read; "
        "did you mean KAIROS_TELEMETRY_OTLP_ENDPOINT?\n"
    )


@pytest.mark.parametrize("command", ["demo", "doctor", "config"])
def test_a_bad_setting_ends_with_2_and_says_what_is_allowed_and_nearest(command):
    done = kairos(command, KAIROS_TELEMETRY_EXPORTER="otpl")
    assert (done.returncode, done.stdout) == (2, "")
    assert "exporter = 'otpl' (from KAIROS_TELEMETRY_EXPORTER)" in done.stderr
    assert "allowed: otlp, otlp-http, stdout, prometheus" in done.stderr
    assert "did you mean 'otlp'?" in done.stderr
    assert "Traceback" not in done.stderr
