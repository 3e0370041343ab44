# SPDX-License-Identifier: Apache-2.0
"""In the middle of a garbage collection nothing is made current: up to Python 3.11 that crashes."""

from __future__ import annotations

import gc
import sys

import pytest
from support.fresh_process import run

from telemetry.tracing.collection import CollectionWatch, watch

IS_NEEDED = pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="newer interpreters collect between two steps of a program only"
)


def test_spans_in_gc_callbacks_do_not_crash_the_interpreter():
    run(
        """
        import gc
        import telemetry
        from opentelemetry import trace

        def on_collection(phase, info):
            with telemetry.observe(name="ours"), tracer.start_as_current_span("library's"):
                pass
            next(observed)

        @telemetry.observe()
        def generate():
            while True:
                yield

        pipeline = telemetry.init("tests", exporter="memory")
        tracer = trace.get_tracer("library")
        observed = generate()
        gc.callbacks.append(on_collection)
        for threshold in range(1, 60):
            gc.set_threshold(threshold, 1000, 1000)
            for _ in range(20):
                with telemetry.observe(name="a"), telemetry.observe(name="b"):
                    pass
        gc.set_threshold(0)
        """,
        is_measured=False,
    )


@IS_NEEDED
def test_the_watch_knows_a_collection_from_its_first_hook_to_its_last():
    seen = []
    known = watch()

    def hook(phase: str, _info: object) -> None:
        seen.append((phase, known.is_here()))

    gc.callbacks.append(hook)  # after the last one of ours
    try:
        gc.collect()
    finally:
        gc.callbacks.remove(hook)

    assert seen == [("start", True), ("stop", True)]
    assert not known.is_here()


@IS_NEEDED
def test_there_is_one_watch_in_a_process():
    assert watch() is watch()


def test_another_threads_collection_is_not_here():
    elsewhere = CollectionWatch()
    elsewhere.thread = 1

    assert not elsewhere.is_here()
