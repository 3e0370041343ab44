# SPDX-License-Identifier: Apache-2.0
"""An HTTP session that sends what the settings say and nothing that the surroundings add."""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

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

    The SDK's exporter merges headers and certificates from `OTEL_*` variables into every session,
    and requests puts a password of `~/.netrc` in the place of our Authorization header and
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

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request with the settings' headers and certificates.

        Raises:
            requests.RequestException: No answer, or a redirect, which the SDK would count as
                delivered.
        """
        given = {str(name).lower(): value for name, value in (kwargs.get("headers") or {}).items()}
        protocol = {name: given[name] for name in ("content-type", "content-encoding") if name in given}
        agent = {"user-agent": given["user-agent"]} if "user-agent" in given else {}
        kwargs["headers"] = {**agent, **self._own_headers, **protocol}
        kwargs["verify"] = self._own_verify
        self.cert = self._own_certificate  # here, because the SDK sets it once it has the session
        response = super().request(method, url, *args, **kwargs)
        if 300 <= response.status_code < 400:
            raise requests.TooManyRedirects(
                f"the receiver answered {response.status_code} (redirect), which OTLP does not follow; "
                "set otlp_endpoint to the address it redirects to"
            )
        return response
