# SPDX-License-Identifier: Apache-2.0
"""Prints the table of faults.

python tests/faults/table.py [--quick] [--json FILE] [--only TEXT] [--stacks ours,spool,sdk] [--jobs N]
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.fault_table import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
