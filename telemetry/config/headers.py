# SPDX-License-Identifier: Apache-2.0
"""OTLP headers: `k=v,k2=v2` or a mapping, percent-decoded, with `${VAR}` from the environment.

Source: the OpenTelemetry specification, "Specifying headers via environment variables" (W3C
Baggage format), and gRPC's rules for metadata.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import unquote

from telemetry.config.problems import RejectedError
from telemetry.config.secret import Secret, revealed

__all__ = ["expand", "parse_headers"]

_ALLOWED = "name=value,name2=value2 with commas and percent signs in values percent-encoded, or a mapping"
_NAME = re.compile(r"[0-9a-z_.-]+")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def expand(text: str, environ: Mapping[str, str], decode: Callable[[str], str] = str) -> str:
    """Replace each `${VAR}` by the variable's value, taken literally.

    Args:
        text: May hold references.
        environ: The environment.
        decode: Applied to the text between the references, never to a variable's value, so that a
            secret may hold commas and percent signs.

    Returns:
        The text with the values in place.

    Raises:
        RejectedError: A variable is not set. The message names it and no value.
    """
    pieces = _VARIABLE.split(text)
    for index in range(0, len(pieces), 2):
        pieces[index] = decode(pieces[index])
    for index in range(1, len(pieces), 2):
        variable = pieces[index]
        if variable not in environ:
            raise RejectedError(
                f"refers to ${{{variable}}}, which is not set", fix=f"Set {variable} in the environment"
            )
        pieces[index] = environ[variable]
    return "".join(pieces)


def parse_headers(value: object, environ: Mapping[str, str], *, is_literal: bool) -> dict[str, Secret]:
    """Read headers and check that gRPC and HTTP can carry them.

    Args:
        value: `k=v,k2=v2`, or a mapping whose values are not percent-decoded.
        environ: The environment, for `${VAR}`.
        is_literal: A mapping's values are taken as they are (it was given in code).

    Returns:
        Lower-case names and masked values.

    Raises:
        RejectedError: A pair, a name or a value cannot be used. Values are never in the message.
    """
    if isinstance(value, str):
        pairs = [
            (name.strip(), expand(text.strip(), environ, unquote))
            for name, text in map(_pair, enumerate(filter(str.strip, value.split(",")), 1))
        ]
    elif isinstance(value, Mapping):
        pairs = []
        for name, item in value.items():
            text = _plain(item)
            pairs.append((str(name), text if is_literal else expand(text, environ)))
    else:
        raise RejectedError("neither text nor a mapping", allowed=_ALLOWED)
    headers = {}
    for number, (name, text) in enumerate(pairs, 1):
        key = name.strip().lower()
        _check(number, key, text.strip())
        headers[key] = Secret(text.strip())
    return headers


def _pair(numbered: tuple[int, str]) -> tuple[str, str]:
    number, text = numbered
    name, separator, value = text.partition("=")
    if not separator:  # the text may be a secret: only its place is told
        raise RejectedError(f"part {number} has no '='", allowed=_ALLOWED)
    return name, value


def _plain(item: object) -> str:
    text = revealed(item)
    if not isinstance(text, str):
        raise RejectedError("a value is not text", allowed=_ALLOWED)
    return text


def _check(number: int, name: str, value: str) -> None:
    if not _NAME.fullmatch(name):  # it may be half of a secret that held a comma: only its place is told
        raise RejectedError(
            f"the name of header {number} is not legal", allowed="letters, digits and _ . - in names"
        )
    if name.startswith("grpc-") or name.endswith("-bin"):
        raise RejectedError(
            f"header {number} has a name that gRPC keeps for itself", allowed="no grpc-…, no …-bin"
        )
    if not (value.isascii() and value.isprintable()):
        raise RejectedError(f"the value of header {number} is not legal", allowed="printable ASCII in values")
