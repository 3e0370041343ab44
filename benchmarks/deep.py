# SPDX-License-Identifier: Apache-2.0
"""Exceptions raised through nine frames of nine functions, as deep as a service's usually are.

Nine functions and not one that calls itself: `traceback` shortens a recursion, and nobody's agent is one.
"""

from __future__ import annotations

__all__ = ["FRAMES", "raised"]

FRAMES = 9


def raised(kind: type[Exception], message: str) -> Exception:
    """An exception of this kind whose traceback has `FRAMES` frames."""
    try:
        handle_request(kind, message)
    except Exception as err:  # noqa: BLE001 (it is the product)
        return err
    raise AssertionError


def handle_request(kind, message):
    return run_agent(kind, message=message)


def run_agent(kind, message):
    turns = 3
    return step(kind, turns, message)


def step(kind, turn, message):
    answer = choose_tool(kind, message)
    return turn, answer


def choose_tool(kind, message):
    return {"tool": call_tool("search", kind=kind, message=message)}


def call_tool(name, *, kind, message):
    return name, fetch(kind, message)


def fetch(kind, message):
    return send(kind, f"{message}")


def send(kind, message):
    return connect(kind, message) or None


def connect(kind, message):
    raise kind(message)
