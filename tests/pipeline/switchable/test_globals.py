# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest
from opentelemetry import propagate

from telemetry.pipeline.switchable.globals import GlobalProviders

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "KAIROS_"))}


def run(code: str, **environment: str) -> str:
    """Run code in a fresh process, where no global provider has been set, and return what it printed."""
    source = textwrap.dedent(code)
    # From Python 3.12 on, forking with threads is deprecated; one test does it on purpose.
    options = ["-W", "error", "-W", "ignore::DeprecationWarning:__main__"]
    done = subprocess.run(
        [sys.executable, *options, "-c", source],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**CLEAN, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_install_makes_the_three_delegators_global_and_says_so_again_the_second_time():
    output = run("""
        from opentelemetry import metrics, trace
        from telemetry.logs.otel_api import get_logger_provider
        from telemetry.pipeline.switchable.globals import GlobalProviders

        ours = GlobalProviders()
        print(ours.install(), ours.install())
        print(trace.get_tracer_provider() is ours.tracer_provider)
        print(metrics.get_meter_provider() is ours.meter_provider)
        print(get_logger_provider() is ours.logger_provider)
    """)

    assert output.splitlines() == ["() ()", "True", "True", "True"]


def test_what_libraries_obtained_before_the_installation_works_after_every_switch():
    output = run("""
        from opentelemetry import metrics, trace
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        from telemetry.pipeline.switchable.globals import GlobalProviders

        tracer = trace.get_tracer("library")
        counter = metrics.get_meter("library").create_counter("calls")

        @tracer.start_as_current_span("decorated")
        def decorated():
            pass

        ours = GlobalProviders()
        ours.install()
        for turn in range(2):
            spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
            tracer_provider = TracerProvider(shutdown_on_exit=False)
            tracer_provider.add_span_processor(SimpleSpanProcessor(spans))
            meter_provider = MeterProvider([reader], shutdown_on_exit=False)
            ours.switch(tracer_provider, meter_provider, None)
            with tracer.start_as_current_span("block"):
                counter.add(turn + 1)
            decorated()
            ours.switch(None, None, None)
            tracer.start_span("nowhere").end()
            counter.add(100)
            metric = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics[0]
            print([span.name for span in spans.get_finished_spans()], metric.data.data_points[0].value)
    """)

    assert output.splitlines() == ["['block', 'decorated'] 1", "['block', 'decorated'] 2"]


def test_an_applications_own_providers_are_left_alone_and_named():
    output = run("""
        from opentelemetry import metrics, trace
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.trace import TracerProvider
        from telemetry.pipeline.switchable.globals import GlobalProviders

        mine = TracerProvider(shutdown_on_exit=False)
        trace.set_tracer_provider(mine)
        ours = GlobalProviders()
        print(ours.install())
        print(trace.get_tracer_provider() is mine, metrics.get_meter_provider() is ours.meter_provider)
    """)

    assert output.splitlines() == ["('traces',)", "True True"]


def test_an_applications_no_op_provider_is_left_alone_too():
    output = run("""
        import logging
        from opentelemetry import trace
        from telemetry.pipeline.switchable.globals import GlobalProviders

        logging.disable()
        trace.set_tracer_provider(trace.NoOpTracerProvider())
        print(GlobalProviders().install())
    """)

    assert output == "('traces',)"


def test_a_second_set_of_providers_does_not_replace_the_first():
    output = run("""
        import logging
        from telemetry.pipeline.switchable.globals import GlobalProviders

        logging.disable()
        print(GlobalProviders().install(), GlobalProviders().install())
    """)

    assert output == "() ('traces', 'metrics', 'logs')"


def test_the_apis_default_propagators_are_w3c_trace_context_and_baggage():
    assert {"traceparent", "tracestate", "baggage"} <= set(propagate.get_global_textmap().fields)


def test_propagators_that_the_application_chose_stay():
    output = run("""
        from opentelemetry import propagate
        from opentelemetry.propagators.composite import CompositePropagator
        from telemetry.pipeline.switchable.globals import GlobalProviders

        chosen = CompositePropagator([])
        propagate.set_global_textmap(chosen)
        GlobalProviders().install()
        print(propagate.get_global_textmap() is chosen)
    """)

    assert output == "True"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_switches_while_its_parents_threads_record():
    output = run("""
        import os, signal, threading
        from opentelemetry.sdk.trace import TracerProvider
        from telemetry.pipeline.switchable.globals import GlobalProviders

        ours = GlobalProviders()
        tracer = ours.tracer_provider.get_tracer("t")
        meter = ours.meter_provider.get_meter("m")
        stop = threading.Event()

        def record():
            number = 0
            while not stop.is_set():
                number += 1
                tracer.start_span("s").end()
                meter.create_observable_gauge(f"g{number % 50}", [lambda options: ()])

        thread = threading.Thread(target=record)
        thread.start()
        answers = []
        for _ in range(20):
            reading, writing = os.pipe()
            child = os.fork()
            if child == 0:
                ours.switch(TracerProvider(shutdown_on_exit=False), None, None)
                os.write(writing, b"1" if tracer.start_span("child").is_recording() else b"0")
                # Not os._exit: coverage patches it, and takes a lock there that the thread may have held.
                os.kill(os.getpid(), signal.SIGKILL)
            os.close(writing)
            answers.append(os.read(reading, 1))
            os.close(reading)
            os.waitpid(child, 0)
        stop.set()
        thread.join()
        print(set(answers))
    """)

    assert output == "{b'1'}"


def test_switching_to_none_records_nothing():
    ours = GlobalProviders()
    ours.switch(None, None, None)

    assert not ours.tracer_provider.get_tracer("t").start_span("s").is_recording()
    assert not ours.logger_provider.get_logger("l").enabled()
