# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from support.fresh_process import run

from telemetry.lazy import first_use


def test_a_name_is_loaded_from_its_module_and_kept():
    assert (
        run(
            """
            import sys
            import telemetry.testing
            before = "telemetry.testing.points" in sys.modules
            first = telemetry.testing.Point
            print(before, "Point" in vars(telemetry.testing), first is telemetry.testing.Point)
            """
        )
        == "False True True"
    )


def test_an_unknown_name_is_an_attribute_error():
    load = first_use("telemetry.testing", {"Point": "points"})
    with pytest.raises(AttributeError, match=r"module 'telemetry\.testing' has no attribute 'Pint'"):
        load("Pint")
