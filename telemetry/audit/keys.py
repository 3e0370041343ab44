# SPDX-License-Identifier: Apache-2.0
"""Keys: where they come from, and which one proves which row."""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import shlex
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from telemetry.audit.errors import KeyMaterialError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Key", "KeyRing"]

_FORMS = "text, hex:<digits> or base64:<text>"
_VARIABLES = (
    "KAIROS_AUDIT_KEY (a secret), KAIROS_AUDIT_KEY_FILE (a file of mode 0600 with a secret) "
    "or KAIROS_AUDIT_KEYS (id=secret,id2=secret2, or a file of mode 0600 with such lines; the first one "
    "signs)"
)
_MOST_BYTES = 64 * 1024


class Key:
    """A secret and the name under which rows refer to it. Never shows the secret.

    Args:
        secret: The bytes of the key.
        key_id: Its name; stands in every row that it signs. Default: a fingerprint of the secret.

    Raises:
        KeyMaterialError: The secret is empty.
    """

    __slots__ = ("_secret", "key_id")

    def __init__(self, secret: bytes, key_id: str = "") -> None:
        if not secret:
            raise KeyMaterialError("the audit key is empty; give a secret of at least one byte")
        self._secret = secret
        self.key_id = key_id or hmac.digest(secret, b"kairos audit key id", "sha256")[:4].hex()

    def __repr__(self) -> str:
        return f"Key(***, key_id={self.key_id!r})"

    def sign(self, message: bytes) -> str:
        """Returns HMAC-SHA256 of a message in base64."""
        return binascii.b2a_base64(hmac.digest(self._secret, message, "sha256"), newline=False).decode(
            "ascii"
        )

    def proves(self, message: bytes, claimed: object) -> bool:
        """Tells whether this key signed a message; takes as long for a wrong signature as for a right one."""
        return isinstance(claimed, str) and hmac.compare_digest(
            self.sign(message).encode("ascii"), claimed.encode("utf-8", "replace")
        )

    def is_same_as(self, other: Key) -> bool:
        """Tells whether two keys have the same id and the same secret."""
        return self.key_id == other.key_id and hmac.compare_digest(self._secret, other._secret)


class KeyRing:
    """The keys of a trail: the first signs, each proves what it signed.

    Args:
        keys: At least one, the one that signs first.

    Raises:
        KeyMaterialError: There is none, or two different ones have the same id.
    """

    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys: dict[str, Key] = {}
        for key in keys:
            known = self._keys.setdefault(key.key_id, key)
            if not known.is_same_as(key):
                raise KeyMaterialError(
                    f"audit keys: the id {key.key_id!r} is given to two different secrets; ids must differ"
                )
        if not self._keys:
            raise KeyMaterialError(f"there is no audit key; set {_VARIABLES}")

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(self._keys)})"

    def __iter__(self) -> Iterator[Key]:
        return iter(self._keys.values())

    @property
    def signing(self) -> Key:
        """The key for new rows."""
        return next(iter(self._keys.values()))

    def find(self, key_id: object) -> Key | None:
        """Returns the key of this id; a row without one was signed with the first key."""
        return self.signing if key_id is None else self._keys.get(str(key_id))

    @classmethod
    def of(cls, key: KeyRing | Key | bytes | str | None) -> KeyRing:
        """Makes a ring of what a caller gave.

        Args:
            key: A ring, a key, a secret (bytes, or text in one of the forms), or None for the environment.

        Raises:
            KeyMaterialError: There is no usable key.
        """
        if isinstance(key, KeyRing):
            return key
        if isinstance(key, Key):
            return cls([key])
        if isinstance(key, bytes):
            return cls([Key(key)])
        if isinstance(key, str):
            return cls([Key(_secret(key, "key"))])
        ring = cls.from_environment()
        if ring is None:
            raise KeyMaterialError(f"there is no audit key; set {_VARIABLES}, or give one in code")
        return ring

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> KeyRing | None:
        """Reads the keys from the environment; None where it has none.

        Raises:
            KeyMaterialError: A key is malformed, or its file can be read by others.
        """
        keys: list[Key] = []
        if text := environ.get("KAIROS_AUDIT_KEYS", ""):
            keys += _pairs(text)
        if text := environ.get("KAIROS_AUDIT_KEY", ""):
            keys.append(Key(_secret(text, "KAIROS_AUDIT_KEY")))
        if path := environ.get("KAIROS_AUDIT_KEY_FILE", ""):
            keys.append(read_key_file(Path(path)))
        return cls(keys) if keys else None


def read_key_file(path: Path) -> Key:
    """Reads a file that holds one secret and nothing else.

    Raises:
        KeyMaterialError: The file cannot be read, is empty or too large, or is open to others.
    """
    return Key(_secret(_private_text(path).strip(), f"key file {str(path)!r}"))


def _private_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise KeyMaterialError(
            f"the key file {str(path)!r} cannot be read: {error.strerror}; allowed: a readable file of "
            "mode 0600"
        ) from error
    if os.name == "posix" and stat.S_ISREG(mode) and mode & 0o077:
        raise KeyMaterialError(
            f"the key file {str(path)!r} has mode {stat.S_IMODE(mode):04o}, so others can read or change it; "
            f"allowed: 0600. Run: chmod 600 {shlex.quote(str(path))}"
        )
    if len(data) > _MOST_BYTES:
        raise KeyMaterialError(
            f"the key file {str(path)!r} is larger than {_MOST_BYTES} bytes, so it is no key file"
        )
    return data.decode("utf-8", "surrogateescape")


def _pairs(text: str) -> list[Key]:
    """Keys with their ids: from the variable or, where it holds no `=`, from the file that it names."""
    if "=" in text:
        return [_pair(part, "KAIROS_AUDIT_KEYS") for part in text.split(",") if part.strip()]
    lines = _private_text(Path(text)).splitlines()
    source = f"key file {text!r}"
    return [_pair(line, source) for line in lines if line.strip() and not line.lstrip().startswith("#")]


def _pair(text: str, source: str) -> Key:
    key_id, equals, secret = text.strip().partition("=")
    if not equals or not key_id.strip() or not secret.strip():
        raise KeyMaterialError(f"{source}: an entry is not of the form id=secret (the secret: {_FORMS})")
    return Key(_secret(secret.strip(), source), key_id.strip())


def _secret(text: str, source: str) -> bytes:
    form, colon, rest = text.partition(":")
    try:
        if colon and form == "hex":
            return bytes.fromhex(rest)
        if colon and form == "base64":
            return base64.b64decode(rest, validate=True)
    except ValueError:
        raise KeyMaterialError(f"{source}: the secret is not valid {form}; allowed: {_FORMS}") from None
    return text.encode("utf-8", "surrogateescape")
