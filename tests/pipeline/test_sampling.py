# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import baggage, context, propagate, trace
from opentelemetry.sdk.trace.sampling import AlwaysRecordSampler, Decision, ParentBased, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState, set_span_in_context

from telemetry import observe
from telemetry.pipeline.sampling import ParentOrRatio

SAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


def fail_in(name: str) -> None:
    with pytest.raises(TimeoutError), observe(name=name):
        raise TimeoutError


def remote(traceparent: str):
    return propagate.extract({"traceparent": traceparent})


@pytest.fixture
def inside():
    """Makes a context the current one until the test is over."""
    tokens = []
    yield lambda one: tokens.append(context.attach(one))
    for token in reversed(tokens):
        context.detach(token)


def names(kairos) -> list[str]:
    return [span.name for span in kairos.spans]


def test_by_default_every_trace_is_sampled(kairos):
    for _ in range(20):
        with observe(name="work"):
            pass

    assert len(kairos.spans) == 20


@pytest.mark.kairos(traces_sampler_ratio=0)
def test_a_failed_span_of_an_unsampled_trace_is_exported_and_its_siblings_are_not(kairos):
    with observe(name="root"):
        with observe(name="sibling"):
            pass
        fail_in("failed")

    assert names(kairos) == ["failed"]
    kairos.assert_span("failed", status="error", events=["exception"])


@pytest.mark.kairos(traces_sampler_ratio=0, traces_keep_errors=False)
def test_without_keeping_errors_an_unsampled_trace_is_not_exported_at_all(kairos):
    with observe(name="root") as root:
        fail_in("failed")

    assert not root.is_recording()
    assert kairos.spans == []
    kairos.assert_error(count=1)


def test_a_sampled_remote_parent_is_honoured(kairos, inside):
    inside(remote(SAMPLED))
    with observe(name="work"):
        pass

    span = kairos.span("work")
    assert f"{span.context.trace_id:032x}" == SAMPLED.split("-")[1]
    assert f"{span.parent.span_id:016x}" == SAMPLED.split("-")[2]
    assert span.parent.is_remote


@pytest.mark.kairos(traces_sampler_ratio=0)
def test_a_sampled_remote_parent_beats_the_ratio(kairos, inside):
    inside(remote(SAMPLED))
    with observe(name="work"):
        pass

    assert names(kairos) == ["work"]


def test_an_unsampled_remote_parent_is_honoured_but_errors_are_kept(kairos, inside):
    inside(remote(UNSAMPLED))
    with observe(name="work"):
        pass
    fail_in("failed")

    assert names(kairos) == ["failed"]


def test_trace_context_and_baggage_are_propagated(kairos, inside):
    inside(baggage.set_baggage("tenant", "blue"))
    carrier: dict[str, str] = {}
    with observe(name="work") as span:
        propagate.inject(carrier)

    ids = span.get_span_context()
    assert carrier["traceparent"] == f"00-{ids.trace_id:032x}-{ids.span_id:016x}-01"
    assert carrier["baggage"] == "tenant=blue"
    received = propagate.extract(carrier)
    assert baggage.get_baggage("tenant", received) == "blue"
    assert trace.get_current_span(received).get_span_context().span_id == ids.span_id


parents = st.one_of(
    st.none(),
    st.builds(
        lambda trace_id, sampled, is_remote, state: SpanContext(
            trace_id, 1, is_remote, TraceFlags(sampled), TraceState(state)
        ),
        st.integers(1, 2**128 - 1),
        st.integers(0, 1),
        st.booleans(),
        st.sampled_from([[], [("vendor", "x")]]),
    ),
)


@given(
    parents,
    st.integers(1, 2**128 - 1),
    st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.5, 1.0])),
    st.booleans(),
)
def test_it_decides_like_the_samplers_of_the_sdk(parent, trace_id, ratio, keep_errors):
    where = (
        context.Context()
        if parent is None
        else set_span_in_context(NonRecordingSpan(parent), context.Context())
    )
    sdk = ParentBased(TraceIdRatioBased(ratio))
    expected = (AlwaysRecordSampler(sdk) if keep_errors else sdk).should_sample(
        where, parent.trace_id if parent else trace_id, "name", attributes={"a": 1}
    )
    actual = ParentOrRatio(ratio, keep_errors=keep_errors).should_sample(
        where, parent.trace_id if parent else trace_id, "name", attributes={"a": 1}
    )

    assert actual.decision == expected.decision
    # Except that a span which is recorded for its errors keeps its attributes.
    assert dict(actual.attributes) == ({} if actual.decision is Decision.DROP else {"a": 1})
    assert (actual.trace_state or {}) == (expected.trace_state or {})


def test_the_ratio_is_kept():
    sampler = ParentOrRatio(0.25, keep_errors=False)
    step = 2**64 // 1000
    sampled = [
        sampler.should_sample(context.Context(), number * step, "name").decision.is_sampled()
        for number in range(1000)
    ]

    assert sum(sampled) == pytest.approx(250, abs=1)


def test_it_describes_itself():
    assert (
        ParentOrRatio(0.5, keep_errors=True).get_description() == "ParentOrRatio{0.5, otherwise RECORD_ONLY}"
    )
