# SPDX-License-Identifier: Apache-2.0
"""What all instrumentors have in common, and that OpenTelemetry's own command starts them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from support.fresh_process import run, run_json

import telemetry.instrumentation as package

NAMES = package.__all__


@pytest.mark.parametrize("name", NAMES)
def test_an_instrumentor_says_what_it_needs_and_what_it_is_for(name):
    instrumentor = getattr(package, name)()
    (requirement,) = instrumentor.instrumentation_dependencies()

    assert instrumentor._check_dependency_conflicts() is None
    assert requirement.split()[0] in type(instrumentor).__module__
    assert "instrument(component=...)" in type(instrumentor).__doc__


@pytest.mark.parametrize("name", NAMES)
def test_each_is_an_entry_point_for_opentelemetry(name):
    found = [
        each for each in entry_points(group="opentelemetry_instrumentor") if each.name.startswith("kairos_")
    ]

    assert getattr(package, name) in [each.load() for each in found]
    assert len(found) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_where_its_library_is_not_installed_it_does_nothing(name, monkeypatch):
    instrumentor = getattr(package, name)()
    monkeypatch.setattr(type(instrumentor), "requirement", "a-library-that-is-not-there >= 1")

    instrumentor.instrument(skip_dep_check=True)  # as `opentelemetry-instrument` does

    assert not instrumentor._done
    instrumentor.uninstrument()


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(
        AttributeError, match=r"^module 'telemetry\.instrumentation' has no attribute 'Nothing'$"
    ):
        _ = package.Nothing


def test_the_package_lists_its_names():
    assert dir(package) == sorted(NAMES)


def test_importing_the_package_imports_none_of_the_libraries():
    libraries = ["tenacity", "stamina", "pybreaker", "purgatory", "httpx", "opentelemetry"]
    loaded = run_json(
        f"import telemetry.instrumentation\nprint(json.dumps([x for x in {libraries} if x in sys.modules]))"
    )

    assert loaded == []


def test_without_the_extra_the_command_to_install_it_is_named():
    said = run(
        """
        sys.modules["opentelemetry.instrumentation.instrumentor"] = None
        try:
            from telemetry.instrumentation import TenacityInstrumentor
        except ImportError as error:
            print(type(error).__name__, error)
        """
    )

    assert said == (
        "MissingExtraError opentelemetry-instrumentation needs an extra that is not installed; "
        "run: pip install 'kairos-telemetry[instrumentation]'"
    )


def test_opentelemetry_instrument_starts_them(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import json, tenacity, telemetry, telemetry.instrumentation as package\n"
        "pipeline = telemetry.init('s', '1', exporter='memory')\n"
        "attempts = iter([TimeoutError('1'), None])\n"
        "def work():\n"
        "    error = next(attempts)\n"
        "    if error: raise error\n"
        "tenacity.Retrying()(work)\n"
        "started = [getattr(package, n)().is_instrumented_by_opentelemetry for n in package.__all__]\n"
        "counted = pipeline.snapshot()['kairos.errors.recovered']\n"
        "print(json.dumps([started, counted]))\n"
    )
    command = Path(sys.executable).with_name("opentelemetry-instrument")
    exporters = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}
    done = subprocess.run(
        [str(command), sys.executable, str(program)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **exporters},
    )

    assert done.returncode == 0, done.stderr
    started, counted = json.loads(done.stdout.splitlines()[-1])
    assert started == [True] * len(NAMES)
    assert [value for _, value in counted] == [1]
