# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def run(pytester: pytest.Pytester, code: str) -> pytest.RunResult:
    pytester.makepyfile(code)
    return pytester.runpytest_subprocess("-p", "no:randomly", "-W", "error")


def test_the_fixture_is_there_without_any_set_up(pytester):
    result = run(
        pytester,
        """
        import telemetry

        def test_error(kairos):
            telemetry.record_error(TimeoutError("slow"), component="llm")
            kairos.assert_error(code="timeout", component="llm", recoverable=True)

        def test_a_pipeline_of_its_own(kairos):
            kairos.assert_no_errors()
        """,
    )

    result.assert_outcomes(passed=2)


def test_settings_come_from_markers_and_the_tests_own_win(pytester):
    result = run(
        pytester,
        """
        import pytest

        pytestmark = pytest.mark.kairos(environment="module", cardinality_limit=7)

        @pytest.mark.kairos(environment="test")
        def test_settings(kairos):
            assert kairos.telemetry.config.environment == "test"
            assert kairos.telemetry.config.cardinality_limit == 7
        """,
    )

    result.assert_outcomes(passed=1)


def test_a_marker_with_positional_arguments_is_refused(pytester):
    result = run(
        pytester,
        """
        import pytest

        @pytest.mark.kairos("span")
        def test_settings(kairos):
            pass
        """,
    )

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*@pytest.mark.kairos takes settings by name, not ('span',); write*"])


def test_a_setting_that_does_not_exist_is_an_error_of_that_test(pytester):
    result = run(
        pytester,
        """
        import pytest

        @pytest.mark.kairos(capture="all")
        def test_settings(kairos):
            pass
        """,
    )

    result.assert_outcomes(errors=1)


def test_a_failing_assert_shows_what_there_was(pytester):
    result = run(
        pytester,
        """
        import telemetry

        def test_error(kairos):
            telemetry.record_error(TimeoutError("slow"), component="llm")
            kairos.assert_error(code="rate_limit")
        """,
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E*AssertionError: 0 errors have {'error.code': 'rate_limit'}, not 1; counted were:",
            "E*kairos.errors.total{component='llm', error.code='timeout', recoverable='true'} = 1",
        ]
    )


def test_the_marker_is_documented_by_pytest(pytester):
    result = pytester.runpytest_subprocess("--markers")

    result.stdout.fnmatch_lines(["@pytest.mark.kairos([*][*]settings): settings of telemetry.Config *"])


def test_a_run_that_does_not_use_it_imports_neither_opentelemetry_nor_settings(bare_environment):
    code = (
        "import sys, telemetry.testing.plugin;"
        "print([name for name in ('opentelemetry', 'pydantic', 'telemetry.pipeline', 'telemetry.config')"
        " if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        env=bare_environment,
    )

    assert done.stdout.strip() == "[]"
