# SPDX-License-Identifier: Apache-2.0
"""Asking a model, streaming or not: one `chat` span per model asked, with resilience and fallbacks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from agent_runtime import content
from agent_runtime.audit import RunAudit
from agent_runtime.llm.protocol import StreamingModel
from agent_runtime.resilience.fallback import first_that_works
from agent_runtime.resilience.guard import CircuitOpenError, Guard
from agent_runtime.resilience.ledger import Ledger
from agent_runtime.streaming import Listener, streamed
from telemetry import ErrorCode, chat, conventions, get_logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from agent_runtime.llm.protocol import Model
    from agent_runtime.resilience.policy import Resilience
    from agent_runtime.types import Message, ModelResponse, ToolSpec

__all__ = ["ModelCalls"]

_log = get_logger(__name__)


class ModelCalls:
    """An agent's model and the ones to fall back to.

    The model is the component `llm`; a fallback model is `llm.<its name>`, because its breaker
    must not open with the first one's.

    Args:
        model: The agent's model.
        resilience: What to do about errors.
    """

    def __init__(self, model: Model, resilience: Resilience) -> None:
        models = [model, *(resilience.fallback_models if resilience.is_enabled else ())]
        self._guarded = [
            (each, self._guard(self._component(each, index), resilience)) for index, each in enumerate(models)
        ]

    @property
    def guards(self) -> tuple[Guard, ...]:
        """The guards of all models."""
        return tuple(guard for _, guard in self._guarded)

    async def complete(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolSpec],
        attributes: Mapping[str, str | int],
        tell: Callable[[str], Awaitable[None]] | None = None,
        audit: RunAudit | None = None,
    ) -> ModelResponse:
        """Asks the model, and the fallback models when it fails.

        Args:
            messages: The conversation.
            tools: What the model may call.
            attributes: Attributes of the spans.
            tell: Given, the answer is streamed: told each piece of its text. Once it has been told
                any, there is no other attempt, for what was told cannot be taken back.
            audit: Takes a row for each model asked.

        Raises:
            Exception: The last model's error.
        """
        ledger = Ledger()
        listener = None if tell is None else Listener(tell)
        audit = audit or RunAudit(None, {})
        try:
            return await first_that_works(
                [
                    partial(self._ask, model, guard, messages, tools, attributes, ledger, listener, audit)
                    for model, guard in self._guarded
                ],
                self._log_fallback,
                lambda _: listener is not None and listener.has_heard,
            )
        finally:
            ledger.close()

    async def _ask(
        self,
        model: Model,
        guard: Guard,
        messages: Sequence[Message],
        tools: Sequence[ToolSpec],
        attributes: Mapping[str, str | int],
        ledger: Ledger,
        listener: Listener | None,
        audit: RunAudit,
    ) -> ModelResponse:
        is_streamed = listener is not None and isinstance(model, StreamingModel)
        if is_streamed:
            attributes = {**attributes, conventions.REQUEST_STREAM: True}
        # Given at the start, because samplers read them there; a model that is no network's has none.
        attributes = {**getattr(model, "attributes", {}), **attributes}
        host = attributes.get(conventions.SERVER_ADDRESS)
        # One span covers all attempts, as the GenAI conventions want it.
        with (
            audit.model_call(model.name, model.provider, host) as row,
            chat(model.name, provider=model.provider, **attributes) as span,
        ):
            row.on(span)
            answer: ModelResponse | None = None
            try:
                if listener is not None and isinstance(model, StreamingModel):
                    attempt = partial(streamed, model, messages, tools, listener, span.first_chunk)
                    response = await guard.call_in_parts(attempt, ledger, lambda: listener.has_heard)
                else:
                    response = await guard.call(lambda: model.complete(messages, tools), ledger)
                answer = response
                row.answer(response)
            except CircuitOpenError:
                row.refuse()
                raise
            finally:
                span.content(
                    input_messages=partial(content.conversation, messages),
                    output_messages=None if answer is None else partial(content.output, answer),
                    system_instructions=content.instructions(messages),
                )
            usage = response.usage
            span.response(
                model=response.model or model.name,
                response_id=response.response_id,
                finish_reasons=(response.finish_reason,),
                input_tokens=usage.input_tokens if usage is not None else None,
                output_tokens=usage.output_tokens if usage is not None else None,
                cache_read_tokens=usage.cache_read_tokens if usage is not None else None,
                cache_creation_tokens=usage.cache_creation_tokens if usage is not None else None,
                reasoning_tokens=usage.reasoning_tokens if usage is not None else None,
            )
        if listener is not None and not is_streamed:
            await listener.hear(response.text)
        return response

    def _component(self, model: Model, index: int) -> str:
        return conventions.COMPONENT_LLM if index == 0 else f"{conventions.COMPONENT_LLM}.{model.name}"

    def _guard(self, component: str, resilience: Resilience) -> Guard:
        policy = resilience.policy(component, resilience.model)
        return Guard(component, ErrorCode.LLM_ERROR, policy, resilience.timing)

    def _log_fallback(self, error: Exception, index: int) -> None:
        _log.warning("falling back to model %s: %s", self._guarded[index][0].name, error)
