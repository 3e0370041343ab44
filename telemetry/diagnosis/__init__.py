# SPDX-License-Identifier: Apache-2.0
"""What `kairos doctor` finds out: is the configuration usable, and does each exporter deliver?

`diagnose` tries the configured exporters one after the other and yields a `Finding` for every
step as it happens. Findings are data; the command line only prints them.
"""

from __future__ import annotations

from telemetry.diagnosis.findings import Finding, Outcome
from telemetry.diagnosis.run import diagnose

__all__ = ["Finding", "Outcome", "diagnose"]
