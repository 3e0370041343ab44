# SPDX-License-Identifier: Apache-2.0
"""The soak of `make soak`, for half a minute."""

from __future__ import annotations

from support.fault_soak import soak


def test_half_a_minute_of_random_faults_loses_nothing_and_leaves_nothing_behind():
    figures, problems = soak(minutes=0.4, seed=20261121)

    assert problems == [], "\n".join(figures)
