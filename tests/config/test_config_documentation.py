# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from telemetry.config import Config, load_config
from telemetry.config.settings import KINDS
from telemetry.config.standard import STANDARD
from telemetry.errors import ConfigError

DOCUMENT = (Path(__file__).parents[2] / "docs/configuration.md").read_text()
ROWS = {
    cells[0].strip("` "): [cell.strip() for cell in cells[1:]]
    for cells in (
        line.strip("|").split("|")
        for line in DOCUMENT.splitlines()
        if re.match(r"\| `[a-z_]+` \| `[A-Z_]+` \|", line)
    )
}


def test_the_table_has_exactly_the_fields_of_config():
    assert list(ROWS) == list(Config.model_fields) == list(KINDS)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_names_the_variables_that_are_read(name):
    ours, standard, _ = ROWS[name]
    assert ours == f"`{name.upper()}`"
    if name in STANDARD:
        assert set(STANDARD[name].variables) <= set(re.findall(r"OTEL_\w+", standard))
    elif name not in ("exporter", "service_version", "environment"):
        assert standard == ""


@pytest.mark.parametrize("name", ROWS)
def test_a_row_tells_the_default(name):
    default = getattr(load_config(), name)
    told = ROWS[name][2]
    if name == "otlp_insecure":
        assert told == "from the endpoint"
    elif not default and default is not False:
        assert told in ("none", "from `init()`")
    else:
        text = json.dumps(default) if isinstance(default, bool | int | float) else str(default)
        assert told.startswith(f"`{text}`")


def test_the_example_in_code_runs():
    (example,) = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    exec(example, {})


def test_the_errors_shown_are_those_that_are_raised(monkeypatch):
    monkeypatch.setenv("KAIROS_TELEMETRY_EXPORTER", "otpl")
    with pytest.raises(ConfigError) as caught:
        load_config(metric_interval_seconds=-1)
    assert str(caught.value) in DOCUMENT
