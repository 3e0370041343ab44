# SPDX-License-Identifier: Apache-2.0
"""Asking a model: one `chat` span per model asked, with resilience and fallback models."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from agent_runtime.resilience.fallback import first_that_works
from agent_runtime.resilience.guard import Guard
from agent_runtime.resilience.ledger import Ledger
from telemetry import ErrorCode, chat, conventions, get_logger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], attributes: Mapping[str, str | int]
    ) -> ModelResponse:
        """Asks the model, and the fallback models when it fails.

        Args:
            messages: The conversation.
            tools: What the model may call.
            attributes: Attributes of the spans.

        Raises:
            Exception: The last model's error.
        """
        ledger = Ledger()
        try:
            return await first_that_works(
                [
                    partial(self._ask, model, guard, messages, tools, attributes, ledger)
                    for model, guard in self._guarded
                ],
                self._log_fallback,
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
    ) -> ModelResponse:
        # One span covers all attempts, as the GenAI conventions want it.
        with chat(model.name, provider=model.provider, **attributes) as span:
            response = await guard.call(lambda: model.complete(messages, tools), ledger)
            usage = response.usage
            span.response(
                model=response.model or model.name,
                finish_reasons=(response.finish_reason,),
                input_tokens=usage.input_tokens if usage is not None else None,
                output_tokens=usage.output_tokens if usage is not None else None,
            )
            return response

    def _component(self, model: Model, index: int) -> str:
        return conventions.COMPONENT_LLM if index == 0 else f"{conventions.COMPONENT_LLM}.{model.name}"

    def _guard(self, component: str, resilience: Resilience) -> Guard:
        policy = resilience.policy(component, resilience.model)
        return Guard(component, ErrorCode.LLM_ERROR, policy, resilience.timing)

    def _log_fallback(self, error: Exception, index: int) -> None:
        _log.warning("falling back to model %s: %s", self._guarded[index][0].name, error)
