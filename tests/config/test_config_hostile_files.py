# SPDX-License-Identifier: Apache-2.0
"""Files that want to run code, fill the memory or never end."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from telemetry.config import load_config
from telemetry.errors import ConfigError


@pytest.fixture
def load(tmp_path):
    def load(text: str):
        path = tmp_path / "settings.yaml"
        path.write_text(text)
        return load_config(config_file=path)

    return load


BOMB = "\n".join(
    [
        'a: &a ["x","x","x","x","x","x","x","x","x","x"]',
        *(
            f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]"
            for before, name in zip("abcdefgh", "bcdefghi", strict=True)
        ),
    ]
)


@pytest.mark.parametrize(
    "setting", ["exporter", "otlp_headers", "resource_attributes", "service_name", "otlp_token"]
)
def test_aliases_that_would_unfold_to_gigabytes_are_never_unfolded(load, setting):
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(ConfigError) as caught:
        load(f"{BOMB}\n{setting}: *i\n")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(str(caught.value)) < 5000
    assert peak < 20_000_000
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "text",
    [
        "resource_attributes: &a {b: *a}",
        "otlp_headers: &a {b: *a}",
        "exporter: &a [*a]",
        "service_name: " + "[" * 2000 + "]" * 2000,
        "[" * 100_000,
        "? " * 5000,
    ],
)
def test_structures_without_end_are_an_error(load, text):
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "text",
    [
        "service_name: !!python/object/apply:os.system ['touch {}']",
        "service_name: !!python/name:os.system",
        "!!python/object/new:type {{args: [x, [], {{}}]}}",
    ],
)
def test_tags_run_nothing(load, tmp_path, text):
    proof = tmp_path / "executed"
    try:
        name = load(text.format(proof)).service_name
    except ConfigError:
        name = ""
    assert isinstance(name, str)
    assert not proof.exists()


@pytest.mark.parametrize(
    "setting", ["config_file", "otlp_certificate", "otlp_client_key", "prometheus_certificate"]
)
def test_a_file_without_end_is_not_read_to_its_end(setting):
    with pytest.raises(ConfigError, match="larger than 1 MiB"):
        load_config(**{setting: "/dev/zero"})
