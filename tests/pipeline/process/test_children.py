# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os

import pytest
from support.fresh_process import run_json

from telemetry.pipeline.process.children import is_worker


def stat(folder, pid, start_of_stack):
    (folder / str(pid)).mkdir(exist_ok=True)
    fields = ["S", *"1234567890", *"1234567890", *"1234", start_of_stack, "0"]
    (folder / str(pid) / "stat").write_text(f"{pid} (a name) with (brackets) {' '.join(fields)}")


def test_a_program_of_its_own_is_no_worker():
    assert not is_worker()


@pytest.mark.parametrize(
    ("own", "parents", "is_one"), [("77", "77", True), ("77", "78", False), ("0", "0", False)]
)
def test_who_shares_the_memory_of_the_parent_is_a_worker(tmp_path, own, parents, is_one):
    stat(tmp_path, os.getpid(), own)
    stat(tmp_path, os.getppid(), parents)

    assert is_worker(tmp_path) is is_one


def test_where_the_system_does_not_tell_nobody_is_a_worker(tmp_path):
    assert not is_worker(tmp_path)
    (tmp_path / str(os.getpid())).mkdir()
    (tmp_path / str(os.getpid()) / "stat").write_text("1 (short) S")
    assert not is_worker(tmp_path)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_of_multiprocessing_are_workers(method):
    code = f"""
    import concurrent.futures, multiprocessing
    from telemetry.pipeline.process.children import is_worker
    context = multiprocessing.get_context({method!r})
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        print(json.dumps([is_worker(), pool.submit(is_worker).result()]))
    """
    assert run_json(code, is_measured=False) == [False, True]


def test_the_end_of_a_worker_is_noticed_after_its_own_finalizers():
    code = """
    import multiprocessing, multiprocessing.util
    from telemetry.pipeline.process.children import WorkerEnds
    told = multiprocessing.SimpleQueue()
    ends = WorkerEnds(lambda: told.put("end"))
    ends.watch()
    ends.watch()  # a second init
    os.register_at_fork(after_in_child=ends.watch_in_child)
    def work():
        multiprocessing.util.Finalize(None, told.put, args=("own",), exitpriority=-5)
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join()
    print(json.dumps([told.get(), told.get(), told.empty()]))
    """
    assert run_json(code, is_measured=False) == ["own", "end", True]


def test_the_end_of_celerys_workers_is_noticed_once():
    code = """
    from celery import signals
    from telemetry.pipeline.process.children import WorkerEnds
    told = []
    ends = WorkerEnds(lambda: told.append("end"))
    ends.watch()
    ends.watch_in_child()
    signals.worker_process_shutdown.send(sender=None, pid=1, exitcode=0)
    print(json.dumps(told))
    """
    assert run_json(code, is_measured=False) == ["end"]


def test_nothing_is_imported_for_it():
    code = """
    from telemetry.pipeline.process.children import WorkerEnds, is_worker
    WorkerEnds(print).watch()
    is_worker()
    names = ("multiprocessing", "billiard", "celery")
    print(json.dumps([name for name in sys.modules if name.startswith(names)]))
    """
    assert run_json(code, is_measured=False) == []
