# SPDX-License-Identifier: Apache-2.0
"""The checks of one OTLP endpoint: name, connection, TLS, protocol, then each signal."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from telemetry.diagnosis import symptoms
from telemetry.diagnosis.findings import Answer, Finding
from telemetry.diagnosis.network import connect, resolve
from telemetry.diagnosis.payload import Parcel, parcels
from telemetry.diagnosis.proxies import proxy_for
from telemetry.diagnosis.targets import GRPC, Target
from telemetry.diagnosis.tls import client_context, greet, shake_hands

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

    from telemetry.config import Settings

__all__ = ["check_otlp"]


def check_otlp(config: Settings, target: Target) -> Iterator[Finding]:
    """Go towards the endpoint step by step; the first failure ends the walk.

    Args:
        config: Says which signals go there and who sends them.
        target: The endpoint.
    """
    walk = _Walk(target)
    if target.headers and not target.is_secure and not target.is_loopback:
        names = ", ".join(name for name, _ in target.headers)
        yield walk.finding(
            "credentials", Answer(symptoms.CREDENTIALS_EXPOSED, f"{names} to {target.address}")
        )
    for step, take in walk.steps():
        answer = take()
        yield walk.finding(step, answer)
        if answer.is_failure:
            return
    for parcel, answer in walk.send(parcels(config, target.exporter)):
        yield walk.finding(parcel.name, answer, signal=parcel.name, variable=parcel.variable)


class _Walk:
    """What the steps towards one endpoint share: the proxy in between and the TLS context."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._proxy = proxy_for(target, os.environ)
        self._context: ssl.SSLContext | None = None

    def steps(self) -> Iterator[tuple[str, Callable[[], Answer]]]:
        """What to try before anything is sent, in this order."""
        yield "name", self._resolve
        yield "connection", self._connect
        if self._target.is_secure:
            yield "TLS", self._secure
        # Through a proxy, gRPC opens the way itself, and its own errors have to do.
        if self._target.exporter == GRPC and self._proxy is None:
            yield "protocol", lambda: greet(self._target, self._context)

    def send(self, load: list[Parcel]) -> Iterator[tuple[Parcel, Answer]]:
        """Send the test points over the target's protocol."""
        if self._target.exporter == GRPC:
            from telemetry.diagnosis import grpc_probe

            return grpc_probe.send_all(self._target, load)
        from telemetry.diagnosis import http_probe

        return http_probe.send_all(self._target, load, self._context, self._proxy)

    def finding(self, step: str, answer: Answer, **facts: object) -> Finding:
        """The answer as a finding of this target's exporter; a failure names the proxy, too."""
        if self._proxy is not None and answer.is_failure:
            answer = answer.also(f"the proxy from {self._proxy.variable} stands between")
        return answer.finding(f"{self._target.exporter} {step}", **self._target.facts, **facts)

    def _resolve(self) -> Answer:
        stop = self._proxy or self._target
        return resolve(stop.host, stop.port, self._target.timeout_s)

    def _connect(self) -> Answer:
        stop = self._proxy or self._target
        answer = connect(stop.host, stop.port, self._target.timeout_s)
        if self._proxy is None or answer.is_failure:
            return answer
        return Answer(symptoms.PROXY, f"{self._proxy.variable}, {answer.detail}")

    def _secure(self) -> Answer:
        made = client_context(self._target)
        if isinstance(made, Answer):
            return made
        self._context = made
        return shake_hands(self._target, made) if self._proxy is None else Answer(symptoms.TLS_LATER)
