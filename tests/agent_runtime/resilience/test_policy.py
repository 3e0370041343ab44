# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from agent_runtime.resilience.policy import BreakerSettings, Policy, Resilience, RetrySettings


def test_the_defaults_are_those_of_the_contract():
    breaker = BreakerSettings()
    assert (breaker.failure_threshold, breaker.success_threshold, breaker.open_s) == (5, 2, 30.0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RetrySettings(max_attempts=0), "max_attempts=0: allowed are whole numbers from 1 upwards"),
        (lambda: RetrySettings(base_wait_s=0.0), "base_wait_s=0.0: allowed are numbers above 0"),
        (lambda: RetrySettings(max_wait_s=-1.0), "max_wait_s=-1.0: allowed are numbers above 0"),
        (lambda: RetrySettings(max_retry_after_s=0), "max_retry_after_s=0: allowed are numbers above 0"),
        (lambda: BreakerSettings(failure_threshold=0), "failure_threshold=0: allowed are whole numbers"),
        (lambda: BreakerSettings(success_threshold=1.5), "success_threshold=1.5: allowed are whole numbers"),  # type: ignore[arg-type]  # on purpose
        (lambda: BreakerSettings(open_s=float("nan")), "open_s=nan: allowed are numbers above 0"),
        (lambda: Policy(timeout_s=0.0), "timeout_s=0.0: allowed are numbers above 0"),
    ],
)
def test_a_setting_out_of_range_says_what_is_allowed(make, message: str):
    with pytest.raises(ValueError, match=f"^{message}"):
        make()


def test_a_component_may_have_a_policy_of_its_own():
    own = Policy(timeout_s=1.0)
    resilience = Resilience(components={"tool.search": own})
    assert resilience.policy("tool.search", resilience.tool) is own
    assert resilience.policy("tool.other", resilience.tool) is resilience.tool


def test_one_setting_turns_everything_off():
    resilience = Resilience(is_enabled=False, components={"llm": Policy(timeout_s=1.0)})
    assert resilience.policy("llm", resilience.model) == Policy(timeout_s=None, retry=None, breaker=None)
