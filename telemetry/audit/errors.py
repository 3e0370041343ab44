# SPDX-License-Identifier: Apache-2.0
"""What can go wrong with an audit trail."""

from __future__ import annotations

__all__ = ["AuditError", "KeyMaterialError"]


class AuditError(Exception):
    """An audit trail cannot be written, read or delivered; the message says what to do.

    ```
    AuditError
    └── KeyMaterialError
    ```
    """


class KeyMaterialError(AuditError):
    """There is no usable key."""
