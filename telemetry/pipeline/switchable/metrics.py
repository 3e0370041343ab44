# SPDX-License-Identifier: Apache-2.0
"""A MeterProvider whose real provider can be exchanged while its meters and instruments stay in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from opentelemetry.metrics import Meter, MeterProvider, NoOpMeterProvider

from telemetry.pipeline.switchable.base import SwitchableProvider, as_text
from telemetry.pipeline.switchable.instruments import (
    SwitchableCounter,
    SwitchableGauge,
    SwitchableHistogram,
    SwitchableObservableCounter,
    SwitchableObservableGauge,
    SwitchableObservableUpDownCounter,
    SwitchableUpDownCounter,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.metrics import CallbackT
    from opentelemetry.util.types import Attributes

__all__ = ["SwitchableMeter", "SwitchableMeterProvider"]

_Observable = SwitchableObservableCounter | SwitchableObservableUpDownCounter | SwitchableObservableGauge
_ObservableT = TypeVar("_ObservableT", bound=_Observable)


class SwitchableMeterProvider(SwitchableProvider[MeterProvider], MeterProvider):
    """Hands out meters whose instruments always use the current real provider. Thread-safe.

    Observable instruments live as long as this provider, as they do in the SDK.

    Attributes:
        histograms: Names of the histograms that libraries created -> their instrumentation scopes.
    """

    def __init__(self) -> None:
        super().__init__(NoOpMeterProvider)
        self.histograms: dict[str, set[str]] = {}
        self._observables: dict[tuple[object, ...], _Observable] = {}

    def switch(self, provider: MeterProvider | None) -> None:
        """Use this provider from now on, for observable instruments at once; None: record nothing."""
        super().switch(provider)
        for observable in tuple(self._observables.values()):
            observable.follow()

    def get_meter(
        self,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> SwitchableMeter:
        """Return a meter for the instrumentation scope; arguments as in the API."""
        return SwitchableMeter(self, name, version, schema_url, attributes)

    def keep(self, key: tuple[object, ...], observable: _ObservableT) -> _ObservableT:
        """Keep an observable instrument for later providers; the first of several equal ones is used.

        Args:
            key: Scope, kind, name, unit and description: what makes two instruments the same.
            observable: The instrument.
        """
        kept = self._observables.setdefault(key, observable)
        # A switch between the instrument's creation and now has not seen it.
        kept.follow()
        return kept  # type: ignore[return-value] # the kind is part of the key


class SwitchableMeter(Meter):
    """A meter whose instruments always use the current real provider. Thread-safe.

    Args:
        provider: Knows the current real provider.
        name: Instrumentation scope.
        version: Its version.
        schema_url: Its schema.
        attributes: Its attributes.
    """

    def __init__(
        self,
        provider: SwitchableMeterProvider,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> None:
        super().__init__(name, version, schema_url)
        self.provider = provider
        self._attributes = attributes

    def on(self, provider: MeterProvider) -> Meter:
        """The real meter of this scope on a provider."""
        return provider.get_meter(self._name, self._version, self._schema_url, self._attributes)

    def create_counter(self, name: str, unit: str = "", description: str = "") -> SwitchableCounter:
        """Create a counter; arguments as in the API, here and below."""
        name, unit, description = as_text(name), as_text(unit), as_text(description)
        return SwitchableCounter(self, name, lambda real: real.create_counter(name, unit, description))

    def create_up_down_counter(
        self, name: str, unit: str = "", description: str = ""
    ) -> SwitchableUpDownCounter:
        """Create an up-down counter."""
        name, unit, description = as_text(name), as_text(unit), as_text(description)
        return SwitchableUpDownCounter(
            self, name, lambda real: real.create_up_down_counter(name, unit, description)
        )

    def create_histogram(
        self,
        name: str,
        unit: str = "",
        description: str = "",
        *,
        explicit_bucket_boundaries_advisory: Sequence[float] | None = None,
    ) -> SwitchableHistogram:
        """Create a histogram."""
        name, unit, description = as_text(name), as_text(unit), as_text(description)
        self.provider.histograms.setdefault(name, set()).add(self._name)
        return SwitchableHistogram(
            self,
            name,
            lambda real: real.create_histogram(
                name,
                unit,
                description,
                explicit_bucket_boundaries_advisory=explicit_bucket_boundaries_advisory,
            ),
        )

    def create_gauge(self, name: str, unit: str = "", description: str = "") -> SwitchableGauge:
        """Create a gauge."""
        name, unit, description = as_text(name), as_text(unit), as_text(description)
        return SwitchableGauge(self, name, lambda real: real.create_gauge(name, unit, description))

    def create_observable_counter(
        self,
        name: str,
        callbacks: Sequence[CallbackT] | None = None,
        unit: str = "",
        description: str = "",
    ) -> SwitchableObservableCounter:
        """Create an observable counter."""
        return self._observable(
            SwitchableObservableCounter, "create_observable_counter", callbacks, name, unit, description
        )

    def create_observable_up_down_counter(
        self,
        name: str,
        callbacks: Sequence[CallbackT] | None = None,
        unit: str = "",
        description: str = "",
    ) -> SwitchableObservableUpDownCounter:
        """Create an observable up-down counter."""
        return self._observable(
            SwitchableObservableUpDownCounter,
            "create_observable_up_down_counter",
            callbacks,
            name,
            unit,
            description,
        )

    def create_observable_gauge(
        self,
        name: str,
        callbacks: Sequence[CallbackT] | None = None,
        unit: str = "",
        description: str = "",
    ) -> SwitchableObservableGauge:
        """Create an observable gauge."""
        return self._observable(
            SwitchableObservableGauge, "create_observable_gauge", callbacks, name, unit, description
        )

    def _observable(
        self,
        kind: type[_ObservableT],
        create: str,
        callbacks: Sequence[CallbackT] | None,
        *texts: object,
    ) -> _ObservableT:
        name, unit, description = map(as_text, texts)
        instrument: _ObservableT = kind(
            self,
            name,
            callbacks,
            lambda real, functions: getattr(real, create)(name, functions, unit, description),
        )
        return self.provider.keep(self._key(create, name, unit, description), instrument)

    def _key(self, kind: str, name: str, unit: str, description: str) -> tuple[object, ...]:
        attributes = tuple(sorted((self._attributes or {}).items(), key=lambda item: item[0]))
        scope = (self._name, self._version, self._schema_url, repr(attributes))
        return (*scope, kind, name.strip().lower(), unit, description)
