# SPDX-License-Identifier: Apache-2.0
"""What a dialect is: a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Dialect"]


class Dialect(NamedTuple):
    """Where a family of instrumentors writes which fact. Of several names the first one that is there counts.

    Attributes:
        markers: Attribute whose value says what the span is -> value in lower case -> (kind, operation).
            A value that is not listed is no call of this dialect.
        presence: Attribute whose presence says what the span is, where no marker does -> (kind, operation).
        scopes: Beginnings of the names of its instrumentation scopes, where `presence` alone would
            catch others' spans too; empty: any.
        request_model: Attributes with the requested model.
        parameters: Attributes with the request's parameters as JSON, where the model is only among those.
        response_model: Attributes with the model that answered.
        provider: Attributes with the provider.
        tool: Attributes with the tool's name.
        agent: Attributes with the agent's or workflow's name.
        input_tokens: Attributes with the tokens of the request.
        output_tokens: Attributes with the tokens of the answer.
        response_id: Attributes with the provider's id of the answer.
        status_code: Attributes with the HTTP status of a failed call.
    """

    markers: Mapping[str, Mapping[str, tuple[str, str]]]
    presence: Mapping[str, tuple[str, str]]
    scopes: tuple[str, ...]
    request_model: tuple[str, ...]
    parameters: tuple[str, ...]
    response_model: tuple[str, ...]
    provider: tuple[str, ...]
    tool: tuple[str, ...]
    agent: tuple[str, ...]
    input_tokens: tuple[str, ...]
    output_tokens: tuple[str, ...]
    response_id: tuple[str, ...]
    status_code: tuple[str, ...]
