# SPDX-License-Identifier: Apache-2.0
"""Names of a package that load on first use (PEP 562).

The package root has this written out, because its import is counted in tenths of a millisecond; the audit
log has its own, because it imports nothing of ours.
"""

from __future__ import annotations

import sys
from importlib import import_module

TYPE_CHECKING = False  # as `typing` has it, without importing it
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["first_use"]


def first_use(package: str, module_of: Mapping[str, str]) -> Callable[[str], object]:
    """Returns the `__getattr__` of a package.

    Args:
        package: Its name.
        module_of: Each public name and the package's module that it comes from.
    """

    def load(name: str) -> object:
        module = module_of.get(name)
        if module is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value: object = getattr(import_module(f"{package}.{module}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return load
