# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry.config import Config, load_config
from telemetry.config.load import read_settings
from telemetry.config.settings import KINDS
from telemetry.config.sources import PREFIX
from telemetry.config.standard import STANDARD
from telemetry.errors import ConfigError


@pytest.mark.parametrize(("text", "value"), [("1", True), (" YES ", True), ("off", False), (True, True)])
def test_flags_know_the_usual_words(text, value):
    assert load_config(genai=text).genai is value


@pytest.mark.parametrize(
    ("setting", "value", "problem"),
    [
        ("genai", "maybe", "genai = 'maybe' .*neither true nor false; allowed: true or false"),
        ("genai", 3, "neither true nor false"),
        ("semconv", "bth", "not one of the choices; allowed: both, kairos, gen_ai; did you mean 'both'"),
        ("capture_content", 7, "not one of the choices; allowed: none, span, event, both"),
        ("otlp_timeout_seconds", 0, "out of range; allowed: a number greater than 0 and at most 31536000"),
        ("otlp_timeout_seconds", "nan", "out of range"),
        ("otlp_timeout_seconds", float("inf"), "out of range"),
        pytest.param("otlp_timeout_seconds", 10**400, "a very large number|out of range", id="float"),
        ("otlp_timeout_seconds", "soon", "not a number"),
        ("otlp_timeout_seconds", True, "not a number"),
        ("traces_sampler_ratio", 1.5, "out of range; allowed: a number at least 0 and at most 1"),
        ("traces_sampler_ratio", -0.1, "out of range"),
        ("cardinality_limit", 0, "out of range; allowed: a whole number from 1 to 1099511627776"),
        ("cardinality_limit", "9" * 5000, "not a whole number|out of range"),
        pytest.param("cardinality_limit", 10**5000, "a very large number", id="huge"),
        ("cardinality_limit", 1.5, "not a whole number"),
        ("cardinality_limit", False, "not a whole number"),
        ("cardinality_limit", "x", "not a whole number"),
        ("prometheus_port", 65536, "out of range; allowed: a whole number from 0 to 65535"),
        ("service_name", True, "not text"),
        ("service_name", "\udcff", "not readable as UTF-8"),
        ("spool_max_bytes", 4194303, "out of range; allowed: a whole number from 4194304 to"),
        ("queue_max_bytes", 1, "out of range; allowed: a whole number from 4194304 to"),
        ("spool_max_files", 0, "out of range"),
        (
            "spool_fsync",
            "alway",
            "not one of the choices; allowed: off, interval, always; did you mean 'always'",
        ),
        ("spool_dir", 5, "not a path"),
        ("spool_dir", os.fsencode("x"), "not a path"),
        ("spool_dir", "a\0b", "not a path"),
        ("spool_dir", "a" * 5000, "not a path that this process can reach"),
        ("spool_dir", __file__, "a file, not a directory"),
        ("file_path", Path(__file__).parent, "a directory"),
    ],
)
def test_a_bad_value_is_told_with_what_is_allowed(setting, value, problem):
    with pytest.raises(ConfigError, match=problem):
        load_config(**{setting: value})


def test_a_path_of_bytes_is_not_a_path_of_this_system():
    class Bytes:
        def __fspath__(self):
            return b"x"

    with pytest.raises(ConfigError, match="not a path of this system"):
        load_config(file_path=Bytes())


def test_numbers_and_bytes_are_read():
    config = load_config(cardinality_limit=3.0, service_version=1.5, otlp_timeout_seconds="1e1")
    assert (config.cardinality_limit, config.service_version, config.otlp_timeout_seconds) == (3, "1.5", 10.0)


def test_everything_bad_is_told_at_once_in_one_error(monkeypatch):
    monkeypatch.setenv("KAIROS_TELEMETRY_EXPORTER", "otpl")
    with pytest.raises(ConfigError) as caught:
        Config(metric_interval_seconds=-1, otlp_endpont="x", semconv="x" * 500, otlp_user="u")
    assert caught.value.problems[1:3] == (
        "exporter = 'otpl' (from KAIROS_TELEMETRY_EXPORTER): not an exporter; allowed: otlp, otlp-http, "
        "stdout, prometheus, file, memory, none, inherit; did you mean 'otlp'? "
        "Change or unset KAIROS_TELEMETRY_EXPORTER.",
        "metric_interval_seconds = -1 (from argument in code): out of range; allowed: a number greater than "
        "0 and at most 31536000. Change the argument metric_interval_seconds.",
    )
    assert caught.value.problems[0].startswith(
        "'otlp_endpont' (from argument in code): not a setting; did you mean"
    )
    assert len(caught.value.problems) == 5
    assert all(len(problem) < 300 for problem in caught.value.problems)
    assert "pydantic" not in str(caught.value).lower()


def test_an_unknown_argument_like_nothing_is_an_error_too():
    with pytest.raises(ConfigError, match=r"'zzz' .*not a setting. Remove the argument zzz"):
        load_config(zzz=1)


VARIABLES = sorted(
    {f"{PREFIX}{name.upper()}" for name in KINDS}
    | {variable for entry in STANDARD.values() for variable in entry.variables}
    | {
        "OTEL_METRICS_EXPORTER",
        "OTEL_TRACES_EXPORTER",
        "OTEL_LOGS_EXPORTER",
        "OTEL_SDK_DISABLED",
        "OTEL_TRACES_SAMPLER_ARG",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
    }
)
TEXTS = st.one_of(
    st.text(st.characters(blacklist_characters="\0"), max_size=40),
    st.sampled_from(
        ["otlp", "none", "true", "1", "-1", "http://h:1", "h:1", "a=b", "a=${HOME}", "traceidratio"]
    ),
    st.from_regex(r"\A[a-z]{0,5}(://)?[a-z0-9.:\[\]@%]{0,12}(/[a-z?#=]{0,6})?\Z"),
)


def outcome(arguments, environ):
    try:
        return read_settings(arguments, environ), ()
    except ConfigError as error:
        return None, error.problems


@pytest.mark.filterwarnings("ignore::telemetry.config.IgnoredSettingWarning")
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(VARIABLES), TEXTS, max_size=6))
def test_no_environment_raises_anything_but_a_config_error(tmp_path, environ):
    environ.pop(f"{PREFIX}CONFIG_FILE", None)
    config, problems = outcome({}, environ)
    assert all(problem.endswith(".") for problem in problems)
    if config:
        config.grpc_target()
        config.http_base_url()
        assert all(value.isascii() and value.isprintable() for value in config.headers().values())


@settings(max_examples=200, deadline=None)
@given(
    setting=st.sampled_from(["otlp_token", "otlp_headers", "otlp_endpoint", "prometheus_token"]),
    before=st.sampled_from(["", "k=", "http://u:", "u:", "://", "${X", "k=1,", "%zz"]),
    after=st.sampled_from(["", "@h:1", "@h", "@", ",b", "=c", "@h:1/v1/traces", "\n", "@@h:x"]),
    others=st.dictionaries(st.sampled_from(["exporter", "otlp_user", "otlp_insecure"]), TEXTS, max_size=2),
)
def test_a_secret_is_in_no_message_and_no_repr(setting, before, after, others):
    if setting == "otlp_endpoint" and not (before.endswith("u:") and after.startswith("@")):
        return  # without user and @ it is an address, not a secret
    if setting == "otlp_headers" and after == "=c" and before in ("", "k=1,"):
        return  # the name of a header, not its value
    environ = {f"{PREFIX}{setting.upper()}": f"{before}hunter2{after}"}
    try:
        shown = repr(read_settings(others, environ))
    except ConfigError as error:
        shown = str(error) + repr(error.__context__) + repr(error.__cause__)
    assert "hunter2" not in shown


@pytest.mark.filterwarnings("ignore::telemetry.config.IgnoredSettingWarning")
@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([name for name in KINDS if name != "config_file"]), st.from_type(object), max_size=3
    )
)
def test_no_object_given_in_code_raises_anything_but_a_config_error(arguments):
    config, problems = outcome(arguments, {})
    assert config or problems
