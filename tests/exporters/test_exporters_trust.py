# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import ssl

from telemetry.exporters.trust import system_roots


def test_openssls_variable_goes_first(tmp_path, monkeypatch):
    bundle = tmp_path / "company.pem"
    bundle.write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    assert system_roots() == bundle


def no_default(monkeypatch) -> None:
    paths = ssl.get_default_verify_paths()._replace(cafile=None)
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)


def test_a_distributions_bundle_is_found_where_openssl_names_none(tmp_path, monkeypatch):
    no_default(monkeypatch)
    bundle = tmp_path / "ca-certificates.crt"
    bundle.write_text("")
    assert system_roots((str(tmp_path / "absent"), str(bundle))) == bundle


def test_a_machine_without_any_gets_the_clients_own_list(tmp_path, monkeypatch):
    no_default(monkeypatch)
    assert system_roots((str(tmp_path / "absent"),)) is None
