# SPDX-License-Identifier: Apache-2.0
"""PEM files for TLS, checked at set-up so that a bad one is not found by the first export."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.config.problems import RejectedError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["check_certificate", "check_key", "check_pair"]

_MAX_BYTES = 1024 * 1024


def check_certificate(path: Path) -> None:
    """Check a file of certificates.

    Args:
        path: The file.

    Raises:
        RejectedError: It is missing, not readable, not PEM, or holds no certificate that TLS can use.
    """
    text = _read(path)
    if "-----BEGIN CERTIFICATE-----" not in text:
        what = "a private key" if "PRIVATE KEY-----" in text else "no PEM certificate"
        raise RejectedError(f"the file holds {what}", allowed="a PEM file with -----BEGIN CERTIFICATE-----")
    import ssl  # only for those who bring certificates

    try:
        ssl.create_default_context(cadata=text)
    except ssl.SSLError:
        raise RejectedError(
            "the file holds a damaged certificate", allowed="a PEM file with -----BEGIN CERTIFICATE-----"
        ) from None


def check_key(path: Path) -> None:
    """Check a file with a private key.

    Args:
        path: The file.

    Raises:
        RejectedError: It is missing, not readable, not PEM, no key, or needs a pass phrase.
    """
    text = _read(path)
    if "PRIVATE KEY-----" not in text:
        what = "a certificate" if "-----BEGIN CERTIFICATE-----" in text else "no PEM private key"
        raise RejectedError(f"the file holds {what}", allowed="a PEM file with -----BEGIN PRIVATE KEY-----")
    if "ENCRYPTED" in text:
        raise RejectedError(
            "the key needs a pass phrase",
            allowed="a key without one",
            fix="Decrypt it, for example with: openssl pkey -in KEY -out PLAIN",
        )


def check_pair(certificate: Path, key: Path, setting: str) -> None:
    """Check that a certificate and a key belong together.

    Args:
        certificate: PEM, checked already.
        key: PEM, checked already.
        setting: The certificate's.

    Raises:
        RejectedError: They do not.
    """
    import ssl

    try:
        # The password is never asked for: check_key has sent encrypted keys back.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password="")
    except (OSError, ValueError):  # SSLError is an OSError
        raise RejectedError(
            f"the key does not belong to {setting}, or is damaged",
            allowed="the certificate's own key",
        ) from None


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or "not a path"
        raise RejectedError(f"cannot be read: {reason.lower()}", allowed="a readable PEM file") from None
    if len(data) > _MAX_BYTES:
        raise RejectedError("larger than 1 MiB", allowed="a PEM file")
    return data.decode("ascii", "replace")
