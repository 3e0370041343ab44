# SPDX-License-Identifier: Apache-2.0
"""Resources and scopes as they may leave the process: few of them, each behind many records."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from telemetry.pipeline.cleaning.attributes import AttributeCleaner, Tally
from telemetry.redaction import MASK, redact

__all__ = ["SourceCleaner"]

_REMEMBERED = 256


class SourceCleaner:
    """Cleans resources and scopes, each once. Thread-safe; no method raises."""

    def __init__(self) -> None:
        # An attribute that went missing could make two sources one; and there is no limit to their length.
        self._attributes = AttributeCleaner(None, takes_content=False, drops_content=False)
        # By identity, with the object, so that no other one can come by its number.
        self._cleaned: dict[int, tuple[object, Any]] = {}
        self._clean: dict[int, tuple[object, object]] = {}

    def clean(self, source: Any) -> Any:
        """Cleans a resource or scope.

        Args:
            source: One of the two, or None.

        Returns:
            The same object when nothing had to change; one without attributes when it cannot be read.
        """
        known = self._cleaned.get(id(source))
        if known is not None and known[0] is source:
            return known[1]
        try:
            cleaned = self._cleaned_one(source)
        except Exception:  # noqa: BLE001 - values may raise anything when read; nobody knows what is in them
            cleaned = Resource({}) if isinstance(source, Resource) else InstrumentationScope(MASK)
        if len(self._cleaned) >= _REMEMBERED:
            self._cleaned = {}
        self._cleaned[id(source)] = (source, cleaned)
        return cleaned

    def are_clean(self, resource: Any, scope: Any) -> bool:
        """Tells whether neither of the two has to change.

        Args:
            resource: A record's resource.
            scope: The same record's scope.
        """
        known = self._clean.get(id(scope))
        if known is not None and known[0] is scope and known[1] is resource:
            return True
        are_clean = self.clean(resource) is resource and self.clean(scope) is scope
        if are_clean:
            if len(self._clean) >= _REMEMBERED:
                self._clean = {}
            self._clean[id(scope)] = (scope, resource)
        return are_clean

    def _cleaned_one(self, source: Any) -> Any:
        if source is None:
            return None
        given = dict(source.attributes)
        attributes = self._attributes.clean(given, Tally())
        if isinstance(source, Resource):
            return source if attributes is given else Resource(attributes, source.schema_url)
        name, version = redact(source.name), source.version and redact(source.version)
        if attributes is given and name is source.name and version is source.version:
            return source
        return InstrumentationScope(name, version, source.schema_url, attributes)
