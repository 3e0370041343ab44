# SPDX-License-Identifier: Apache-2.0
"""Testing with telemetry: the pytest fixture `kairos`, and what it is made of."""
