# SPDX-License-Identifier: Apache-2.0
"""Exceptions -> (code, component, recoverable), and what else an exception says about itself.

Which exception becomes what is tabulated in `docs/errors.md`; the rules themselves are the data
tables in `telemetry.classify.rules`, one file per family of libraries.
"""

from __future__ import annotations

from telemetry.classify.cancellation import is_cancellation, leaves
from telemetry.classify.classifier import Classifier
from telemetry.classify.delay import retry_after
from telemetry.classify.verdict import Classification

__all__ = ["Classification", "Classifier", "is_cancellation", "leaves", "retry_after"]
