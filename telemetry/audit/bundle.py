# SPDX-License-Identifier: Apache-2.0
"""One file of this package that runs on a bare Python: `make audit-pyz`.

The same sources give the same bytes. Run it as a script: it needs nothing but the standard library.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

__all__ = ["build"]

_SHEBANG = b"#!/usr/bin/env python3\n"
_MAIN = """\
# SPDX-License-Identifier: Apache-2.0
import sys

if sys.version_info < (3, 11):
    sys.exit("kairos-audit needs Python 3.11 or newer; this is Python %d.%d" % sys.version_info[:2])
from telemetry.audit.cli import main

sys.exit(main(sys.argv[1:], "kairos-audit"))
"""
_LICENCE = "# SPDX-License-Identifier: Apache-2.0\n"
_THE_BEGINNING = (1980, 1, 1, 0, 0, 0)  # of time in zip files: the same bytes every day


def build(target: Path) -> None:
    """Makes the file, with its directory.

    Args:
        target: Where it goes.
    """
    package = Path(__file__).parent
    contents = {
        f"telemetry/audit/{path.relative_to(package).as_posix()}": path.read_text("utf-8")
        for path in package.rglob("*.py")
        if path != Path(__file__)
    }
    contents |= {"__main__.py": _MAIN, "telemetry/__init__.py": _LICENCE}
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        file.write(_SHEBANG)
        with zipfile.ZipFile(file, "w") as archive:
            for name in sorted(contents):
                info = zipfile.ZipInfo(name, _THE_BEGINNING)
                info.external_attr = 0o644 << 16
                archive.writestr(info, contents[name], zipfile.ZIP_DEFLATED, 9)
    target.chmod(0o755)


if __name__ == "__main__":
    build(Path(sys.argv[1]))
