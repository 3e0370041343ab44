# SPDX-License-Identifier: Apache-2.0
"""Whom a gRPC channel trusts, and how it identifies itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from telemetry.exporters.trust import system_roots

if TYPE_CHECKING:
    from grpc import ChannelCredentials

    from telemetry.config import Settings

__all__ = ["credentials"]


def credentials(config: Settings) -> ChannelCredentials:
    """Reads the configured certificates, or else the machine's list of authorities.

    Raises:
        OSError: A file cannot be read.
    """
    import grpc

    roots = _read(config.otlp_certificate)
    # gRPC's own variable for the same purpose goes before the machine's list; gRPC reads it itself.
    if roots is None and "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH" not in os.environ:
        roots = _read(system_roots())
    return grpc.ssl_channel_credentials(
        root_certificates=roots,
        private_key=_read(config.otlp_client_key),
        certificate_chain=_read(config.otlp_client_certificate),
    )


def _read(path: Path | str | None) -> bytes | None:
    return None if path is None else Path(path).read_bytes()
