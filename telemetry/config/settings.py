# SPDX-License-Identifier: Apache-2.0
"""The settings, one field each, and what the rest of the package asks of them."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from telemetry.config.checks import contradictions
from telemetry.config.endpoint import Endpoint, parse_endpoint
from telemetry.config.exporters import SIGNALS, Signal
from telemetry.config.origin import DEFAULT, Origin
from telemetry.config.problems import from_pydantic
from telemetry.config.resolve import Resolved, resolve
from telemetry.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Config", "load_config"]

_YEAR = 31_536_000
_METRICS_ONLY = frozenset({"prometheus"})
_GRPC_DEFAULT = Endpoint("", "localhost", 4317)
_HTTP_DEFAULT = Endpoint("http", "localhost", 4318)


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _path(value: object) -> object:
    if isinstance(value, str | Path) and str(value).startswith("~/"):
        return Path(value).expanduser()
    return value


Seconds = Annotated[float, Field(gt=0, le=_YEAR)]
Count = Annotated[int, Field(ge=1, le=2**40)]
Text = Annotated[str, Field(coerce_numbers_to_str=True)]
FilePath = Annotated[Path, BeforeValidator(_path)]


class Config(BaseSettings):
    """The settings of one pipeline, complete and checked; frozen.

    Constructing it reads what the arguments leave unset from `KAIROS_TELEMETRY_*`, then the standard
    `OTEL_*` variables, then the YAML file `config_file`, then the defaults. Names, variables and
    defaults are listed in `docs/configuration.md`. Empty text counts as not set, in every source.

    Secrets (`otlp_token`, header values, the password of an endpoint's URL) are `SecretStr` and
    masked in `repr`, dumps and errors.

    Raises:
        ConfigError: Settings cannot be used; it lists all of them.
        MissingExtraError: `config_file` is given and the extra `yaml` is not installed.
    """

    model_config = SettingsConfigDict(
        frozen=True, allow_inf_nan=False, hide_input_in_errors=True, extra="forbid"
    )

    exporter: str = "stdout"
    """Where telemetry goes: a name or a comma list. See `exporters_for` for what that means for a signal."""

    otlp_endpoint: str = _GRPC_DEFAULT.text
    """`host:port` or URL; for HTTP a base URL. User and password in it become `otlp_user`, `otlp_token`."""

    otlp_insecure: bool = True
    """Plain text instead of TLS. Default: by the URL's scheme; for `host:port` true on loopback only,
    and not when certificates are given."""

    otlp_timeout_seconds: Seconds = 10.0
    """Limit for one OTLP request. `OTEL_EXPORTER_OTLP_TIMEOUT` is in seconds, as in opentelemetry-python."""

    otlp_headers: dict[str, SecretStr] = Field(default_factory=dict)
    """Sent with every OTLP request: `k=v,k2=v2` (percent-decoded, `${VAR}` is replaced) or a mapping."""

    otlp_user: Text | None = None
    """User of HTTP Basic authorization, together with `otlp_token`."""

    otlp_token: SecretStr | None = None
    """Password of HTTP Basic authorization; in a settings file `${VAR}` is the variable's value."""

    otlp_compression: Annotated[Literal["none", "gzip"], BeforeValidator(_lower)] = "gzip"
    """Compression of OTLP requests."""

    otlp_certificate: FilePath | None = None
    """PEM file of the authorities that may have signed the server's certificate. Default: the system's."""

    otlp_client_certificate: FilePath | None = None
    """PEM file of our certificate for mutual TLS, together with `otlp_client_key`."""

    otlp_client_key: FilePath | None = None
    """PEM file of our private key for mutual TLS, without a pass phrase."""

    metric_interval_seconds: Seconds = 60.0
    """Time between two exports of metrics."""

    metric_timeout_seconds: Seconds = 30.0
    """Limit for one export of metrics, repetitions included."""

    service_name: Text = ""
    """`service.name` of the resource. The name given to `init()` stands below environment and file."""

    service_version: Text = ""
    """`service.version` of the resource. The version given to `init()` stands below environment and file."""

    environment: Text = ""
    """`deployment.environment.name` of the resource: production, staging, ..."""

    resource_attributes: dict[str, Any] = Field(default_factory=dict)
    """More attributes of the resource. All sources are merged; for one attribute the precedence holds."""

    traces_sampler_ratio: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Share of traces that is recorded, decided at the root (parent-based)."""

    traces_keep_errors: bool = True
    """Below ratio 1: export spans that end in error all the same. Costs recording every span."""

    capture_content: Annotated[Literal["none", "span", "event", "both"], BeforeValidator(_lower)] = "none"
    """Whether prompts, completions, tool arguments and results are recorded, and where."""

    semconv: Annotated[Literal["both", "kairos", "gen_ai"], BeforeValidator(_lower)] = "both"
    """Which names are emitted: ours, OpenTelemetry's, or both."""

    semconv_gen_ai: Annotated[Literal["1.41.1", "dev"], BeforeValidator(_lower)] = "1.41.1"
    """The release of OpenTelemetry's GenAI conventions."""

    cardinality_limit: Count = 2000
    """Series per instrument; further ones are counted as `otel.metric.overflow`."""

    spool_dir: FilePath | None = None
    """Directory of the disk buffer between exporter and network. Default: no buffer on disk."""

    spool_max_bytes: Count = 64 * 1024 * 1024
    """Size of the disk buffer; the oldest data goes first."""

    spool_max_age_seconds: Seconds = 86400.0
    """Age at which buffered data is given up."""

    prometheus_host: Text = "127.0.0.1"
    """Address that Prometheus scrapes."""

    prometheus_port: Annotated[int, Field(ge=0, le=65535)] = 9464
    """Port that Prometheus scrapes; 0 lets the system choose one."""

    file_path: FilePath = Path("telemetry.jsonl")
    """File of the exporter `file`: OTLP/JSON lines."""

    attribute_value_limit: Count = 4096
    """Bytes of an attribute's text; longer text is cut at a character and counted."""

    queue_max_records: Count = 8192
    """Spans, and log records, that wait for export."""

    queue_max_bytes: Count = 32 * 1024 * 1024
    """Memory of the spans, and of the log records, that wait for export."""

    flush_interval_seconds: Seconds = 1.0
    """Longest time that a span or log record waits before it is exported."""

    genai: bool = True
    """Derive metrics from the GenAI spans of any instrumentation."""

    shutdown_timeout_seconds: Seconds = 5.0
    """Longest time that shutting down takes."""

    config_file: FilePath | None = None
    """YAML file of settings. It cannot name another one."""

    _origins: dict[str, Origin] = PrivateAttr(default_factory=dict)
    _exporters: dict[Signal, tuple[str, ...]] = PrivateAttr(default_factory=dict)

    if not TYPE_CHECKING:  # type checkers keep the signature that pydantic makes from the fields

        def __init__(self, **settings: object) -> None:
            fields = type(self).model_fields
            resolved = resolve(settings, os.environ, fields)
            error = self._fill(resolved)
            if error:
                # A second pass without the bad values finds what contradicts among the good ones.
                for name, problem in from_pydantic(error, fields, resolved.given):
                    resolved.problems.append(problem)
                    del resolved.given[name]
                self._fill(resolved)
            resolved.problems.extend(contradictions(self, resolved))
            if resolved.problems:  # raised outside of any except block: pydantic's error holds the values
                raise ConfigError(resolved.problems)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  # the signature is theirs
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # the signature is theirs
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # the signature is theirs
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # the signature is theirs
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Leave pydantic-settings only what `resolve` found: it keeps the origin of every value."""
        return (init_settings,)

    def _fill(self, resolved: Resolved) -> ValidationError | None:
        try:
            values: dict[str, Any] = {name: given.value for name, given in resolved.given.items()}
            super().__init__(**values)
        except ValidationError as error:
            return error
        self._exporters = resolved.exporters
        self._origins = dict.fromkeys(type(self).model_fields, DEFAULT)
        self._origins |= {name: given.origin for name, given in resolved.given.items()}
        # What follows from other settings; the model is frozen for everybody else.
        names = self.all_exporters
        if resolved.endpoint is None and "otlp-http" in names and "otlp" not in names:
            self.__dict__["otlp_endpoint"] = _HTTP_DEFAULT.text
        if "otlp_insecure" not in resolved.given:
            self.__dict__["otlp_insecure"] = self._is_plain(resolved.endpoint)
            if resolved.endpoint:
                self._origins["otlp_insecure"] = Origin("derived", "otlp_endpoint")
        return None

    def _is_plain(self, endpoint: Endpoint | None) -> bool:
        if endpoint and endpoint.scheme:
            return endpoint.scheme == "http"
        if self.otlp_certificate or self.otlp_client_certificate:
            return False
        return endpoint is None or endpoint.is_loopback

    @property
    def is_off(self) -> bool:
        """Whether no signal is exported and nothing is inherited: the exporter is `none`."""
        return not self.all_exporters

    @property
    def all_exporters(self) -> tuple[str, ...]:
        """Every exporter in use, each once, without `none`."""
        return tuple(dict.fromkeys(name for signal in SIGNALS for name in self.exporters_for(signal)))

    def exporters_for(self, signal: Signal) -> tuple[str, ...]:
        """Tell the exporters of one signal.

        Args:
            signal: `metrics`, `traces` or `logs`.

        Returns:
            Names, without `none` and without those that cannot carry the signal (`prometheus`
            carries metrics only); empty when the signal is off. `inherit` stands alone.
        """
        unfit = {"none"} if signal == "metrics" else {"none", *_METRICS_ONLY}
        return tuple(name for name in self._exporters[signal] if name not in unfit)

    @property
    def origins(self) -> Mapping[str, Origin]:
        """Where the value of each field came from."""
        return MappingProxyType(self._origins)

    def grpc_target(self) -> tuple[str, bool]:
        """Tell where OTLP over gRPC goes.

        Returns:
            `host:port` (IPv6 in brackets), and whether the connection is plain text.
        """
        return self._endpoint(_GRPC_DEFAULT).grpc_target, self.otlp_insecure

    def http_base_url(self) -> str:
        """Tell where OTLP over HTTP goes.

        Returns:
            A URL without a slash at its end, to which `/v1/metrics` and its like are appended.
        """
        return self._endpoint(_HTTP_DEFAULT).http_base_url(is_insecure=self.otlp_insecure)

    def headers(self) -> dict[str, str]:
        """Give the headers of every OTLP request in plain text: handle with care.

        Returns:
            Lower-case names; `authorization` when `otlp_user` and `otlp_token` are set.
        """
        headers = {name: value.get_secret_value() for name, value in self.otlp_headers.items()}
        if self.otlp_user is not None and self.otlp_token is not None:
            pair = f"{self.otlp_user}:{self.otlp_token.get_secret_value()}".encode("utf-8", "surrogateescape")
            headers["authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        return headers

    def for_service(self, service_name: str, service_version: str = "") -> Config:
        """Give the service's name and version where no source has set them.

        Args:
            service_name: As given to `init()`.
            service_version: As given to `init()`.

        Returns:
            A copy with both filled in, or the same object when there is nothing to fill in.
        """
        update = {
            name: value
            for name, value in (("service_name", service_name), ("service_version", service_version))
            if value and not getattr(self, name)
        }
        if not update:
            return self
        copy = self.model_copy(update=update)
        copy._origins = self._origins | {  # noqa: SLF001  # our own copy
            name: Origin("code", name) for name in update
        }
        return copy

    def _endpoint(self, default: Endpoint) -> Endpoint:
        if self._origins["otlp_endpoint"] == DEFAULT:
            return default
        return parse_endpoint(self.otlp_endpoint)


def load_config(service_name: str = "", service_version: str = "", **settings: Any) -> Config:
    """Read the settings from code, environment and file.

    Args:
        service_name: The default below environment and file.
        service_version: The default below environment and file.
        **settings: Fields of `Config`; None leaves a setting to the other sources.

    Returns:
        The settings.

    Raises:
        ConfigError: Settings cannot be used; it lists all of them.
        MissingExtraError: `config_file` is given and the extra `yaml` is not installed.
    """
    return Config(**settings).for_service(service_name, service_version)
