# SPDX-License-Identifier: Apache-2.0
"""R14: memory and disk stay bounded however long the receiver is down, and a bad disk is no disaster."""

from __future__ import annotations

import contextlib
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.waiting import wait_for

MIB = 1024 * 1024


@pytest.fixture
def tmpfs(tmp_path):
    """A small filesystem of its own."""
    folder = tmp_path / "mount"
    folder.mkdir()
    size = ["-o", "size=256k,mode=0700"]
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", *size, "none", folder], check=False, capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"this machine does not let us mount: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def rss(load):
    """Resident memory of the load in MiB."""
    pages = int(Path(f"/proc/{load.pid}/statm").read_text().split()[1])
    return pages * 4096 / MIB


def down(make_scene, **options):
    scene = make_scene(**options)
    scene.receiver.refuse()
    return scene


def test_queued_records_are_bounded_in_bytes(make_scene):
    limit = 4 * MIB
    scene = down(
        make_scene,
        signals=("traces", "logs"),
        settings={"queue_max_bytes": limit, "queue_max_records": 100_000, "shutdown_timeout_seconds": 0.5},
    )
    load = scene.load(count=200, rate=0, exit="wait")
    load.all_emitted()
    load.flush(0.5)  # now it has imported what it sends with
    small = rss(load)
    flood = scene.load(count=20_000, rate=0, padding=4000, exit="wait")
    flood.all_emitted()

    # 80 MB were recorded for each of two signals; each may keep the limit raw and the limit encoded.
    assert rss(flood) - small < 2 * 2 * limit / MIB + 30
    said = flood.shutdown(0.5)["result"]
    for signal in ("traces", "logs"):
        assert said[signal]["dropped"] == 20_000


def test_queued_records_are_bounded_in_number(make_scene):
    scene = down(
        make_scene,
        signals=("traces", "logs"),
        settings={"queue_max_records": 100, "shutdown_timeout_seconds": 0.5},
    )
    load = scene.load(count=20_000, rate=0, exit="wait")
    load.all_emitted()

    result = load.flush(0.1)["result"]
    for signal in ("traces", "logs"):
        assert result[signal]["pending"] + result[signal]["dropped"] == 20_000
        assert result[signal]["dropped"] > 0


@pytest.mark.parametrize("signals", [("traces",), ("logs",), ("metrics",)])
def test_the_spool_never_exceeds_its_limit(make_scene, signals):
    limit = 4 * MIB
    scene = down(
        make_scene,
        has_spool=True,
        signals=signals,
        metric_interval_s=0.1,
        temporality="delta",
        settings={"spool_max_bytes": limit, "flush_interval_seconds": 0.05},
    )
    load = scene.load(count=2000, rate=2000, padding=4000, exit="wait")
    with ThreadPoolExecutor(1) as other:
        ending = other.submit(flushed_and_shut_down, load)
        largest = size_of(scene.spool)
        while not ending.done():
            largest = max(largest, size_of(scene.spool))
    said = ending.result()

    assert 0 < largest <= limit
    told = said[signals[0]]
    assert told["dropped"] > 0
    if signals != ("metrics",):  # points are more or fewer, and may come in one large request
        assert limit / 2 < largest
        assert told["spooled"] == scene.books()[signals[0]].spooled
        assert told["dropped"] + told["spooled"] == load.options.count


def flushed_and_shut_down(load):
    """What its shutdown says; a busy machine is slower at encoding than at recording."""
    load.all_emitted()
    load.flush(20)
    return load.shutdown(2)["result"]


def size_of(folder):
    total = 0
    for path in folder.glob("*/*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue  # it was given up between the two
    return total


@pytest.mark.parametrize("minutes", [0.1, pytest.param(3, marks=pytest.mark.long)])
def test_memory_does_not_grow_while_the_receiver_is_down(make_scene, minutes):
    scene = down(
        make_scene,
        settings={"queue_max_bytes": 4 * MIB, "queue_max_records": 1000, "flush_interval_seconds": 0.1},
        metric_interval_s=0.1,
    )
    rate = 2000
    load = scene.load(count=round(rate * minutes * 60), rate=rate, exit="wait")
    load.reach(load.options.count // 2)
    half = rss(load)
    load.all_emitted()

    assert rss(load) < half + 5


def test_a_full_disk_degrades_to_memory_with_a_warning(make_scene, tmpfs):
    (tmpfs / "ballast").write_bytes(b"x" * 200 * 1024)
    scene = down(make_scene)
    load = scene.load(count=500, rate=500, padding=2000, spool_dir=str(tmpfs / "spool"), linger_s=2)
    load.all_emitted()
    wait_for(lambda: "No space left" in load.errors(), what="a warning")
    scene.receiver.accept()

    assert load.end() == 0
    scene.assert_nothing_lost()
    assert all(each.delivered == each.emitted for each in scene.books().values())
    assert load.errors().count("No space left") == 1, load.errors()


def test_a_disk_that_becomes_full_and_has_room_again_is_used_again(make_scene, tmpfs):
    scene = down(make_scene, signals=("traces",))
    ballast = tmpfs / "ballast"
    load = scene.load(count=600, rate=200, padding=2000, spool_dir=str(tmpfs / "spool"), exit="wait")
    load.reach(50)
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    wait_for(lambda: "No space left" in load.errors(), what="a warning")
    scene.receiver.accept()
    load.all_emitted()

    said = load.shutdown(3)["result"]["traces"]
    assert said["delivered"] == load.options.count, (said, load.errors())


def test_a_read_only_disk_degrades_to_memory_with_a_warning(make_scene, tmpfs):
    folder = tmpfs / "spool"
    folder.mkdir()
    subprocess.run(["mount", "-o", "remount,ro", tmpfs], check=True)
    scene = make_scene()
    load = scene.load(count=100, spool_dir=str(folder))

    assert load.end() == 0
    scene.assert_all_delivered()
    assert str(folder) in load.errors()
