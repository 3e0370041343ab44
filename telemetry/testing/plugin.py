# SPDX-License-Identifier: Apache-2.0
"""The pytest plugin: the fixture `kairos`."""

from __future__ import annotations
