# SPDX-License-Identifier: Apache-2.0
"""Spans and metrics of the three GenAI operations an agent consists of, under their official names.

Source: OpenTelemetry GenAI semantic conventions 1.41.1 (inference, tool and agent spans, client
metrics); what differs in the next release is a column of the tables in `telemetry.conventions`.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Protocol

from telemetry import conventions as names
from telemetry.classification import is_cancellation
from telemetry.text import printable
from telemetry.tracing.scope import ActiveTracing, SpanScope, SpanSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from opentelemetry.trace import Span
    from opentelemetry.util.types import AttributeValue

    from telemetry.config.exporters import Signal

__all__ = ["AgentOperation", "GenAIHandle", "GenAISink", "ModelOperation", "ToolOperation"]

_LABELS = (
    names.OPERATION,
    names.PROVIDER,
    names.REQUEST_MODEL,
    names.RESPONSE_MODEL,
    names.GEN_AI_AGENT_NAME,
    names.GEN_AI_TOOL_NAME,
    "server.address",
    "server.port",
)
"""Attributes of an operation that are attributes of its metrics too."""


class GenAISink(Protocol):
    """What a pipeline offers to GenAI operations."""

    def spell(self, attributes: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
        """Returns attributes under the names that `semconv` asks for."""

    def duration(self, operation: str, seconds: float, labels: Mapping[str, object]) -> None:
        """Records how long an operation took."""

    def tokens(self, kind: str, count: int, labels: Mapping[str, object]) -> None:
        """Records tokens; `kind` is `input` or `output`."""

    def first_chunk(self, seconds: float, labels: Mapping[str, object]) -> None:
        """Records the time to the first chunk of a streamed answer."""

    def content(self, span: Span, content: Mapping[str, object]) -> None:
        """Takes messages, arguments and results, where `capture_content` allows it."""

    @property
    def cache_creation_tokens(self) -> str:
        """The attribute for tokens written to a provider's cache."""


class Trouble(Protocol):
    """Takes failures of recording itself."""

    def report(self, call: str, problem: BaseException, signal: Signal) -> None:
        """Notes that a call could not record."""


class GenAITracing(ActiveTracing, Protocol):
    """A pipeline's recording side."""

    @property
    def trouble(self) -> Trouble:
        """Takes what goes wrong inside a call."""

    @property
    def genai(self) -> GenAISink:
        """What the configuration makes of GenAI operations."""


class GenAIHandle(Protocol):
    """Where the active pipeline is found."""

    @property
    def recorder(self) -> GenAITracing | None:
        """The active pipeline's recording side, if any."""


class _Operation:
    """One operation: a span that is current inside the block, and its metrics when it ends.

    Usable with `with` and `async with`, once.
    """

    operation: str

    def __init__(
        self,
        handle: GenAIHandle,
        subject: str,
        component: str | None,
        attributes: Mapping[str, AttributeValue | None],
        *,
        is_client: bool = False,
    ) -> None:
        self._handle = handle
        self._sink: GenAISink | None = None
        self._trouble: Trouble | None = None
        self._attributes: dict[str, AttributeValue] = {
            names.OPERATION: self.operation,
            **{key: value for key, value in attributes.items() if value is not None},
        }
        self._spec = SpanSpec(
            f"{self.operation} {printable(subject)}".rstrip(), component, is_client=is_client
        )
        self._scope = SpanScope(handle, self._spec)
        self._started = 0.0

    @property
    def span(self) -> Span:
        """The operation's span; inside the block, the current one."""
        return self._scope.span

    def set(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Sets further attributes on the span. Never raises."""
        self._contained("set", lambda: self._set(attributes))

    def _set(self, attributes: Mapping[str, AttributeValue]) -> None:
        self._attributes.update(attributes)
        if self._sink is not None:
            self.span.set_attributes(self._sink.spell(attributes))

    def _spell(self) -> None:
        if self._sink is not None:
            self._spec.attributes = self._sink.spell(self._attributes)

    def _capture(self, content: Mapping[str, object]) -> None:
        sink = self._sink
        if sink is not None:
            given = {key: value for key, value in content.items() if value is not None}
            self._contained("content", lambda: sink.content(self.span, given))

    def _contained(self, call: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as problem:  # noqa: BLE001 - telemetry never raises into the agent
            if self._trouble is not None:
                self._trouble.report(f"{type(self).__name__}.{call}", problem, "traces")

    def __enter__(self) -> Self:
        recorder = self._handle.recorder
        if recorder is not None:
            self._sink, self._trouble = recorder.genai, recorder.trouble
            self._contained("attributes", self._spell)
        self._started = perf_counter()
        self._scope.open()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        sink, seconds = self._sink, perf_counter() - self._started
        if sink is not None:
            self._contained("metrics", lambda: self._measure(sink, seconds, self._labels(error)))
        self._scope.close(error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)

    def _measure(self, sink: GenAISink, seconds: float, labels: Mapping[str, object]) -> None:
        sink.duration(self.operation, seconds, labels)

    def _labels(self, error: BaseException | None) -> dict[str, object]:
        labels: dict[str, object] = {
            name: self._attributes[name] for name in _LABELS if name in self._attributes
        }
        if error is not None and not is_cancellation(error):
            from telemetry.tracing.span_errors import error_type

            labels[names.ERROR_TYPE] = error_type(error)
        return labels


class AgentOperation(_Operation):
    """A run of an agent: `invoke_agent {agent}`, with `gen_ai.invoke_agent.duration`."""

    operation = names.OPERATION_INVOKE_AGENT


class ToolOperation(_Operation):
    """A call of a tool: `execute_tool {tool}`, with `gen_ai.execute_tool.duration`."""

    operation = names.OPERATION_EXECUTE_TOOL

    def content(self, *, arguments: object = None, result: object = None) -> None:
        """Hands over arguments and result; they leave the process only with `capture_content`."""
        self._capture({names.TOOL_CALL_ARGUMENTS: arguments, names.TOOL_CALL_RESULT: result})


class ModelOperation(_Operation):
    """A call of a model: `chat {model}` (CLIENT), with its duration and token metrics."""

    operation = names.OPERATION_CHAT

    _input_tokens: int | None = None
    _output_tokens: int | None = None
    _first_chunk_s: float | None = None

    def first_chunk(self) -> None:
        """Notes that the first chunk of a streamed answer arrived now; later calls change nothing."""
        if self._first_chunk_s is None:
            self._first_chunk_s = perf_counter() - self._started
            self.set({names.RESPONSE_FIRST_CHUNK: self._first_chunk_s})

    def response(
        self,
        *,
        model: str | None = None,
        response_id: str | None = None,
        finish_reasons: Sequence[str] = (),
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        cache_read_tokens: int | None = None,
        cache_creation_tokens: int | None = None,
        reasoning_tokens: int | None = None,
    ) -> None:
        """Notes what the model answered with. Never raises.

        Args:
            model: The model that answered, where the provider names it.
            response_id: The provider's id of the answer.
            finish_reasons: Why the answer ended, one per choice.
            input_tokens: Tokens of the request, only as the provider reported them.
            output_tokens: Tokens of the answer, likewise.
            cache_read_tokens: Request tokens that were served from the provider's cache.
            cache_creation_tokens: Request tokens that were written to the provider's cache.
            reasoning_tokens: Answer tokens that were spent on reasoning.
        """
        sink = self._sink
        if sink is None:
            return

        def note() -> None:
            self._input_tokens, self._output_tokens = input_tokens, output_tokens
            facts: dict[str, AttributeValue | None] = {
                names.RESPONSE_MODEL: model,
                names.RESPONSE_ID: response_id,
                names.FINISH_REASONS: tuple(finish_reasons) or None,
                names.INPUT_TOKENS: input_tokens,
                names.OUTPUT_TOKENS: output_tokens,
                names.CACHE_READ_TOKENS: cache_read_tokens,
                sink.cache_creation_tokens: cache_creation_tokens,
                names.REASONING_TOKENS: reasoning_tokens,
            }
            self._set({key: value for key, value in facts.items() if value is not None})

        self._contained("response", note)

    def content(
        self,
        *,
        input_messages: object = None,
        output_messages: object = None,
        system_instructions: object = None,
    ) -> None:
        """Hands over messages in the GenAI conventions' form; exported only with `capture_content`.

        Each may be a callable that returns them, which is called only when they are exported: building
        them from a long conversation costs more than everything else.

        Args:
            input_messages: List of `{"role": ..., "parts": [{"type": "text", "content": ...}, ...]}`.
            output_messages: The same, with `finish_reason` per message.
            system_instructions: List of parts.
        """
        self._capture(
            {
                names.INPUT_MESSAGES: input_messages,
                names.OUTPUT_MESSAGES: output_messages,
                names.SYSTEM_INSTRUCTIONS: system_instructions,
            }
        )

    def _measure(self, sink: GenAISink, seconds: float, labels: Mapping[str, object]) -> None:
        super()._measure(sink, seconds, labels)
        if self._first_chunk_s is not None:
            sink.first_chunk(self._first_chunk_s, labels)
        token_labels = {key: value for key, value in labels.items() if key != names.ERROR_TYPE}
        for kind, count in (
            (names.TOKEN_TYPE_INPUT, self._input_tokens),
            (names.TOKEN_TYPE_OUTPUT, self._output_tokens),
        ):
            if count is not None:
                sink.tokens(kind, count, token_labels)
