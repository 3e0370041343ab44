# SPDX-License-Identifier: Apache-2.0
"""The settings, one field each, and what the rest of the package asks of them."""

# Annotations are objects here, not text: the kinds in them are read at start-up.
import base64
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from telemetry.config.endpoint import Endpoint, parse_endpoint
from telemetry.config.exporters import SIGNALS, Signal
from telemetry.config.kinds import Choice, Flag, Kind, Number, Parsed, PathName, Text, Token, Whole
from telemetry.config.origin import DEFAULT, Given, Origin
from telemetry.config.problems import RejectedError, sentence
from telemetry.config.secret import Secret
from telemetry.errors import ConfigError

__all__ = ["KINDS", "Settings"]

_METRICS_ONLY = frozenset({"prometheus"})
_GRPC_DEFAULT = Endpoint("", "localhost", 4317)
_HTTP_DEFAULT = Endpoint("http", "localhost", 4318)

String = Annotated[str, Text()]
Switch = Annotated[bool, Flag()]
Count = Annotated[int, Whole(1, 2**40)]
# What keeps requests must have room for one, and OTLP receivers take up to 4 MiB.
Storage = Annotated[int, Whole(4 * 1024 * 1024, 2**40)]
Seconds = Annotated[float, Number(above=0, most=31_536_000)]
MaybePath = Annotated[Path | None, PathName()]


class Settings:
    """The settings of one pipeline, complete and checked; immutable.

    `load_config` makes them from code, environment and file; `Config` is the same as a model for
    code that builds its settings. Names, variables and defaults are listed in
    `docs/configuration.md`. Secrets (`otlp_token`, header values, the password of an endpoint's
    URL) are masked in `repr`, dumps and errors.
    """

    exporter: String = "stdout"
    """Where telemetry goes: a name or a comma list. See `exporters_for` for what that means for a signal."""

    otlp_endpoint: String = _GRPC_DEFAULT.text
    """`host:port` or URL; for HTTP a base URL. User and password in it become `otlp_user`, `otlp_token`."""

    otlp_insecure: Switch = True
    """Plain text instead of TLS. Default: by the URL's scheme; for `host:port` true on loopback only,
    and not when certificates are given."""

    otlp_timeout_seconds: Seconds = 10.0
    """Limit for one OTLP request. `OTEL_EXPORTER_OTLP_TIMEOUT` is in seconds, as in opentelemetry-python."""

    otlp_headers: Annotated[Mapping[str, Secret], Parsed()] = MappingProxyType({})
    """Sent with every OTLP request: `k=v,k2=v2` (percent-decoded, `${VAR}` is replaced) or a mapping."""

    otlp_user: Annotated[str | None, Text()] = None
    """User of HTTP Basic authorization, together with `otlp_token`."""

    otlp_token: Annotated[Secret | None, Token()] = None
    """Password of HTTP Basic authorization; in a settings file `${VAR}` is the variable's value."""

    otlp_compression: Annotated[Literal["none", "gzip"], Choice("none", "gzip")] = "gzip"
    """Compression of OTLP requests."""

    otlp_certificate: MaybePath = None
    """PEM file of the authorities that may have signed the server's certificate. Default: the system's."""

    otlp_client_certificate: MaybePath = None
    """PEM file of our certificate for mutual TLS, together with `otlp_client_key`."""

    otlp_client_key: MaybePath = None
    """PEM file of our private key for mutual TLS, without a pass phrase."""

    metric_interval_seconds: Seconds = 60.0
    """Time between two exports of metrics."""

    metric_timeout_seconds: Seconds = 30.0
    """Limit for one export of metrics, repetitions included."""

    service_name: String = ""
    """`service.name` of the resource. The name given to `init()` stands below environment and file."""

    service_version: String = ""
    """`service.version` of the resource. The version given to `init()` stands below environment and file."""

    environment: String = ""
    """`deployment.environment.name` of the resource: production, staging, ..."""

    resource_attributes: Annotated[Mapping[str, Any], Parsed()] = MappingProxyType({})
    """More attributes of the resource. All sources are merged; for one attribute the precedence holds."""

    traces_sampler_ratio: Annotated[float, Number(most=1)] = 1.0
    """Share of traces that is recorded, decided at the root (parent-based)."""

    traces_keep_errors: Switch = True
    """Below ratio 1: export spans that end in error all the same. Costs recording every span."""

    capture_content: Annotated[
        Literal["none", "span", "event", "both"], Choice("none", "span", "event", "both")
    ] = "none"
    """Whether prompts, completions, tool arguments and results are recorded, and where."""

    semconv: Annotated[Literal["both", "kairos", "gen_ai"], Choice("both", "kairos", "gen_ai")] = "both"
    """Which names are emitted: ours, OpenTelemetry's, or both."""

    semconv_gen_ai: Annotated[Literal["1.41.1", "dev"], Choice("1.41.1", "dev")] = "1.41.1"
    """The release of OpenTelemetry's GenAI conventions."""

    cardinality_limit: Count = 2000
    """Series per instrument; further ones are counted as `otel.metric.overflow`."""

    spool_dir: MaybePath = None
    """Directory of the disk buffer between exporter and network. Default: no buffer on disk."""

    spool_max_bytes: Storage = 64 * 1024 * 1024
    """Size of an exporter's disk buffer; the oldest data goes first."""

    spool_max_files: Count = 10_000
    """Requests in an exporter's disk buffer, one file each; the oldest go first."""

    spool_max_age_seconds: Seconds = 86400.0
    """Age at which buffered data is given up."""

    spool_fsync: Annotated[Literal["off", "interval", "always"], Choice("off", "interval", "always")] = (
        "interval"
    )
    """When the disk buffer asks the system to write through to the disk: never, about once a second, or for
    every request. It matters when the machine stops; when only the process does, nothing is lost."""

    prometheus_host: String = "127.0.0.1"
    """Address that Prometheus scrapes."""

    prometheus_port: Annotated[int, Whole(0, 65535)] = 9464
    """Port that Prometheus scrapes; 0 lets the system choose one."""

    prometheus_token: Annotated[Secret | None, Token()] = None
    """Asked of who scrapes, as `Authorization: Bearer <token>`; in a settings file `${VAR}` is the
    variable's value. A host that other machines can reach wants it, or TLS."""

    prometheus_certificate: MaybePath = None
    """PEM file of the endpoint's certificate, for TLS, together with `prometheus_key`."""

    prometheus_key: MaybePath = None
    """PEM file of the certificate's private key, without a pass phrase."""

    file_path: Annotated[Path, PathName()] = Path("telemetry.jsonl")
    """File of the exporter `file`: OTLP/JSON lines."""

    attribute_value_limit: Count = 4096
    """Bytes of an attribute's text; longer text is cut at a character and counted."""

    queue_max_records: Count = 8192
    """Spans, and log records, that wait for export; one number for each of the two."""

    queue_max_bytes: Storage = 32 * 1024 * 1024
    """Memory of the spans, and of the log records, that wait for export."""

    flush_interval_seconds: Seconds = 1.0
    """Longest time that a span or log record waits before it is exported."""

    genai: Switch = True
    """Derive metrics from the GenAI spans of any instrumentation."""

    shutdown_timeout_seconds: Seconds = 5.0
    """Longest time that shutting down takes."""

    config_file: MaybePath = None
    """YAML file of settings. It cannot name another one."""

    _origins: dict[str, Origin]
    _exporters: dict[Signal, tuple[str, ...]]

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(
            f"settings are immutable: {name} cannot be changed; make new ones with load_config"
        )

    def __repr__(self) -> str:
        values = {name: getattr(self, name) for name in KINDS}
        plain = {name: dict(value) if isinstance(value, Mapping) else value for name, value in values.items()}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in plain.items())})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Settings):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in KINDS)

    __hash__ = None  # type: ignore[assignment]  # mappings inside

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

    def for_service(self, service_name: str, service_version: str = "") -> Self:
        """Give the service's name and version where no source has set them.

        Args:
            service_name: As given to `init()`.
            service_version: As given to `init()`.

        Returns:
            A copy with both filled in, or the same object when there is nothing to fill in.

        Raises:
            ConfigError: One of them is not text.
        """
        update: dict[str, str] = {}
        problems = []
        for name, value in (("service_name", service_name), ("service_version", service_version)):
            given = Given(value, Origin("code", name))
            try:
                text = Text().read("" if value is None else value)
            except RejectedError as rejected:
                problems.append(sentence(name, given, rejected))
            else:
                if text and not getattr(self, name):
                    update[name] = text
        if problems:
            raise ConfigError(problems)
        return self._changed(update) if update else self

    def _changed(self, update: dict[str, str]) -> Self:
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__, **update)
        copy.__dict__["_origins"] = self._origins | {name: Origin("code", name) for name in update}
        return copy

    def _endpoint(self, default: Endpoint) -> Endpoint:
        if self._origins["otlp_endpoint"] == DEFAULT:
            return default
        return parse_endpoint(self.otlp_endpoint)


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        name: annotation.__metadata__[0]
        for name, annotation in Settings.__annotations__.items()
        if not name.startswith("_")
    }
)
"""The kind of every setting, in the order of the fields."""
