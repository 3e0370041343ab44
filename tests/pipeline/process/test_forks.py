# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from support.fresh_process import run, run_json
from support.otlp_server import OtlpServer

LATE_IMPORTS = """
    import telemetry
    from telemetry.pipeline.process.preloading import _OURS, preload
    pipeline = telemetry.init("agent", exporter={exporter!r}, otlp_endpoint={endpoint!r})
    preload(pipeline.config.all_exporters)
    before = set(sys.modules)
    telemetry.record_error(TimeoutError(), component="llm")
    with telemetry.observe(name="work"):
        pass
    assert pipeline.force_flush(10).is_complete
    from telemetry.logs.otel_api import LogRecord
    pipeline.logger.emit(LogRecord(body="said"))
    assert pipeline.force_flush(10).is_complete
    print(json.dumps(sorted(name for name in set(sys.modules) - before if name.startswith(_OURS))))
"""


def test_before_a_fork_everything_is_loaded_that_exporting_over_grpc_needs():
    with OtlpServer() as server:
        code = LATE_IMPORTS.format(exporter="otlp", endpoint=f"127.0.0.1:{server.grpc_port}")
        assert run_json(code) == []


def test_before_a_fork_nothing_is_loaded_that_speaks_http():
    with OtlpServer() as server:
        code = LATE_IMPORTS.format(exporter="otlp-http", endpoint=f"http://127.0.0.1:{server.http_port}")
        late = run_json(code)

    assert "telemetry.exporters.http_session" in late
    http = ("requests", "urllib3", "telemetry.exporters.http", "telemetry.exporters.trust")
    assert [name for name in late if not name.startswith(http)] == []


def test_a_fork_waits_for_a_module_that_another_thread_is_loading(tmp_path):
    (tmp_path / "grpc_slow.py").write_text(
        "import time\nfrom telemetry.pipeline.process import threads\n"
        "begun.set()\ntime.sleep(0.3)\nis_whole = True\n"
    )
    code = """
    import builtins, importlib
    from telemetry.pipeline.process import threads
    from telemetry.pipeline.process.preloading import preload
    builtins.begun = threads.Latch()
    loading = threads.start(lambda: importlib.import_module("grpc_slow"), "kairos-test")
    assert begun.wait(10)
    preload(())
    print(json.dumps(sys.modules["grpc_slow"].is_whole))
    """
    assert run_json(code, PYTHONPATH=str(tmp_path)) is True


def test_a_module_that_cannot_be_loaded_is_left_out():
    code = """
    import importlib
    from telemetry.pipeline.process import preloading
    def fails(name):
        raise ImportError(name)
    preloading.import_module = fails
    preloading.preload(["otlp"])
    """
    run(code)


BROKEN_GRPC = """
    import gc, signal, socket, threading, time
    os.register_at_fork(after_in_child=lambda: signal.alarm(20))
    import grpc
    import telemetry
    silent = socket.socket()
    silent.bind(("127.0.0.1", 0))
    silent.listen(10)
    pipeline = telemetry.init("agent", exporter="otlp", otlp_endpoint={endpoint!r})
    {threads}
    child = os.fork()
    if child == 0:
        with telemetry.observe(name="child"):
            pass
        traces = pipeline.shutdown(1).traces
        errors = [status.last_error or "" for status in pipeline.status() if status.signal == "traces"]
        print(json.dumps([traces.delivered, traces.dropped, errors[0]]), flush=True)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    os._exit(status)
"""
APPLICATION_IN_GRPC = """
    def call():
        channel = grpc.insecure_channel(f"127.0.0.1:{silent.getsockname()[1]}")
        try:
            channel.unary_unary("/a/b")(b"", timeout=5)
        except grpc.RpcError:
            pass
    threading.Thread(target=call, daemon=True).start()
    while not any("grpc" in frame.f_code.co_filename for frame in sys._current_frames().values()):
        time.sleep(0.01)
    time.sleep(0.1)
"""


def run_json_of_a_child_that_lives(code: str):
    """A child that is forked in the middle of such a call may die in gRPC, also without telemetry.

    One in five does, on a busy machine every other one.
    """
    for _ in range(15):
        try:
            return run_json(code, is_measured=False)
        except AssertionError:
            continue
    return run_json(code, is_measured=False)


def test_a_child_of_a_process_in_the_middle_of_a_grpc_call_says_what_to_do():
    with OtlpServer() as server:
        code = BROKEN_GRPC.format(
            endpoint=f"127.0.0.1:{server.grpc_port}", threads=APPLICATION_IN_GRPC.strip()
        )
        delivered, dropped, error = run_json_of_a_child_that_lives(code)

    assert (delivered, dropped) == (0, 1)
    assert "Use the exporter 'otlp-http'" in error


def test_a_child_of_a_process_that_is_sending_over_grpc_sends_too():
    with OtlpServer() as server:
        code = BROKEN_GRPC.format(endpoint=f"127.0.0.1:{server.grpc_port}", threads="")
        delivered, dropped, _ = run_json(code, is_measured=False)

    assert (delivered, dropped) == (1, 0)


def test_a_child_can_register_an_exception_though_another_thread_was_at_it():
    code = """
    import signal
    os.register_at_fork(after_in_child=lambda: signal.alarm(20))
    import telemetry
    from telemetry.pipeline.handle import HANDLE
    pipeline = telemetry.init("agent", exporter="memory")
    HANDLE.classifier._lock.acquire()  # as another thread holds it
    child = os.fork()
    if child == 0:
        telemetry.register_classifier(OSError, "timeout", True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    HANDLE.classifier._lock.release()
    """
    run(code, is_measured=False)


def test_a_fork_that_begins_while_another_thread_forks_finds_and_leaves_everything_as_it_should_be():
    code = """
    import signal, time
    told, begun = [], threading.Event()
    hooks = [lambda: (other.join(10), tell()), lambda: (begun.set(), wait_for_two())]
    # Registered before telemetry's, so called after it; what comes between lets one thread fork at a time.
    os.register_at_fork(before=lambda: hooks and hooks.pop()())
    import telemetry
    pipeline = telemetry.init(
        "agent", exporter="otlp", otlp_endpoint="127.0.0.1:9", shutdown_timeout_seconds=0.1
    )
    transports = pipeline.providers.fork_safe
    def tell():
        is_held_back = signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, ())
        told.append([is_held_back, *[transport._may_begin.is_set() for transport in transports]])
    def wait_for_two():
        while any(transport._pauses < 2 for transport in transports):
            time.sleep(0.001)
    def fork():
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        tell()
    other = threading.Thread(target=fork)
    other.start()
    begun.wait(10)
    fork()
    print(json.dumps(told))
    """
    first, before_second, second = run_json(code, is_measured=False)

    assert first == [False, False, False, False]
    assert before_second == [True, False, False, False]
    assert second == [False, True, True, True]
