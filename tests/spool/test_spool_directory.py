# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from telemetry.spool.descriptors import Descriptors
from telemetry.spool.directory import Directory

FILES = 400


def test_listings_at_the_same_time_do_not_take_names_from_each_other(tmp_path):
    directory = Directory(tmp_path / "spool", Descriptors())
    for number in range(FILES):
        (directory.path / f"{number}").touch()

    with ThreadPoolExecutor(4) as pool:
        listings = list(pool.map(lambda _: len(directory.names()), range(200)))
    directory.close()

    assert listings == [FILES] * 200
