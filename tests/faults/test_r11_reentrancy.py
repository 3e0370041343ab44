# SPDX-License-Identifier: Apache-2.0
"""R11: recording from gc callbacks, `__del__`, signal handlers, weakref callbacks loses and blocks nothing.

Each program records through every call there is, and is interrupted all the time by something that does
the same. One that deadlocks is ended by faulthandler, which prints where it stood.
"""

from __future__ import annotations

import pytest
from support.fresh_process import run_json

EVERYTHING = """
import faulthandler, gc, json, logging, signal, sys, threading, time, weakref
faulthandler.dump_traceback_later(55, exit=True)
from opentelemetry import metrics, trace
from opentelemetry._logs import get_logger_provider
import telemetry

logging.getLogger("telemetry").propagate = False
pipeline = telemetry.init("tests", exporter="memory", metric_interval_seconds=0.05, queue_max_records=10**6,
                          flush_interval_seconds=0.05)
telemetry.configure_logging("DEBUG", stream=open("/dev/null", "w"))
own = telemetry.counter("own.count").bind({"k": "v"})
timing = telemetry.histogram("own.time", "s").bind()
meters = (pipeline.meter, metrics.get_meter("library"))
instruments = [
    (
        meter.create_counter("count"), meter.create_up_down_counter("balance"),
        meter.create_histogram("spread"), meter.create_gauge("level"),
    )
    for meter in meters
]
tracers = (pipeline.tracer, trace.get_tracer("library"))
loggers = (pipeline.logger, get_logger_provider().get_logger("library"))
told = []
inside = []

def record_everything(number):
    for counter, balance, spread, level in instruments:
        counter.add(1, {"k": "v", "many": ["a", "b"]})
        balance.add(1)
        spread.record(1)
        level.set(1)
    own.inc()
    own.add(2)
    timing.record(1)
    span = trace.get_current_span()
    span.set_attribute("k", number)
    span.set_attributes({"a": 1, "b": [1, 2]})
    span.add_event("event", {"k": "v"})
    span.add_link(span.get_span_context())
    for tracer in tracers:
        with tracer.start_as_current_span("block", attributes={"k": "v"}):
            pass
    for logger in loggers:
        logger.emit(body="line", attributes={"k": "v"})
    logging.getLogger("shop").info("line %s", number)
    try:
        raise KeyError("x")
    except KeyError as error:
        telemetry.record_error(error, component="tool")
    telemetry.set_health("tool", "healthy")
    with telemetry.observe("tool", name="observed"):
        pass
    name = f"new.{number % 50}"
    for meter in meters:
        meter.create_counter(name).add(1)
    telemetry.counter("own." + name).bind({"k": str(number % 7)}).inc()
    trace.get_tracer_provider().get_tracer(name)
    metrics.get_meter_provider().get_meter(name).create_observable_gauge("seen", [lambda options: ()])
    logging.getLogger("shop." + name).debug("new")
    told.append(number)

def interrupt(*_):
    if len(inside) < 2 and not sys.is_finalizing():
        inside.append(1)
        try:
            record_everything(len(told))
        finally:
            inside.pop()

def finish():
    while inside:  # a background thread is being interrupted
        time.sleep(0.001)
    pipeline.force_flush(30)
    points = {
        (scope.scope.name, metric.name): sum(
            point.value if hasattr(point, "value") else point.sum for point in metric.data.data_points
        )
        for resource in pipeline.exporters["memory"].metrics.get_metrics_data().resource_metrics
        for scope in resource.scope_metrics for metric in scope.metrics
    }
    return points

def report():
    points = finish()
    calls = len(told)
    wrong = {
        name: points.get(name)
        for name in [
            ("kairos.telemetry", "count"), ("library", "count"), ("library", "balance"),
            ("library", "spread"), ("kairos.telemetry", "own.time"),
        ]
        if points.get(name) != calls
    }
    if points.get(("kairos.telemetry", "own.count")) != 3 * calls:
        wrong["own.count"] = points.get(("kairos.telemetry", "own.count"))
    wrong = {str(name): value for name, value in wrong.items()}
    print(json.dumps({"calls": calls, "interruptions": calls - number - 1, "wrong": wrong}))
"""

INTERRUPTIONS = {
    "gc callbacks": """
def on_collection(phase, info):
    interrupt()
with tracers[0].start_as_current_span("root"):
    gc.callbacks.append(on_collection)
    gc.set_threshold(131, 1000, 1000)
    for number in range(60):
        record_everything(number)
    gc.callbacks.remove(on_collection)
    gc.set_threshold(700, 10, 10)
report()
""",
    "destructors": """
class Loud:
    def __init__(self):
        self.me = self
    def __del__(self):
        interrupt()
with tracers[0].start_as_current_span("root"):
    gc.set_threshold(11, 3, 3)
    for number in range(400):
        Loud(), Loud()
        record_everything(number)
    gc.set_threshold(700, 10, 10)
gc.collect()
report()
""",
    "weakref callbacks": """
class Thing:
    def __init__(self):
        self.me = self
kept = []
with tracers[0].start_as_current_span("root"):
    gc.set_threshold(11, 3, 3)
    for number in range(400):
        kept.append(weakref.ref(Thing(), interrupt))
        record_everything(number)
    gc.set_threshold(700, 10, 10)
gc.collect()
report()
""",
    "signal handlers": """
signal.signal(signal.SIGALRM, interrupt)
with tracers[0].start_as_current_span("root"):
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    for number in range(600):
        record_everything(number)
    signal.setitimer(signal.ITIMER_REAL, 0)
report()
""",
}


@pytest.mark.parametrize("interruption", INTERRUPTIONS)
def test_whatever_interrupts_a_record_call_may_record_too(interruption):
    counted = run_json(EVERYTHING + INTERRUPTIONS[interruption], is_measured=False)

    assert counted["interruptions"] > 50, counted
    assert counted["wrong"] == {}, counted
