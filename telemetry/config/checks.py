# SPDX-License-Identifier: Apache-2.0
"""Settings that are right one by one and wrong together, and files that must be there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.config.certificates import check_certificate, check_key, check_pair
from telemetry.config.endpoint import Endpoint
from telemetry.config.listening import check_listening
from telemetry.config.origin import DEFAULT, Given
from telemetry.config.problems import RejectedError, sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from telemetry.config.resolve import Resolved
    from telemetry.config.settings import Settings

__all__ = ["contradictions"]

_PAIRS = (
    ("otlp_user", "otlp_token"),
    ("otlp_token", "otlp_user"),
    ("otlp_client_certificate", "otlp_client_key"),
    ("otlp_client_key", "otlp_client_certificate"),
    ("prometheus_certificate", "prometheus_key"),
    ("prometheus_key", "prometheus_certificate"),
)
_KEY_PAIRS = (("otlp_client_certificate", "otlp_client_key"), ("prometheus_certificate", "prometheus_key"))
_TLS_FILES = ("otlp_certificate", "otlp_client_certificate", "otlp_client_key")


def contradictions(config: Settings, resolved: Resolved) -> Iterator[str]:
    """Check settings against each other and against the file system.

    Args:
        config: The settings that are right one by one.
        resolved: What the sources said.

    Yields:
        One sentence per contradiction.
    """
    given = resolved.given
    for name, other in _PAIRS:
        if name in given and other not in given and not _was_rejected(other, resolved):
            yield sentence(
                name,
                given[name],
                RejectedError(
                    f"{other} is missing", allowed="both or neither", fix=f"Set {other} too, or unset {name}"
                ),
            )
    for check in (_user, _authorization, _security, _plain_text_with_certificates, _grpc_path):
        try:
            check(config, resolved)
        except _ContradictionError as found:
            yield sentence(found.name, given[found.name], found.rejected)
    yield from check_listening(config, resolved)
    yield from _files(config, resolved)


class _ContradictionError(Exception):
    def __init__(self, name: str, rejected: RejectedError) -> None:
        super().__init__(name)
        self.name = name
        self.rejected = rejected


def _was_rejected(name: str, resolved: Resolved) -> bool:
    return any(problem.startswith(f"{name} = ") for problem in resolved.problems)


def _user(config: Settings, _resolved: Resolved) -> None:
    if config.otlp_user and ":" in config.otlp_user:
        raise _ContradictionError(
            "otlp_user", RejectedError("has a colon", allowed="a user name without ':' (RFC 7617)")
        )


def _authorization(config: Settings, _resolved: Resolved) -> None:
    if config.otlp_user and "authorization" in config.otlp_headers:
        raise _ContradictionError(
            "otlp_user",
            RejectedError(
                "otlp_headers has an authorization of its own",
                allowed="one of the two",
                fix="Unset otlp_user and otlp_token, or leave the header out",
            ),
        )


def _security(config: Settings, resolved: Resolved) -> None:
    endpoint, insecure = resolved.endpoint, resolved.given.get("otlp_insecure")
    if not endpoint or not endpoint.scheme or insecure is None:
        return
    if config.otlp_insecure and endpoint.scheme == "https":
        why, fix = f"otlp_endpoint {endpoint.text!r} asks for TLS", "Unset otlp_insecure, or use http://"
    elif not config.otlp_insecure and endpoint.scheme == "http":
        why, fix = (
            f"otlp_endpoint {endpoint.text!r} asks for plain text",
            "Unset otlp_insecure, or use https://",
        )
    else:
        return
    raise _ContradictionError("otlp_insecure", RejectedError(f"contradicts: {why}", fix=fix))


def _plain_text_with_certificates(config: Settings, resolved: Resolved) -> None:
    if not config.otlp_insecure:
        return
    for name in _TLS_FILES:
        # Certificates that a platform sets for everybody in OTEL_* do no harm to a plain endpoint.
        if name in resolved.given and resolved.given[name].origin.kind != "standard":
            raise _ContradictionError(
                name,
                RejectedError(
                    "the connection is plain text, so it would not be used",
                    fix=f"Use an https:// endpoint and leave otlp_insecure out, or unset {name}",
                ),
            )


def _grpc_path(config: Settings, resolved: Resolved) -> None:
    endpoint = resolved.endpoint
    if endpoint and endpoint.path and "otlp" in config.all_exporters:
        port = Endpoint(endpoint.scheme, endpoint.host, endpoint.port).text
        raise _ContradictionError(
            "otlp_endpoint",
            RejectedError(
                "gRPC has no paths",
                allowed="host:port or a URL without a path",
                fix=f"Use {port}, or the exporter otlp-http",
            ),
        )


def _files(config: Settings, resolved: Resolved) -> Iterator[str]:
    checks: tuple[tuple[str, Callable[[Path], None]], ...] = (
        ("otlp_certificate", check_certificate),
        ("otlp_client_certificate", check_certificate),
        ("otlp_client_key", check_key),
        ("prometheus_certificate", check_certificate),
        ("prometheus_key", check_key),
        ("spool_dir", _check_directory),
        ("file_path", _check_file),
    )
    good = set()
    for name, check in checks:
        path = getattr(config, name)
        if path is None:
            continue
        try:
            check(path)
        except RejectedError as rejected:
            yield sentence(name, resolved.given.get(name, Given(str(path), DEFAULT)), rejected)
        else:
            good.add(name)
    for certificate, key in _KEY_PAIRS:
        if {certificate, key} <= good:
            try:
                check_pair(getattr(config, certificate), getattr(config, key), certificate)
            except RejectedError as rejected:
                yield sentence(key, resolved.given[key], rejected)


def _check_directory(path: Path) -> None:
    if _exists(path) and not path.is_dir():
        raise RejectedError("a file, not a directory", allowed="a directory, which is made if it is missing")


def _check_file(path: Path) -> None:
    if _exists(path) and path.is_dir():
        raise RejectedError("a directory", allowed="the path of a file, which is made if it is missing")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long, a NUL, a folder above that may not be read
        raise RejectedError("not a path that this process can reach", allowed="a path") from None
