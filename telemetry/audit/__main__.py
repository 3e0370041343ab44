# SPDX-License-Identifier: Apache-2.0
"""`python -m telemetry.audit`: the same as `kairos audit`."""

from __future__ import annotations

import sys

from telemetry.audit.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], "python -m telemetry.audit"))
