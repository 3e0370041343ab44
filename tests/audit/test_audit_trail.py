# SPDX-License-Identifier: Apache-2.0
"""The writer: rows, rotation, keys, and what it refuses."""

from __future__ import annotations

import json
import os
import stat
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.audit_trails import KEYS, SECRET, Clock, problems, proof, rows_of, write
from support.mounts import tmpfs

from telemetry.audit import AuditError, AuditTrail, Key, KeyRing


def trail_of(folder, **arguments):
    return AuditTrail(
        folder / "audit.jsonl", **{"key": SECRET, "now_ns": Clock(), "fsync": "off", **arguments}
    )


def test_rows_are_canonical_numbered_chained_and_signed(tmp_path):
    files = write(tmp_path / "audit.jsonl", 3)
    lines = files[0].read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert lines == [json.dumps(row, sort_keys=True, separators=(",", ":")) for row in rows]
    assert [row["seq"] for row in rows] == [1, 2, 3]
    assert rows[0]["prev_hash"] == "GENESIS"
    assert rows[0]["ts"] == "2026-04-15T14:23:00.000000Z"
    assert len(rows[0]["trail_id"]) == 32
    assert "trail_id" not in rows[1]
    assert proof(files[0]).rows == 3


def test_the_chain_is_hydras_rule(tmp_path):
    from support.audit_trails import hydra_hash

    rows = rows_of(*write(tmp_path / "audit.jsonl", 3))
    assert [row["prev_hash"] for row in rows[1:]] == [hydra_hash(row) for row in rows[:2]]


def test_two_trails_of_one_key_have_no_row_in_common(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one = write(tmp_path / "one" / "audit.jsonl", 4)[0]
    two = write(tmp_path / "two" / "audit.jsonl", 4)[0]
    lines = one.read_bytes().splitlines(keepends=True)
    assert not set(lines) & set(two.read_bytes().splitlines(keepends=True))
    lines[1] = two.read_bytes().splitlines(keepends=True)[1]
    one.write_bytes(b"".join(lines))
    assert problems(one)[0] == "audit.jsonl:2: does not fit the row before it: its prev_hash is another row's"


@pytest.mark.parametrize("name", ["prev_hash", "hmac", "seq", "key_id", "continues", "trail_id"])
def test_members_of_the_trail_itself_are_refused(tmp_path, name):
    with (
        trail_of(tmp_path) as trail,
        pytest.raises(ValueError, match=f"^{name}: the trail writes these members"),
    ):
        trail.append("x", **{name: 1})


@pytest.mark.parametrize("row", [{}, {"event": ""}, {"event": None}, {"event": 3}])
def test_a_row_needs_an_event(tmp_path, row):
    with trail_of(tmp_path) as trail, pytest.raises(ValueError, match=r"^event=.*: allowed is a text"):
        trail.append_row(row)


def test_a_row_of_another_log_keeps_its_members(tmp_path):
    with trail_of(tmp_path) as trail:
        trail.append_row({"event": "tool_use", "ts": "2026-01-01T00:00:00Z", "tool": "Bash", "extra": [1]})
    row = rows_of(tmp_path / "audit.jsonl")[0]
    assert (row["ts"], row["tool"], row["extra"]) == ("2026-01-01T00:00:00Z", "Bash", [1])


def test_no_moment_is_now_and_a_moment_is_written_as_iso_8601(tmp_path):
    with trail_of(tmp_path) as trail:
        trail.append("x", ts=None)
        trail.append("x", ts=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert [row["ts"] for row in rows_of(trail.path)] == [
        "2026-04-15T14:23:00.000000Z",
        "2026-01-02T03:04:05+00:00",
    ]


class Rude:
    def __str__(self):
        raise RuntimeError


class RudeText(str):
    __slots__ = ()

    def encode(self, *_):
        raise RuntimeError


class RudeNumber(int):
    def __int__(self):
        raise RuntimeError


class RudeMapping(dict):
    def items(self):
        raise RuntimeError


def test_values_that_json_cannot_carry_become_text(tmp_path):
    deep: object = "bottom"
    for _ in range(40):
        deep = [deep]
    endless: list[object] = []
    endless.append(endless)
    with trail_of(tmp_path) as trail:
        trail.append(
            "x",
            a=float("nan"),
            b=Rude(),
            c={1: "one", None: {2}},
            d=b"\xff",
            e=Decimal("1.5"),
            f=10**5000,
            g="\udc80",
            h=deep,
            i=endless,
            j=None,
            k=float("-inf"),
            l=True,
            m=RudeText("x"),
            n=RudeNumber(3),
            o=RudeMapping(x=1),
            p=2**64,
            q={"r": None},
        )
    row = rows_of(trail.path)[0]
    assert row["a"] == "nan"
    assert row["b"] == "<Rude whose text raises RuntimeError>"
    assert row["c"] == {"1": "one", "None": [2]}
    assert (row["d"], row["e"], row["k"], row["l"]) == (r"b'\xff'", "1.5", "-inf", True)
    assert row["f"].startswith("0x")
    assert row["g"] == r"\udc80"
    assert "<list>" in json.dumps(row["h"])
    assert "j" not in row
    assert row["m"] == "<RudeText whose text raises RuntimeError>"
    assert row["n"] == "<RudeNumber whose text raises RuntimeError>"
    assert row["o"] == "<RudeMapping whose text raises RuntimeError>"
    assert (row["p"], row["q"]) == (2**64, {"r": None})
    assert proof(trail.path).is_intact


def test_credentials_are_masked_before_they_are_written(tmp_path):
    with trail_of(tmp_path) as trail:
        trail.append(
            "tool_use", target="curl -H 'Authorization: Bearer abcdef123456'", api_key="k", n={"password": 12}
        )
    text = trail.path.read_text()
    assert "abcdef123456" not in text
    assert rows_of(trail.path)[0]["api_key"] == "***"
    assert rows_of(trail.path)[0]["n"] == {"password": "***"}


def test_a_row_that_no_reader_would_take_is_refused_and_leaves_no_trace(tmp_path):
    with trail_of(tmp_path) as trail:
        trail.append("x")
        with pytest.raises(AuditError, match=r"^a row of \d+ bytes: allowed are 16777215"):
            trail.append("x", target="x" * (16 * 1024 * 1024))
        trail.append("x")
    assert proof(trail.path).rows == 2


# -- files -------------------------------------------------------------------------------------


def test_files_are_for_their_owner_only(tmp_path):
    before = os.umask(0)
    try:
        write(tmp_path / "audit.jsonl", 4, files=2)
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    assert len(list(tmp_path.iterdir())) == 5


@pytest.mark.parametrize("name", ["audit.jsonl", "audit.jsonl.lock", "audit.jsonl.seal.new"])
def test_a_symbolic_link_is_not_followed(tmp_path, name):
    precious = tmp_path / "precious"
    precious.write_text("")
    (tmp_path / name).symlink_to(precious)
    if name.endswith(".new"):
        trail_of(tmp_path).close()
    else:
        with pytest.raises(AuditError, match=r"cannot be written: .* not a symbolic link"):
            trail_of(tmp_path)
    assert precious.read_text() == ""


def test_something_that_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "audit.jsonl")
    with pytest.raises(AuditError, match="is no regular file"):
        trail_of(tmp_path)


def test_a_directory_that_is_missing_is_named(tmp_path):
    with pytest.raises(
        AuditError, match=r"missing/audit.jsonl' cannot be written: No such file .*allowed: a file"
    ):
        trail_of(tmp_path / "missing")


def test_a_name_that_a_head_cannot_hold_is_refused_at_once(tmp_path):
    with pytest.raises(AuditError, match="choose a shorter one"):
        AuditTrail(tmp_path / ("ö" * 110 + ".jsonl"), SECRET)
    with pytest.raises(AuditError, match="the id of its key is too long"):
        AuditTrail(tmp_path / "audit.jsonl", Key(b"x", "k" * 1000))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"fsync": "sometimes"}, r"^fsync='sometimes' is not known; allowed: 'off', 'interval', 'always'$"),
        ({"max_bytes": -1}, r"^max_bytes=-1: allowed are numbers from 0 upwards; 0 means never$"),
        ({"max_age_s": float("nan")}, r"^max_age_s=nan: allowed are numbers"),
    ],
)
def test_settings_out_of_range_are_named(tmp_path, setting, message):
    with pytest.raises(ValueError, match=message):
        trail_of(tmp_path, **setting)


def test_a_trail_goes_on_in_another_directory_and_after_close(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trail = AuditTrail("audit.jsonl", SECRET, fsync="always")
    monkeypatch.chdir("/")
    trail.append("one")
    trail.close()
    trail.append("two")
    trail.close()
    assert proof(tmp_path / "audit.jsonl").rows == 2


def test_a_log_of_somebody_else_is_not_written_to(tmp_path):
    (tmp_path / "audit.jsonl").write_text('{"event":"x"}\n')
    with pytest.raises(AuditError, match=r"has rows but no sealed head \(audit.jsonl.seal\)"):
        trail_of(tmp_path)


# -- rotation ----------------------------------------------------------------------------------


def test_a_full_file_is_closed_and_the_next_one_continues_it(tmp_path):
    log = tmp_path / "audit.jsonl"
    with trail_of(tmp_path, max_bytes=1000) as trail:
        for _ in range(20):
            trail.append("tool_use", tool="Write")
    files = [*sorted(tmp_path.glob("audit-*.jsonl")), log]
    assert len(files) > 3
    assert files[0].name == "audit-20260415T142300Z-000000000001.jsonl"
    assert all(1000 <= file.stat().st_size < 1500 for file in files[:-1])
    assert [row["seq"] for row in rows_of(*files)] == list(range(1, 21))
    assert rows_of(files[1])[0]["continues"] == files[0].name
    assert "continues" not in rows_of(files[1])[1]
    assert (proof(log).rows, proof(log).files) == (20, len(files))


def test_an_old_file_is_closed(tmp_path):
    clock = Clock()
    with trail_of(tmp_path, max_age_s=60, now_ns=clock) as trail:
        trail.append("x")
        clock.forward(59)
        trail.append("x")
        clock.forward(1)
        trail.append("x")
        clock.forward(600)
        trail.rotate()
        trail.rotate()  # an empty file is not closed
    assert [path.name for path in sorted(tmp_path.glob("audit-*.jsonl"))] == [
        "audit-20260415T142400Z-000000000001.jsonl",
        "audit-20260415T143400Z-000000000003.jsonl",
    ]
    assert proof(trail.path).rows == 3


def test_another_writer_follows_a_rotation(tmp_path):
    with trail_of(tmp_path) as one, trail_of(tmp_path) as two:
        one.append("x")
        two.append("x")
        one.rotate()
        two.append("x")
        two.rotate()
        one.append("x")
    assert (proof(one.path).rows, proof(one.path).files) == (4, 3)


def test_files_of_an_unknown_trail_are_not_continued(tmp_path):
    (tmp_path / "audit-20260415T142300Z-000000000001.jsonl").write_text("precious")
    with pytest.raises(AuditError, match="were removed, but the trail has earlier rows"):
        trail_of(tmp_path)


# -- what was done to the files from outside ---------------------------------------------------


@pytest.mark.parametrize("is_running", [True, False])
def test_a_cut_file_is_not_written_to(tmp_path, is_running):
    with trail_of(tmp_path) as trail:
        trail.append("x")
        trail.append("x")
        os.truncate(trail.path, trail.path.stat().st_size - 5)
        with pytest.raises(AuditError, match="its end was cut off"):
            trail.append("x") if is_running else trail_of(tmp_path)


@pytest.mark.parametrize("is_running", [True, False])
def test_a_file_that_another_program_rotated_is_missed(tmp_path, is_running):
    with trail_of(tmp_path) as trail:
        trail.append("x")
        trail.path.rename(tmp_path / "audit.jsonl.1")
        with pytest.raises(AuditError, match="Rotate with max_bytes or max_age_s, not with another program"):
            trail.append("x") if is_running else trail_of(tmp_path)


def test_a_trail_that_vanishes_under_a_running_writer_is_not_begun_again(tmp_path):
    with trail_of(tmp_path) as trail:
        trail.append("x")
        trail.path.unlink()
        (tmp_path / "audit.jsonl.seal").unlink()
        with pytest.raises(AuditError, match=r"and its sealed head \(audit.jsonl.seal\) were removed"):
            trail.append("x")


def test_a_trail_that_is_put_back_under_a_running_writer_is_noticed(tmp_path):
    log, seal = tmp_path / "audit.jsonl", tmp_path / "audit.jsonl.seal"
    with trail_of(tmp_path) as trail:
        trail.append("x")
        earlier = log.read_bytes(), seal.read_bytes()
        trail.append("x")
        log.write_bytes(earlier[0])
        seal.write_bytes(earlier[1])
        with pytest.raises(AuditError, match="ends at row 1, but this process has seen row 2"):
            trail.append("x")


def test_a_newest_file_that_was_removed_with_its_head_is_missed_by_the_next_writer(tmp_path):
    log = write(tmp_path / "audit.jsonl", 4, files=2)[-1]
    log.unlink()
    (tmp_path / "audit.jsonl.seal").unlink()
    with pytest.raises(AuditError, match="were removed, but the trail has earlier rows"):
        trail_of(tmp_path)


def test_a_head_that_was_exchanged_is_seen_by_the_running_writer(tmp_path):
    with trail_of(tmp_path) as trail:
        trail.append("x")
        seal = tmp_path / "audit.jsonl.seal"
        copy = tmp_path / "copy"
        copy.write_bytes(seal.read_bytes())
        copy.replace(seal)
        trail.append("x")
    assert (proof(trail.path).rows, proof(trail.path).notes) == (2, [])


def test_a_damaged_head_is_named(tmp_path):
    log = write(tmp_path / "audit.jsonl", 2)[0]
    (tmp_path / "audit.jsonl.seal").write_bytes(b"{")
    with pytest.raises(
        AuditError, match=r"audit.jsonl.seal': the sealed head is damaged. Run `kairos audit verify`"
    ):
        trail_of(tmp_path)
    assert problems(log) == ["audit.jsonl.seal: the sealed head is damaged"]


def test_rows_of_others_behind_the_head_are_not_taken_in(tmp_path):
    log = write(tmp_path / "audit.jsonl", 2)[0]
    with log.open("a") as file:
        file.write('{"event":"x"}\n')
    with pytest.raises(
        AuditError, match="row 3 of the audit file stands behind the sealed head and is not signed"
    ):
        trail_of(tmp_path)
    assert problems(log) == ["audit.jsonl:3: is not signed: it was not written by this trail's writer"]


def test_masses_behind_the_head_are_not_read(tmp_path):
    log = write(tmp_path / "audit.jsonl", 2)[0]
    os.truncate(log, 10**11)
    with pytest.raises(AuditError, match="bytes stand behind the sealed head of the audit file"):
        trail_of(tmp_path)


# -- a full disk -------------------------------------------------------------------------------


def fill(folder):
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    return filler


def append_for_ever(trail):
    while True:
        trail.append("x", target="y" * 2000)


def test_a_full_disk_leaves_the_file_as_before(tmp_path):
    with tmpfs(tmp_path / "small", "256k") as folder:
        trail = trail_of(folder)
        trail.append("first")
        filler = fill(folder)
        with pytest.raises(AuditError, match="could not be written: No space left on device"):
            append_for_ever(trail)
        before = proof(trail.path)
        assert (before.is_intact, before.notes) == (True, [])
        filler.unlink()
        trail.append("last")
        trail.close()
        assert proof(trail.path).rows == before.rows + 1


def test_a_trail_that_begins_on_a_full_disk_begins_later(tmp_path):
    with tmpfs(tmp_path / "small", "64k") as folder:
        filler = fill(folder)
        with pytest.raises(AuditError, match="cannot be written: No space left on device"):
            trail_of(folder)
        filler.unlink()
        with trail_of(folder) as trail:
            trail.append("x")
        assert proof(trail.path).is_intact


# -- keys that change --------------------------------------------------------------------------


def test_a_key_may_change_in_the_middle_of_a_file(tmp_path):
    old, new = Key(b"old", "2025"), Key(b"new", "2026")
    with trail_of(tmp_path, key=old) as trail:
        trail.append("x")
    with trail_of(tmp_path, key=KeyRing([new, old])) as trail:
        trail.append("x")
        trail.append("x")
    assert [row["key_id"] for row in rows_of(trail.path)] == ["2025", "2026", "2026"]
    assert proof(trail.path, KeyRing([new, old])).rows == 3
    assert problems(trail.path, KeyRing([new]))[0] == (
        "audit.jsonl:1: was signed with key '2025', which is not among the given ones"
    )


def test_without_the_old_key_a_trail_is_not_written_to(tmp_path):
    write(tmp_path / "audit.jsonl", 1)
    with pytest.raises(AuditError, match=r"was signed with key '.*', which is not among the given ones"):
        trail_of(tmp_path, key="another")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
RESERVED = {"prev_hash", "hmac", "seq", "key_id", "continues", "trail_id", "event"}


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.dictionaries(st.text().filter(lambda name: name not in RESERVED), VALUES), max_size=6)
)
def test_any_values_give_a_trail_that_verifies(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("any")
    with trail_of(folder, max_bytes=600) as trail:
        for row in rows:
            trail.append_row({**row, "event": "x"})
    verdict = proof(trail.path, KEYS)
    assert (verdict.findings, verdict.rows) == ([], len(rows))
