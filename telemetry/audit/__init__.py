# SPDX-License-Identifier: Apache-2.0
"""An audit trail that can be proven, and its way to OTLP: the standard library only.

`AuditTrail` writes, `kairos audit verify` proves, `kairos audit export` delivers. Nothing here imports
anything of this project outside this package, so that one file with these modules runs on a bare Python.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as `typing` has it, without importing it: one subcommand loads what it needs
if TYPE_CHECKING:
    from telemetry.audit.errors import AuditError
    from telemetry.audit.keys import Key, KeyRing
    from telemetry.audit.writing.trail import AuditTrail

__all__ = ["AuditError", "AuditTrail", "Key", "KeyRing"]

_HOMES = {
    "AuditError": "telemetry.audit.errors",
    "AuditTrail": "telemetry.audit.writing.trail",
    "Key": "telemetry.audit.keys",
    "KeyRing": "telemetry.audit.keys",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(home), name)
