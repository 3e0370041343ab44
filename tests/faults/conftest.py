# SPDX-License-Identifier: Apache-2.0
"""What the tests of the promises stand on."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from support.fault_receivers import Farm
from support.fault_scene import Scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    MakeScene = Callable[..., Scene]


@pytest.fixture(scope="session")
def farm() -> Iterator[Farm]:
    """A process full of receivers."""
    with Farm() as farm:
        yield farm


@pytest.fixture
def make_scene(farm: Farm) -> Iterator[MakeScene]:
    """Makes scenes; they end with the test."""
    with ExitStack() as scenes:

        def make(**options: Any) -> Scene:
            return scenes.enter_context(Scene(farm, **options))

        yield make


@pytest.fixture(params=["grpc", "http"])
def protocol(request: pytest.FixtureRequest) -> str:
    """Both protocols."""
    return str(request.param)
