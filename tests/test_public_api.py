# SPDX-License-Identifier: Apache-2.0
"""What is documented, exported and there agree; and names load only when they are used."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest
from support.fresh_process import run_json

import telemetry

CONTRACT = {
    "init",
    "init_with_config",
    "Config",
    "Telemetry",
    "FlushResult",
    "record_error",
    "record_error_metric",
    "record_error_span",
    "record_recovery",
    "set_health",
    "set_circuit_state",
    "HealthStatus",
    "CircuitState",
    "KairosError",
    "ErrorCode",
    "classify",
    "Classification",
    "register_classifier",
    "observe",
    "get_logger",
    "configure_logging",
    "ConfigError",
}
BEYOND_THE_CONTRACT = {
    "SignalResult",
    "ExporterStatus",
    "retry_after",
    "invoke_agent",
    "chat",
    "execute_tool",
    "counter",
    "gauge",
    "histogram",
    "redact",
    "TelemetryError",
    "MissingExtraError",
    "UnknownSettingWarning",
    "AuditTrail",
    "conventions",
    "__version__",
}
PUBLIC = sorted(CONTRACT | BEYOND_THE_CONTRACT)
HEAVY = [
    "opentelemetry",
    "opentelemetry.sdk",
    "pydantic",
    "logging",
    "typing",
    "dataclasses",
    "inspect",
    "grpc",
]
LOADED = f"print(json.dumps([name for name in {HEAVY} if name in sys.modules]))"


def test_the_public_names_are_these():
    assert sorted(telemetry.__all__) == PUBLIC


def test_no_name_is_listed_twice():
    assert len(telemetry.__all__) == len(set(telemetry.__all__))


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there(name):
    assert getattr(telemetry, name) is not None


def test_dir_lists_the_public_names():
    assert dir(telemetry) == PUBLIC


def test_a_star_import_brings_the_public_names():
    namespace: dict[str, object] = {}
    exec("from telemetry import *", namespace)

    assert set(PUBLIC) <= set(namespace)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"^module 'telemetry' has no attribute 'inti'$"):
        _ = telemetry.inti


def test_a_name_is_looked_up_once():
    assert telemetry.observe is telemetry.observe
    assert "observe" in vars(telemetry)


def test_type_checkers_see_what_is_exported():
    tree = ast.parse(Path(telemetry.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname or alias.name
        for node in ast.walk(block)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    assert seen == set(PUBLIC) - {"__version__"}


def documented(value: object) -> list[tuple[str, object]]:
    """An object and, of a class, its own public methods and properties."""
    found = [(getattr(value, "__qualname__", repr(value)), value)]
    if inspect.isclass(value):
        found += [
            (f"{value.__qualname__}.{name}", member)
            for name, member in vars(value).items()
            if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property))
        ]
    return found


@pytest.mark.parametrize("name", [name for name in PUBLIC if name != "__version__"])
def test_every_public_object_says_what_it_is_for(name):
    missing = [each for each, value in documented(getattr(telemetry, name)) if not inspect.getdoc(value)]

    assert missing == []


def test_the_version_is_that_of_the_distribution():
    from importlib.metadata import version

    assert telemetry.__version__ == version("kairos-telemetry")


# -- what is imported when ---------------------------------------------------------------------


def test_importing_the_package_imports_next_to_nothing():
    loaded = run_json(
        "before = set(sys.modules); import telemetry\nprint(json.dumps(sorted(set(sys.modules) - before)))"
    )

    assert set(loaded) - {"__future__"} == {"telemetry", "telemetry.version"}


def test_none_imports_neither_opentelemetry_nor_pydantic():
    assert (
        run_json(
            f"""
            before = set(sys.modules)
            import telemetry
            telemetry.init("s", "1", exporter="none")
            telemetry.record_error(ValueError("x"), component="c")
            telemetry.record_error_metric(ValueError("x"))
            telemetry.record_recovery("timeout")
            telemetry.set_health("c", 1)
            telemetry.set_circuit_state("c", 1)
            print(json.dumps(sorted(set({HEAVY}) & (set(sys.modules) - before))))
            """,
            is_measured=False,
        )
        == []
    )


def test_observing_with_none_imports_no_opentelemetry():
    loaded = run_json(
        f"""
        import telemetry
        telemetry.init("s", "1", exporter="none")
        @telemetry.observe("tool")
        def work(): return 1
        @telemetry.observe("tool")
        def items(): yield 1
        with telemetry.observe("tool"), telemetry.chat("m", provider="p") as call:
            call.response(input_tokens=work() + sum(items()))
        telemetry.counter("test.calls").bind({{}}).inc()
        {LOADED}
        """,
        is_measured=False,
    )

    assert not {"opentelemetry", "opentelemetry.sdk", "pydantic", "grpc"} & set(loaded)


def test_none_in_the_environment_is_enough():
    loaded = run_json(
        f"""
        import telemetry
        telemetry.init("s", "1")
        telemetry.record_error(ValueError("x"), component="c")
        {LOADED}
        """,
        is_measured=False,
        KAIROS_TELEMETRY_EXPORTER="none",
    )

    assert not {"opentelemetry.sdk", "pydantic"} & set(loaded)


def test_starting_with_otlp_waits_for_neither_grpc_nor_pydantic():
    loaded = run_json(
        f"""
        import telemetry
        pipeline = telemetry.init("s", "1", exporter="otlp", shutdown_timeout_seconds=0.01)
        {LOADED}
        sys.stdout.flush()
        os._exit(0)
        """,
        is_measured=False,
    )

    assert not {"grpc", "pydantic"} & set(loaded)
