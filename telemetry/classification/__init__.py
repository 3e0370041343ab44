# SPDX-License-Identifier: Apache-2.0
"""Exceptions -> (code, component, recoverable), and what else an exception says about itself.

Which exception becomes what is tabulated in `docs/errors.md`; the rules themselves are the data
tables in `telemetry.classification.rules`, one file per family of libraries.
"""

from __future__ import annotations

from telemetry.classification.cancellation import is_cancellation, leaves
from telemetry.classification.classifier import Classifier
from telemetry.classification.delay import retry_after
from telemetry.classification.verdict import Classification

__all__ = ["Classification", "Classifier", "is_cancellation", "leaves", "retry_after"]
