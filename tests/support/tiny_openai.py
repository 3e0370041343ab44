# SPDX-License-Identifier: Apache-2.0
"""The smallest server that the openai client takes for its own: answers chat completions as it is told."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HANG = 0
"""Instead of a status: no answer until the server is closed."""

STORY = (200, 429, 200, 500, 500, 500, HANG, 200, 401)
"""Five questions with up to three attempts each: well, a rate limit, down, slow, and a wrong key."""
STORY_ERRORS = {"rate_limit": 1, "llm_error": 3, "timeout": 1, "unauthorized": 1}
"""What `kairos.errors.total` counts of it."""
STORY_RECOVERED = {"rate_limit": 1, "timeout": 1}


class TinyOpenAI(ThreadingHTTPServer):
    """Answers one request after the other with the statuses it was given, then with 200."""

    daemon_threads = True

    def __init__(self, statuses: Sequence[int]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses = list(statuses)
        self.requests = 0
        self.lock = threading.Lock()
        self.closing = threading.Event()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def next_status(self) -> tuple[int, int]:
        """How many requests there were, and the status of this one."""
        with self.lock:
            self.requests += 1
            return self.requests, self.statuses.pop(0) if self.statuses else 200


class _Handler(BaseHTTPRequestHandler):
    server: TinyOpenAI

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        number, status = self.server.next_status()
        if status == HANG:
            self.server.closing.wait(30)
            return
        body = json.dumps(_answer(number, request) if status == 200 else _refusal(status)).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass


def _answer(number: int, request: dict[str, str]) -> dict[str, object]:
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": f"{request['model']}-2024-08-06",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Here you are.", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14},
    }


def _refusal(status: int) -> dict[str, object]:
    return {"error": {"message": f"status {status}", "type": "error", "param": None, "code": None}}


@contextmanager
def tiny_openai(statuses: Sequence[int] = STORY) -> Iterator[TinyOpenAI]:
    """A server on a free port; its hanging requests end with it."""
    server = TinyOpenAI(statuses)
    thread = threading.Thread(target=server.serve_forever, name="tiny-openai", kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
