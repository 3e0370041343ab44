# SPDX-License-Identifier: Apache-2.0
"""`Config`: the settings as a pydantic-settings model, for code that builds its settings."""

from __future__ import annotations

import os
from typing import Any, Self

from pydantic import PrivateAttr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from telemetry.config.exporters import Signal  # pydantic reads the annotations
from telemetry.config.load import read_settings
from telemetry.config.origin import Origin
from telemetry.config.settings import KINDS, Settings
from telemetry.config.sources import PREFIX

__all__ = ["Config"]


class Config(BaseSettings, Settings):
    """The settings of one pipeline, complete and checked; frozen.

    Constructing it reads what the arguments leave unset from `KAIROS_TELEMETRY_*`, then the standard
    `OTEL_*` variables, then the YAML file `config_file`, then the defaults. The fields are those of
    `Settings`. None and empty text count as not set, in every source.

    Args:
        **settings: The fields.

    Raises:
        ConfigError: Settings cannot be used; it lists all of them.
        MissingExtraError: `config_file` is given and the extra `yaml` is not installed.
    """

    model_config = SettingsConfigDict(
        frozen=True, allow_inf_nan=False, hide_input_in_errors=True, extra="forbid", env_prefix=PREFIX
    )

    _origins: dict[str, Origin] = PrivateAttr(default_factory=dict)
    _exporters: dict[Signal, tuple[str, ...]] = PrivateAttr(default_factory=dict)

    def __init__(self, **settings: Any) -> None:
        read = read_settings(settings, os.environ)
        values: dict[str, Any] = {name: getattr(read, name) for name in KINDS}
        super().__init__(**values)
        self._origins = dict(read.origins)
        self._exporters = dict(read._exporters)  # noqa: SLF001  # the same settings in another class

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  # the signature is theirs
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # the signature is theirs
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # the signature is theirs
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # the signature is theirs
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Leave pydantic-settings what `read_settings` found: it knows the origin of every value."""
        return (init_settings,)

    def _changed(self, update: dict[str, str]) -> Self:
        copy = self.model_copy(update=update)
        copy._origins = self._origins | {name: Origin("code", name) for name in update}  # noqa: SLF001  # our own
        return copy
