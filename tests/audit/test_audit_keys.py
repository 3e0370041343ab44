# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64

import pytest

from telemetry.audit import AuditError, Key, KeyRing
from telemetry.audit.errors import KeyMaterialError
from telemetry.audit.keys import read_key_file


def secret_file(folder, text, mode=0o600):
    path = folder / "audit key"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def ring(**variables):
    return KeyRing.from_environment({f"KAIROS_AUDIT_{name}": str(value) for name, value in variables.items()})


@pytest.mark.parametrize(
    "text", ["secret", "hex:736563726574", "base64:" + base64.b64encode(b"secret").decode()]
)
def test_a_secret_is_text_or_hex_or_base64(text):
    assert ring(KEY=text).signing.is_same_as(Key(b"secret"))
    assert KeyRing.of(text).signing.is_same_as(KeyRing.of(b"secret").signing)


@pytest.mark.parametrize(("text", "form"), [("hex:xyz", "hex"), ("base64:?", "base64")])
def test_a_malformed_secret_is_told_without_it(text, form):
    with pytest.raises(
        KeyMaterialError, match=f"^KAIROS_AUDIT_KEY: the secret is not valid {form}; allowed: text, hex:"
    ):
        ring(KEY=text)


def test_an_empty_secret_is_refused(tmp_path):
    for key in (b"", "hex:", "base64:"):
        with pytest.raises(KeyMaterialError, match="the audit key is empty"):
            KeyRing.of(key)
    with pytest.raises(KeyMaterialError, match="the audit key is empty"):
        read_key_file(secret_file(tmp_path, "\n"))


def test_no_key_says_how_to_give_one(monkeypatch):
    for name in ("KEY", "KEYS", "KEY_FILE"):
        monkeypatch.delenv(f"KAIROS_AUDIT_{name}", raising=False)
    assert ring() is None
    with pytest.raises(
        AuditError, match=r"set KAIROS_AUDIT_KEY \(a secret\), KAIROS_AUDIT_KEY_FILE .* or give one in code"
    ):
        KeyRing.of(None)
    with pytest.raises(AuditError, match="there is no audit key; set"):
        KeyRing([])


def test_a_ring_signs_with_its_first_key_and_knows_all():
    keys = ring(KEYS="2026=new, 2025 = base64:b2xk")
    assert keys.signing.key_id == "2026"
    assert keys.find("2025").is_same_as(Key(b"old", "2025"))
    assert keys.find("2024") is None
    assert [key.key_id for key in keys] == ["2026", "2025"]
    assert KeyRing.of(keys) is keys
    assert KeyRing.of(Key(b"x", "i")).find(None).key_id == "i"


def test_a_ring_is_read_from_a_file_of_lines(tmp_path):
    path = secret_file(tmp_path, "# keys\n2026=new\n\n2025=old\n")
    assert [key.key_id for key in ring(KEYS=path)] == ["2026", "2025"]
    path.chmod(0o644)
    with pytest.raises(KeyMaterialError, match="has mode 0644"):
        ring(KEYS=path)


def test_all_ways_to_give_keys_work_together(tmp_path):
    keys = ring(KEYS="a=1", KEY="second", KEY_FILE=secret_file(tmp_path, "second\n"))
    assert len(list(keys)) == 2


@pytest.mark.parametrize("text", ["=x", "a=", "a=1,b", " = "])
def test_an_entry_without_id_or_secret_is_refused(text):
    with pytest.raises(KeyMaterialError, match=r"^KAIROS_AUDIT_KEYS: an entry is not of the form id=secret"):
        ring(KEYS=text)


def test_two_secrets_of_one_id_are_refused():
    with pytest.raises(
        KeyMaterialError, match="the id 'a' is given to two different secrets; ids must differ"
    ):
        ring(KEYS="a=1,a=2")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666, 0o601])
def test_a_key_file_that_is_open_to_others_is_refused_with_the_fix(tmp_path, mode):
    path = secret_file(tmp_path, "x", mode)
    with pytest.raises(
        KeyMaterialError, match=rf"has mode {mode:04o}, so others .* Run: chmod 600 '{path}'$"
    ):
        ring(KEY_FILE=path)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_key_file_holds_the_secret_and_nothing_else(tmp_path, mode):
    assert ring(KEY_FILE=secret_file(tmp_path, "secret\n", mode)).signing.is_same_as(Key(b"secret"))
    assert read_key_file(secret_file(tmp_path, b"\xff\xfe\n")).is_same_as(Key(b"\xff\xfe"))


def test_a_file_that_is_missing_or_too_large_is_no_key_file(tmp_path):
    with pytest.raises(KeyMaterialError, match="cannot be read: No such file"):
        read_key_file(tmp_path / "missing")
    with pytest.raises(KeyMaterialError, match="is larger than 65536 bytes, so it is no key file"):
        read_key_file(secret_file(tmp_path, "x" * 70_000))


def test_a_key_never_shows_its_secret():
    key = Key(b"hunter2", "id")
    assert "hunter2" not in f"{key!r} {key} {KeyRing([key])!r}"
    assert repr(key) == "Key(***, key_id='id')"
    assert repr(KeyRing([key])) == "KeyRing(id)"


@pytest.mark.parametrize("claimed", [None, 3, "", "ö" * 44, ["x"], "A" * 44])
def test_a_key_proves_its_own_signatures_only(claimed):
    key = Key(b"x")
    assert key.proves(b"m", key.sign(b"m"))
    assert not key.proves(b"m", claimed)
