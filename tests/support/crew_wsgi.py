# SPDX-License-Identifier: Apache-2.0
"""A WSGI application that does one piece of work for each request; gunicorn serves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support import crew

if TYPE_CHECKING:
    from collections.abc import Callable

crew.join()


def app(environ: dict[str, str], start_response: Callable[..., object]) -> list[bytes]:
    """Does the piece that the path names, and answers who did it."""
    worker = crew.work(int(environ["PATH_INFO"].strip("/")))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(worker).encode()]
