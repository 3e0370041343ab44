# SPDX-License-Identifier: Apache-2.0
"""An HTTP session that sends what the settings say and nothing that the surroundings add."""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING

import requests
from requests.utils import get_environ_proxies

from telemetry.exporters.http_attempt import AttemptAdapter
from telemetry.exporters.trust import system_roots
from telemetry.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["PinnedSession"]


class PinnedSession(requests.Session):
    """A session for one OTLP endpoint.

    requests puts a password of `~/.netrc` in the place of our Authorization header and
    `REQUESTS_CA_BUNDLE` in the place of our certificate. Here the settings win. Proxy variables
    are respected.

    Args:
        endpoint: The full URL, for the choice of a proxy.
        headers: What goes out with every request besides the protocol's own headers.
        certificate: PEM file of the authorities to trust; default: the machine's.
        client_certificate: PEM file to identify with (mTLS).
        client_key: Its key, when it is in a file of its own.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        headers: Mapping[str, str],
        certificate: str | Path | None = None,
        client_certificate: str | Path | None = None,
        client_key: str | Path | None = None,
    ) -> None:
        super().__init__()
        self.trust_env = False
        self.proxies = get_environ_proxies(endpoint)
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # a receiver has nothing to remember
        for scheme in ("http://", "https://"):
            self.mount(scheme, AttemptAdapter())
        self._own_headers = dict(headers)
        trusted = certificate or system_roots()
        self._own_verify: str | bool = str(trusted) if trusted else True
        self._own_certificate: str | tuple[str, str] | None = None
        if client_certificate and client_key:
            self._own_certificate = (str(client_certificate), str(client_key))
        elif client_certificate:
            self._own_certificate = str(client_certificate)

    def send_otlp(
        self, url: str, body: bytes, headers: Mapping[str, str], timeout_s: float
    ) -> requests.Response:
        """Posts an OTLP message; the answer's body is still to be read, redirections are not followed.

        Args:
            url: The full URL.
            body: The message, encoded and perhaps compressed.
            headers: What belongs to this message; goes before the settings' headers.
            timeout_s: For connecting, and for each read.

        Raises:
            requests.RequestException: No answer.
        """
        return super().request(
            "POST",
            url,
            data=body,
            headers={
                "user-agent": f"kairos-telemetry/{__version__}",
                **self._own_headers,
                "content-type": "application/x-protobuf",
                "accept-encoding": "identity",
                **headers,
            },
            timeout=timeout_s,
            allow_redirects=False,
            stream=True,
            verify=self._own_verify,
            cert=self._own_certificate,
        )
