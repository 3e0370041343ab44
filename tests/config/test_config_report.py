# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

from telemetry.config import Config, rows


def test_rows_tell_every_setting_and_mask_secrets(tmp_path):
    config = Config(
        exporter="otlp",
        prometheus_token="hunter4",
        otlp_user="u",
        otlp_token="hunter2",
        otlp_headers={"K": "hunter3"},
        spool_dir=tmp_path,
        resource_attributes={"a": ["x"], "n": 1},
    )
    told = {row.name: row for row in rows(config)}
    assert list(told) == list(Config.model_fields)
    assert told["otlp_token"].value == "***"
    assert told["prometheus_token"].value == "***"
    assert told["otlp_headers"].value == {"k": "***"}
    assert told["spool_dir"].value == str(tmp_path)
    assert told["resource_attributes"].value == {"a": ["x"], "n": 1}
    assert told["otlp_user"].origin == "argument in code"
    assert "hunter" not in json.dumps(list(told.values()))
