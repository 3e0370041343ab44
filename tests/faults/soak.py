# SPDX-License-Identifier: Apache-2.0
"""Random faults and a random load; exit status 1 when a record is missing or a resource grew.

python tests/faults/soak.py [--minutes 60] [--seed N]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.fault_soak import main

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Random faults and a random load.")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument(
        "--seed", type=int, default=int(time.time()), help="repeats a run; default: another each time"
    )
    options = parser.parse_args()
    sys.exit(main(options.minutes, options.seed))
