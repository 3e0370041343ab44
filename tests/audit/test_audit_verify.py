# SPDX-License-Identifier: Apache-2.0
"""The verifier: what was done to a trail is found, at its line; and nothing makes it raise."""

from __future__ import annotations

import itertools
import json
import shutil
import threading
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.audit_trails import (
    KEYS,
    SECRET,
    copied,
    hydra_hash,
    problems,
    proof,
    rows_of,
    write,
    write_hydra,
)

from telemetry.audit import AuditError, AuditTrail, KeyRing
from telemetry.audit.head import Head, head_path, read_head
from telemetry.audit.proving.anchor import Anchor
from telemetry.audit.proving.verify import verify

ROWS, FILES = 200, 3


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A trail of 200 rows in three files, which nobody changes."""
    log = tmp_path_factory.mktemp("original") / "audit.jsonl"
    assert len(write(log, ROWS, files=FILES)) == FILES
    return log


@pytest.fixture
def log(original, tmp_path):
    return copied(original, tmp_path / "trail")


def files_of(log):
    return [*sorted(log.parent.glob("audit-*.jsonl")), log]


def first_problem(log):
    verdict = proof(log)
    assert not verdict.is_intact
    return verdict.findings[0]


def place(log):
    found = first_problem(log)
    return found.file, found.line


def change_byte(file, content, position, value):
    with file.open("r+b") as target:
        target.seek(position)
        target.write(bytes([value]))
    yield
    with file.open("r+b") as target:
        target.seek(position)
        target.write(content[position : position + 1])


def every_byte(log, positions):
    """Changes bytes one by one, each to another value; returns what was not found at its line."""
    missed = []
    for file in files_of(log):
        for target in (file, head_path(file)):
            content = target.read_bytes()
            for position in range(len(content))[positions]:
                value = (content[position] + 1 + position % 255) % 256
                changing = change_byte(target, content, position, value)
                next(changing)
                line = content.count(b"\n", 0, position) + 1 if target == file else 0
                found = proof(log).findings
                if not found or (found[0].file, found[0].line) != (target.name, line):
                    missed.append((target.name, position, content[position], value, line, found[:1]))
                next(changing, None)
    return missed


def test_the_trail_itself_is_intact(log):
    verdict = proof(log)
    assert (verdict.is_intact, verdict.files, verdict.rows, verdict.notes) == (True, FILES, ROWS, [])
    assert verdict.as_json() == {
        "intact": True,
        "sealed": True,
        "files": 3,
        "rows": 200,
        "foreign_rows": 0,
        "trail_id": rows_of(files_of(log)[0])[0]["trail_id"],
        "anchor": verdict.anchor,
        "findings": [],
        "findings_not_listed": 0,
        "notes": [],
    }


def test_a_changed_byte_is_found_at_its_line(log):
    assert every_byte(log, slice(None, None, 331)) == []
    assert every_byte(log, slice(-3, None)) == []


@pytest.mark.long
@pytest.mark.parametrize("part", range(4))
def test_every_changed_byte_is_found_at_its_line(log, part):
    assert every_byte(log, slice(part, None, 4)) == []


@pytest.mark.parametrize("value", [0x0A, 0x20, 0x00, 0xFF, 0x0D])
def test_a_byte_that_readers_treat_in_a_special_way_is_found_too(log, value):
    file = files_of(log)[1]
    content = file.read_bytes()
    for position in range(5000, 5000 + 320, 7):
        if content[position] == value:
            continue
        changing = change_byte(file, content, position, value)
        next(changing)
        assert place(log) == (file.name, content.count(b"\n", 0, position) + 1)
        next(changing, None)


def test_every_removed_row_is_found_at_its_line(log):
    for file in files_of(log):
        lines = file.read_bytes().splitlines(keepends=True)
        for number in range(len(lines)):
            file.write_bytes(b"".join(lines[:number] + lines[number + 1 :]))
            assert place(log) == (file.name, number + 1)
        file.write_bytes(b"".join(lines))


def test_every_swap_of_rows_is_found_at_the_first_of_them(log):
    places = [(file, number) for file in files_of(log) for number in range(len(rows_of(file)))]
    contents = {file: file.read_bytes().splitlines(keepends=True) for file in files_of(log)}
    pairs = [*itertools.pairwise(places), *zip(places, places[67:], strict=False)]
    pairs += [(places[0], places[-1]), (places[3], places[150])]
    for (one, i), (other, j) in pairs:
        changed = {file: list(lines) for file, lines in contents.items()}
        changed[one][i], changed[other][j] = changed[other][j], changed[one][i]
        for file in {one, other}:
            file.write_bytes(b"".join(changed[file]))
        assert place(log) == (one.name, i + 1)
        for file in {one, other}:
            file.write_bytes(b"".join(contents[file]))


def test_every_repeated_row_is_found(log):
    file = files_of(log)[1]
    lines = file.read_bytes().splitlines(keepends=True)
    for number in range(len(lines)):
        file.write_bytes(b"".join([*lines[: number + 1], lines[number], *lines[number + 1 :]]))
        assert place(log) == (file.name, number + 2)


@pytest.mark.parametrize("cut_into", [0, 1, 150])
def test_every_cut_tail_is_found_at_the_first_row_that_is_missing(log, cut_into):
    for file in files_of(log):
        content = file.read_bytes()
        starts = [0, *(index + 1 for index, byte in enumerate(content) if byte == 0x0A)][:-1]
        for number, start in enumerate(starts):
            file.write_bytes(content[: start + cut_into])
            assert place(log) == (file.name, number + 1)
        file.write_bytes(content)


def test_a_missing_last_newline_is_found(log):
    for file in files_of(log):
        content = file.read_bytes()
        file.write_bytes(content[:-1])
        assert place(log) == (file.name, content.count(b"\n"))
        file.write_bytes(content)


@pytest.mark.parametrize("index", range(FILES))
@pytest.mark.parametrize("what", ["log", "head", "both"])
def test_every_removed_file_is_found(log, index, what):
    file = files_of(log)[index]
    if what != "head":
        file.unlink()
    if what != "log":
        head_path(file).unlink()
    found = first_problem(log)
    assert found.file == (
        f"{file.name}.seal" if what == "head" or (what == "both" and index == 2) else file.name
    )
    assert "missing" in found.problem


def test_the_newest_file_removed_with_its_head_is_found_unless_the_one_before_takes_its_place(log):
    # The exception: this is the trail as it was in the middle of its last rotation. An anchor tells.
    anchor = Anchor.parse(proof(log).anchor)
    closed = files_of(log)[1]
    log.unlink()
    head_path(log).unlink()
    assert first_problem(log).problem.startswith("the sealed head is missing")
    head_path(closed).rename(head_path(log))
    verdict = proof(log)
    assert verdict.is_intact
    assert [note.problem for note in verdict.notes] == [
        f"is about to become {closed.name}: a writer rotates it, or died while it did"
    ]
    assert problems(log, anchor=anchor) == [
        "audit.jsonl: row 200, known from an earlier verification, is not in the trail: it was put back to "
        "an earlier state, or rows at its end were removed"
    ]


def test_an_anchor_of_any_row_holds_while_the_trail_goes_on(log):
    anchor = Anchor.parse(proof(log).anchor)
    assert anchor.seq == 200
    with AuditTrail(log, SECRET, fsync="off") as trail:
        trail.append("x")
    assert problems(log, anchor=anchor) == []
    with_another_hash = anchor._replace(row_hash="A" * 43 + "=")
    assert len(problems(log, anchor=with_another_hash)) == 1


def test_a_trail_that_was_put_back_is_found_by_an_anchor_only(original, tmp_path):
    log = copied(original, tmp_path / "now")
    with AuditTrail(log, SECRET, fsync="off") as trail:
        trail.append("inconvenient")
    anchor = Anchor.parse(proof(log).anchor)
    shutil.rmtree(log.parent)
    copied(original, log.parent)
    assert problems(log) == []
    assert len(problems(log, anchor=anchor)) == 1


@pytest.mark.parametrize(
    "text", ["", "1", "0:" + "A" * 43 + "=", "1:short", "1:" + "A" * 44, "x:" + "A" * 43 + "="]
)
def test_something_else_is_no_anchor(text):
    with pytest.raises(AuditError, match="is no anchor; allowed: <number of a row>:<its hash>, as"):
        Anchor.parse(text)


# -- files that were exchanged -----------------------------------------------------------------


def test_every_head_of_another_file_of_the_trail_is_found(log):
    heads = [(file, head_path(file).read_bytes()) for file in files_of(log)]
    for (file, own), (other, its) in permutations(heads, 2):
        head_path(file).write_bytes(its)
        assert first_problem(log).file in (file.name, f"{file.name}.seal", other.name)
        head_path(file).write_bytes(own)
    assert problems(log) == []


def test_renamed_files_are_found(log):
    first, second, _ = files_of(log)
    names = (first.name, second.name)
    for file in (first, head_path(first)):
        file.rename(file.with_name(file.name.replace(names[0], "aside")))
    for file in (second, head_path(second)):
        file.rename(file.with_name(file.name.replace(names[1], names[0])))
    for file in (log.parent / "aside", log.parent / "aside.seal"):
        file.rename(file.with_name(file.name.replace("aside", names[1])))
    assert f"was renamed: its sealed head belongs to {names[1]}" in first_problem(log).problem


def test_a_file_of_another_trail_of_the_same_key_is_found(log, tmp_path):
    (tmp_path / "other").mkdir()
    other = files_of(tmp_path / "other" / "audit.jsonl")[-1]
    write(other, ROWS, files=FILES)
    for index in range(FILES):
        mine, its = files_of(log)[index], files_of(other)[index]
        assert mine.name == its.name
        kept = {path: path.read_bytes() for path in (mine, head_path(mine))}
        shutil.copy(its, mine)
        shutil.copy(head_path(its), head_path(mine))
        found = first_problem(log)
        assert "does not fit the row before it" in found.problem
        assert found.file == files_of(log)[max(index, 1)].name
        for path, content in kept.items():
            path.write_bytes(content)


def test_an_earlier_last_row_is_not_taken_for_the_last_one(tmp_path):
    """A trail that is put back and goes on has two rows of one number; the head knows which one counts."""
    log = write(tmp_path / "audit.jsonl", 2)[0]
    kept = log.read_bytes(), head_path(log).read_bytes()
    with AuditTrail(log, SECRET) as trail:
        trail.append("the truth", size="1")
    truth = log.read_bytes().splitlines(keepends=True)[2]
    log.write_bytes(kept[0])
    head_path(log).write_bytes(kept[1])
    with AuditTrail(log, SECRET) as trail:
        trail.append("the other", size="1")
    log.write_bytes(kept[0] + truth)
    assert problems(log) == ["audit.jsonl:3: is not the row that the sealed head ends with"]


def test_a_row_of_another_history_is_not_taken_in(tmp_path):
    log = write(tmp_path / "audit.jsonl", 2)[0]
    kept = log.read_bytes(), head_path(log).read_bytes()
    with AuditTrail(log, SECRET) as trail:
        trail.append("three")
        trail.append("four")
    four = log.read_bytes().splitlines(keepends=True)[3]
    log.write_bytes(kept[0])
    head_path(log).write_bytes(kept[1])
    with AuditTrail(log, SECRET) as trail:
        trail.append("another three")
    with log.open("ab") as file:
        file.write(four)
    with pytest.raises(AuditError, match="row 4 of the audit file stands behind the sealed head"):
        AuditTrail(log, SECRET)
    assert place(log) == ("audit.jsonl", 4)


def test_the_same_row_in_another_spelling_is_found(tmp_path):
    with AuditTrail(tmp_path / "audit.jsonl", SECRET) as trail:
        trail.append("x", target="caf\u00e9", n=1)
        trail.append("y")
    text = trail.path.read_text()
    for one, other in (("\\u00e9", "\\u00E9"), ('"n":1', '"n": 1'), ("{", '{"event":"x",')):
        trail.path.write_text(text.replace(one, other, 1))
        assert str(first_problem(trail.path)) == "audit.jsonl:1: was changed: its hmac does not fit"


def test_the_same_head_in_another_spelling_is_found(tmp_path):
    log = write(tmp_path / "audit.jsonl", 1)[0]
    content = head_path(log).read_bytes()
    for other in (content[:-2] + b"\t\n", content[:-1] + b" ", content + b" ", content.rstrip()):
        head_path(log).write_bytes(other)
        assert problems(log) == ["audit.jsonl.seal: the sealed head was changed: its hmac does not fit"]


def test_a_row_that_was_removed_behind_one_that_was_changed_is_found_too(tmp_path):
    log = write(tmp_path / "audit.jsonl", 6)[0]
    lines = log.read_text().splitlines(keepends=True)
    lines[1] = lines[1].replace("Write", "write")
    log.write_text("".join(lines[:2] + lines[3:]))
    assert problems(log)[:2] == [
        "audit.jsonl:2: was changed: its hmac does not fit",
        "audit.jsonl:3: is row 4 of the trail where row 3 belongs: rows were removed or moved",
    ]


def test_rows_added_to_a_closed_file_are_found(log):
    file = files_of(log)[0]
    with file.open("ab") as target:
        target.write(b"x")
    assert str(first_problem(log)) == (
        f"{file.name}:68: stands behind the sealed head: it was added after the file was closed"
    )


def test_a_head_is_no_row(tmp_path):
    log = write(tmp_path / "audit.jsonl", 3)[0]
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:2]) + head_path(log).read_bytes().strip() + b"\n")
    assert problems(log)[0] == "audit.jsonl:3: was changed: its hmac does not fit"


def test_a_signed_row_that_is_no_row_of_a_trail_is_found(tmp_path):
    from telemetry.audit.canonical import canonical

    log = write(tmp_path / "audit.jsonl", 1)[0]
    key = KEYS.signing
    row = {"event": "x", "key_id": key.key_id, "seq": "2", "prev_hash": "x"}
    row["hmac"] = key.sign(canonical(row))
    with log.open("ab") as target:
        target.write(canonical(row) + b"\n")
    assert problems(log) == ["audit.jsonl:2: is signed, but no row of a trail"]


def test_one_file_of_a_trail_can_be_proven_alone(log):
    file = files_of(log)[1]
    verdict = proof(file)
    assert (verdict.is_intact, verdict.rows, verdict.files) == (True, 67, 1)
    assert [note.problem for note in verdict.notes] == ["only this file of the trail was read"]
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[1:]))
    assert place(file) == (file.name, 1)


def test_what_is_being_written_is_no_finding(tmp_path):
    log = tmp_path / "audit.jsonl"
    is_over = threading.Event()

    def work():
        with AuditTrail(log, SECRET, fsync="off", max_bytes=5000) as trail:
            while not is_over.is_set():
                trail.append("x")

    AuditTrail(log, SECRET).close()
    writer = threading.Thread(target=work)
    writer.start()
    try:
        for _ in range(30):
            assert proof(log).findings == []
    finally:
        is_over.set()
        writer.join()


def test_a_trail_that_rotates_with_every_row_is_proven_while_writers_wait(tmp_path, monkeypatch):
    """No moment is quiet by itself: each look takes longer than a row and its rotation."""
    from telemetry.audit.proving import snapshot

    log = write(tmp_path / "audit.jsonl", 2)[0]
    is_over = threading.Event()
    look = snapshot.open_file

    def work():
        with AuditTrail(log, SECRET, fsync="off", max_bytes=1) as trail:
            while not is_over.is_set():
                trail.append("x")
                is_over.wait(0.002)

    def slow(path):
        is_over.wait(0.01)
        return look(path)

    monkeypatch.setattr(snapshot, "open_file", slow)
    writer = threading.Thread(target=work)
    writer.start()
    try:
        assert proof(log).findings == []
    finally:
        is_over.set()
        writer.join()


def test_findings_beyond_a_thousand_are_counted(tmp_path):
    log = write(tmp_path / "audit.jsonl", 1100)[0]
    verdict = proof(log, KeyRing.of("another"))
    assert (len(verdict.findings), verdict.unlisted) == (1000, 101)


def test_what_is_not_there_or_cannot_be_read_is_named(tmp_path):
    with pytest.raises(AuditError, match=r"^there is no audit trail '.*/audit.jsonl'"):
        proof(tmp_path / "audit.jsonl")
    with pytest.raises(AuditError, match=r"^there is no audit trail"):
        proof(tmp_path / "missing" / "audit.jsonl")
    with pytest.raises(AuditError, match="cannot be read: Is a directory"):
        proof(tmp_path)


def test_a_trail_that_rotates_without_end_is_given_up(log, monkeypatch):
    from telemetry.audit.proving import snapshot

    counts = iter(range(10**6))
    monkeypatch.setattr(snapshot, "_PAUSE_S", 0)
    monkeypatch.setattr(snapshot, "_generation", lambda _: next(counts))
    with pytest.raises(AuditError, match="rotates faster than it can be read; raise its max_bytes"):
        proof(log)


def test_a_head_with_values_of_the_wrong_kind_is_damaged(tmp_path):
    log = write(tmp_path / "audit.jsonl", 1)[0]
    for text in [
        '{"rows": NaN, "hmac": "x"}',
        "[]",
        "{}",
        "null",
        '"x"',
        "[" * 100_000,
        '{"hmac":"x","key_id":[]}',
    ]:
        head_path(log).write_text(text)
        assert problems(log) == ["audit.jsonl.seal: the sealed head is damaged"]
    members = {
        **Head(0, 0, 0, "x")._asdict(),
        "key_id": KEYS.signing.key_id,
        "version": 1,
        "rows": float("nan"),
    }
    head_path(log).write_text(json.dumps({**members, "hmac": "x"}))
    assert problems(log) == ["audit.jsonl.seal: the sealed head is damaged"]


# -- logs of others ----------------------------------------------------------------------------


def test_a_log_of_hydra_is_proven_as_far_as_its_chain_goes(tmp_path):
    log = tmp_path / "audit.jsonl"
    write_hydra(log, 20, foreign_after=(3, 7, 8))
    verdict = proof(log)
    assert (verdict.findings, verdict.rows, verdict.foreign, verdict.is_sealed) == ([], 20, 3, False)
    assert [note.problem[:60] for note in verdict.notes] == [
        "3 rows of other writers are in no chain: lines 4, 9, 11",
        "the last row is not covered by a chain without a sealed head",
    ]


def test_a_foreign_row_may_be_what_the_next_row_refers_to(tmp_path):
    log = tmp_path / "audit.jsonl"
    foreign = {"event": "note"}
    rows = [{"event": "a", "prev_hash": "GENESIS"}, foreign, {"event": "b", "prev_hash": hydra_hash(foreign)}]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert proof(log).is_intact


def test_what_was_changed_in_a_log_of_hydra_shows_at_the_next_row(tmp_path):
    log = tmp_path / "audit.jsonl"
    write_hydra(log, 10, foreign_after=(5,))
    lines = log.read_text().splitlines(keepends=True)
    chained = [index for index in range(len(lines)) if "prev_hash" in lines[index]]
    for index, after in itertools.pairwise(chained):
        log.write_text(
            "".join([*lines[:index], lines[index].replace("tool_use", "tool-use"), *lines[index + 1 :]])
        )
        assert place(log) == ("audit.jsonl", after + 1)
        log.write_text("".join(lines[:index] + lines[index + 1 :]))
        assert place(log) == ("audit.jsonl", after)
    log.write_text("".join(lines[1:]))
    assert (
        first_problem(log).problem == "refers to a row before it, but the log begins here: rows were removed"
    )


def test_the_wrong_key_breaks_every_row_of_hydra_and_each_of_a_ring_is_tried(tmp_path):
    log = tmp_path / "audit.jsonl"
    write_hydra(log, 5)
    assert len(problems(log, KeyRing.of("another"))) == 4
    assert problems(log, KeyRing([KeyRing.of("another").signing, KEYS.signing])) == []


def test_a_log_without_a_chain_proves_nothing(tmp_path):
    log = tmp_path / "audit.jsonl"
    log.write_text('{"event":"x"}\n' * 20)
    verdict = proof(log)
    assert [finding.problem for finding in verdict.findings] == [
        "has no row with prev_hash, so nothing in it can be proven"
    ]
    assert "lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ..." in verdict.notes[0].problem


def test_a_trail_may_be_required_to_be_sealed(tmp_path):
    """Else one row of anybody in the place of a trail would pass as a log of Hydra."""
    log = tmp_path / "audit.jsonl"
    log.write_text('{"event":"x","prev_hash":"GENESIS"}\n')
    assert problems(log) == []
    assert problems(log, must_be_sealed=True) == [
        "audit.jsonl: the sealed head is missing, so rows at the end may be missing too"
    ]


def test_an_anchor_holds_for_hydra_too(tmp_path):
    log = tmp_path / "audit.jsonl"
    write_hydra(log, 5)
    anchor = Anchor.parse(proof(log).anchor)
    write_hydra(log, 7)
    assert problems(log, anchor=anchor) == []
    write_hydra(log, 4)
    assert problems(log, anchor=anchor) == [
        "audit.jsonl: row 5, known from an earlier verification, is not in the log"
    ]


def test_lines_that_are_no_rows_of_hydra_are_named_and_empty_ones_are_not(tmp_path):
    log = tmp_path / "audit.jsonl"
    write_hydra(log, 2)
    with log.open("a") as file:
        file.write('\n{"event":\n[1]\n{"event":"x","n":NaN}\n{"event":"x","prev_hash":["x"]}\n')
    assert [finding.line for finding in proof(log).findings] == [4, 5, 6, 7]


# -- anything ----------------------------------------------------------------------------------

MEMBERS = st.sampled_from(["event", "prev_hash", "hmac", "seq", "key_id", "rows", "closed_as", "continues"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("GENESIS"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(MEMBERS | st.text(max_size=3), inner, max_size=5)
    ),
    max_leaves=10,
)
LINES = st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode())


@settings(max_examples=300, deadline=None)
@given(lines=st.lists(LINES, max_size=6), head=st.none() | LINES, archived=st.none() | LINES)
def test_no_content_makes_verify_raise_anything_but_its_own_error(tmp_path_factory, lines, head, archived):
    folder = tmp_path_factory.mktemp("any")
    log = folder / "audit.jsonl"
    log.write_bytes(b"\n".join(lines))
    if head is not None:
        head_path(log).write_bytes(head)
    if archived is not None:
        (folder / "audit-20260101T000000Z-000000000001.jsonl").write_bytes(archived)
    verdict = verify(log, KEYS)
    json.dumps(verdict.as_json())
    if head is not None or archived is not None:
        assert not verdict.is_intact


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_no_change_of_a_trail_makes_verify_raise_or_pass(tmp_path_factory, original, data):
    log = copied(original, tmp_path_factory.mktemp("changed") / "trail")
    file = data.draw(
        st.sampled_from([path for log_file in files_of(log) for path in (log_file, head_path(log_file))])
    )
    content = file.read_bytes()
    at = data.draw(st.integers(0, len(content) - 1))
    length = data.draw(st.integers(0, 400))
    new = content[:at] + data.draw(st.binary(max_size=400)) + content[at + length :]
    file.write_bytes(new)
    verdict = proof(log)
    is_same = new == content or (file == log and new.startswith(content) and b"\n" not in new[len(content) :])
    assert verdict.is_intact == is_same
    shutil.rmtree(log.parent)


def test_a_head_is_read_with_its_own_key(log):
    assert read_head(log, KEYS).rows == len(rows_of(log))
    assert head_path(log).stat().st_size == 1024
