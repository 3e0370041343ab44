# SPDX-License-Identifier: Apache-2.0
"""Which certificate authorities vouch for an OTLP receiver when no certificate is configured."""

from __future__ import annotations

import ssl
from pathlib import Path

__all__ = ["system_roots"]

# Where distributions keep their bundle when OpenSSL's own default names no existing file.
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # macOS, BSD
)


def system_roots(bundles: tuple[str, ...] = _BUNDLES) -> Path | None:
    """The machine's file of root certificates; None where it has none (then a client's own list is used).

    gRPC and requests bring their own lists, which lack the authorities that a company adds to
    its machines. `SSL_CERT_FILE` is respected.
    """
    default = ssl.get_default_verify_paths().cafile
    candidates = (default, *bundles) if default else bundles
    return next((path for path in map(Path, candidates) if path.is_file()), None)
