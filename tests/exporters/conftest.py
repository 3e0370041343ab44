# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.receivers import RECEIVERS
from support.tls import Certificates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.receivers import Receiver


@pytest.fixture(params=RECEIVERS, ids=lambda kind: kind.name)
def receiver(request: pytest.FixtureRequest) -> Iterator[Receiver]:
    """A running collector: rotel, and the OpenTelemetry Collector where it is on PATH."""
    with request.param() as running:
        yield running


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority, a server and a client certificate, and the authority of a stranger."""
    return Certificates.make(tmp_path_factory.mktemp("certificates"))
