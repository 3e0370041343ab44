# SPDX-License-Identifier: Apache-2.0
"""Every name that leaves the process: metrics, spans, attributes, and the GenAI profiles.

Nothing else in this package spells a name. Names of the seed systems keep their spelling;
official names follow the OpenTelemetry semantic conventions. This module imports nothing, so
that reading a name costs nothing.
"""

from __future__ import annotations

SCOPE_NAME = "kairos.telemetry"
"""Instrumentation scope of everything this package records."""

# -- components: where an error comes from when nobody says ------------------------------------
COMPONENT_AGENT = "agent"
COMPONENT_LLM = "llm"
COMPONENT_MEMORY = "memory"
COMPONENT_TOOL = "tool"

# -- the five instruments (contract: "Metrics") ------------------------------------------------
ERRORS_TOTAL = "kairos.errors.total"
ERRORS_RECOVERED = "kairos.errors.recovered"
ERRORS_RATE = "kairos.errors.rate"
HEALTH_STATUS = "kairos.health.status"
CIRCUIT_STATE = "kairos.circuitbreaker.state"

# Units. Braces are annotations: Prometheus adds no suffix for them. The rate is errors per
# minute, but "1/min" would become "_per_minute", and the dashboards ask for kairos_errors_rate.
UNIT_ERRORS = "{error}"
UNIT_ERRORS_RATE = "{errors per minute}"
UNIT_STATUS = "{status}"
UNIT_STATE = "{state}"
UNIT_COMPONENTS = "{component}"
UNIT_SECONDS = "s"
UNIT_TOKENS = "{token}"

# State sets (OpenTelemetry's guidance for status metrics: one series per state, 1 or 0).
HEALTH_COMPONENT = "kairos.health.component"
HEALTH_STATE = "kairos.health.state"
CIRCUIT_COMPONENT = "kairos.circuit_breaker.component"
CIRCUIT_BREAKER_STATE = "kairos.circuit_breaker.state"

# Self-metrics.
DROPPED = "kairos.telemetry.dropped"
TRUNCATED = "kairos.telemetry.truncated"
SPOOL_BYTES = "kairos.telemetry.spool.bytes"
EXPORT_DURATION = "kairos.telemetry.export.duration"
COLLECTION = "kairos.telemetry.collection"
"""Never has a point: asking it lets our instruments get ready for a collection."""
SIGNAL = "signal"
REASON = "reason"
OUTCOME = "outcome"

OWN_METRICS = frozenset(
    {
        ERRORS_TOTAL,
        ERRORS_RECOVERED,
        ERRORS_RATE,
        HEALTH_STATUS,
        CIRCUIT_STATE,
        HEALTH_COMPONENT,
        CIRCUIT_COMPONENT,
        DROPPED,
        TRUNCATED,
        SPOOL_BYTES,
        EXPORT_DURATION,
    }
)
"""Metrics that this package records itself; a user's instrument cannot have their names."""

OVERFLOW = "otel.metric.overflow"
"""Attribute of the one series that takes what a cardinality limit turns away (metrics SDK specification)."""

# -- error attributes (contract: "Spans") ------------------------------------------------------
COMPONENT = "component"
ERROR_CODE = "error.code"
RECOVERABLE = "recoverable"
ERROR_RECOVERABLE = "error.recoverable"
ERROR_TYPE = "error.type"
ERROR_TYPE_OTHER = "_OTHER"
ERROR_PREFIX = "error."
ERROR_CONTEXT_PREFIX = "error.context."

EXCEPTION_EVENT = "exception"
EXCEPTION_TYPE = "exception.type"
EXCEPTION_MESSAGE = "exception.message"
EXCEPTION_STACKTRACE = "exception.stacktrace"

# -- agents and tools --------------------------------------------------------------------------
AGENT_ID = "kairos.agent.id"
AGENT_ROLE = "kairos.agent.role"
AGENT_MODEL = "kairos.agent.model"
AGENT_RUN_ID = "kairos.agent.run_id"
AGENT_ITERATION = "kairos.agent.iteration"
AGENT_MAX_ITERATIONS = "kairos.agent.max_iterations"
TOOL_NAME = "kairos.tool.name"
TOOL_CALL_ID = "kairos.tool.call_id"
TOOL_SOURCE = "kairos.tool.source"
TOOL_DURATION_MS = "kairos.tool.duration_ms"
TOOL_SUCCESS = "kairos.tool.success"
SESSION_ID = "kairos.session.id"

# -- GenAI: names that are the same in every profile -------------------------------------------
OPERATION = "gen_ai.operation.name"
OPERATION_CHAT = "chat"
OPERATION_EXECUTE_TOOL = "execute_tool"
OPERATION_INVOKE_AGENT = "invoke_agent"
PROVIDER = "gen_ai.provider.name"
SYSTEM = "gen_ai.system"
REQUEST_MODEL = "gen_ai.request.model"
REQUEST_STREAM = "gen_ai.request.stream"
REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens"
REQUEST_TEMPERATURE = "gen_ai.request.temperature"
REQUEST_TOP_P = "gen_ai.request.top_p"
REQUEST_TOP_K = "gen_ai.request.top_k"
REQUEST_STOP_SEQUENCES = "gen_ai.request.stop_sequences"
REQUEST_FREQUENCY_PENALTY = "gen_ai.request.frequency_penalty"
REQUEST_PRESENCE_PENALTY = "gen_ai.request.presence_penalty"
REQUEST_SEED = "gen_ai.request.seed"
REQUEST_CHOICE_COUNT = "gen_ai.request.choice.count"
RESPONSE_MODEL = "gen_ai.response.model"
RESPONSE_ID = "gen_ai.response.id"
RESPONSE_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
FINISH_REASONS = "gen_ai.response.finish_reasons"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHE_READ_TOKENS = "gen_ai.usage.cache_read.input_tokens"
REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"
GEN_AI_AGENT_NAME = "gen_ai.agent.name"
GEN_AI_TOOL_NAME = "gen_ai.tool.name"
GEN_AI_TOOL_CALL_ID = "gen_ai.tool.call.id"
GEN_AI_TOOL_TYPE = "gen_ai.tool.type"
GEN_AI_TOOL_DESCRIPTION = "gen_ai.tool.description"
CONVERSATION_ID = "gen_ai.conversation.id"
INPUT_MESSAGES = "gen_ai.input.messages"
OUTPUT_MESSAGES = "gen_ai.output.messages"
SYSTEM_INSTRUCTIONS = "gen_ai.system_instructions"
TOOL_CALL_ARGUMENTS = "gen_ai.tool.call.arguments"
TOOL_CALL_RESULT = "gen_ai.tool.call.result"
TOKEN_TYPE = "gen_ai.token.type"  # noqa: S105 - an attribute name, not a password
TOKEN_TYPE_INPUT = "input"  # noqa: S105 - an attribute value, not a password
TOKEN_TYPE_OUTPUT = "output"  # noqa: S105 - an attribute value, not a password
EVENT_OPERATION_DETAILS = "gen_ai.client.inference.operation.details"

# -- GenAI: what differs between releases, one column per release -------------------------------
PROFILE_RELEASED = "1.41.1"
PROFILE_DEV = "dev"

CHAT_DURATION = {
    PROFILE_RELEASED: "gen_ai.client.operation.duration",
    PROFILE_DEV: "gen_ai.client.inference.duration",
}
TIME_TO_FIRST_CHUNK = {
    PROFILE_RELEASED: "gen_ai.client.operation.time_to_first_chunk",
    PROFILE_DEV: "gen_ai.client.inference.time_to_first_chunk",
}
TOKEN_USAGE = {
    # (metric for input tokens, metric for output tokens, whether gen_ai.token.type tells them apart)
    PROFILE_RELEASED: ("gen_ai.client.token.usage", "gen_ai.client.token.usage", True),
    PROFILE_DEV: (
        "gen_ai.client.inference.operation.input_tokens",
        "gen_ai.client.inference.operation.output_tokens",
        False,
    ),
}
TOKEN_COUNTERS = {
    # (counter of input tokens, counter of output tokens); the released conventions have none
    PROFILE_RELEASED: None,
    PROFILE_DEV: (
        "gen_ai.client.inference.usage.input_tokens",
        "gen_ai.client.inference.usage.output_tokens",
    ),
}
CACHE_CREATION_TOKENS = {
    PROFILE_RELEASED: "gen_ai.usage.cache_creation.input_tokens",
    PROFILE_DEV: "gen_ai.usage.cache_write.input_tokens",
}
EXECUTE_TOOL_DURATION = "gen_ai.execute_tool.duration"
INVOKE_AGENT_DURATION = "gen_ai.invoke_agent.duration"

BUCKETS_DURATION = tuple(0.01 * 2**n for n in range(14))
"""Seconds; for one call of a model or tool."""
BUCKETS_TOKENS = tuple(float(4**n) for n in range(14))
BUCKETS_AGENT_DURATION = tuple(0.1 * 2**n for n in range(13))
"""Seconds; for a whole run of an agent."""

OLDER_NAMES = {
    PROVIDER: SYSTEM,
    REQUEST_MODEL: AGENT_MODEL,
    GEN_AI_TOOL_NAME: TOOL_NAME,
    GEN_AI_TOOL_CALL_ID: TOOL_CALL_ID,
}
"""Official attribute -> the older name of the same fact; `semconv=both` emits both."""

# -- content: what people and models say, under every name that instrumentors give it -----------
CONTENT = frozenset(
    {
        # The GenAI conventions, today's names and earlier ones.
        INPUT_MESSAGES,
        OUTPUT_MESSAGES,
        SYSTEM_INSTRUCTIONS,
        TOOL_CALL_ARGUMENTS,
        TOOL_CALL_RESULT,
        "gen_ai.tool.definitions",
        "gen_ai.retrieval.documents",
        "gen_ai.retrieval.query.text",
        "gen_ai.prompt",
        "gen_ai.completion",
        "gen_ai.event.content",
        "gen_ai.content.completion.chunk",
        # Traceloop's OpenLLMetry.
        "traceloop.entity.input",
        "traceloop.entity.output",
        "traceloop.prompt.template",
        "traceloop.prompt.template_variables",
        "llm.content.completion.chunk",
        "db.query.result.document",
        # OpenInference.
        "llm.function_call",
        "llm.prompt_template.template",
        "llm.prompt_template.variables",
        "embedding.text",
        "reranker.query",
        # pydantic-ai.
        "pydantic_ai.all_messages",
        "all_messages_events",
    }
)
CONTENT_PREFIXES = (
    "gen_ai.prompt.",
    "gen_ai.completion.",
    "llm.prompts.",
    "llm.completions.",
    "llm.request.functions.",
    "llm.input_messages.",
    "llm.output_messages.",
    "llm.choices.",
    "llm.tools.",
    "retrieval.documents.",
    "reranker.input_documents.",
    "reranker.output_documents.",
    "embedding.embeddings.",
)
"""Beginnings of the names of content that is numbered, one attribute for each part of a message."""
CONTENT_FRAME = (".role", ".finish_reason", ".name", ".id", ".type", ".score", ".version", "_id", "_name")
"""Endings of such names that are no content: who spoke, which tool, why it ended."""
CONTENT_BY_MARK = {
    "openinference.span.kind": frozenset(
        {"input.value", "output.value", "tool.parameters", "input.images", "output.images"}
    ),
    "agent_name": frozenset({"final_result"}),
    GEN_AI_TOOL_NAME: frozenset({"tool_arguments", "tool_response", "input.value", "output.value"}),
    "model_request_parameters": frozenset({"events"}),
}
"""Names that say too little for themselves: they are content beside the attribute that stands first."""
CONTENT_EVENTS = frozenset(
    {
        "gen_ai.system.message",
        "gen_ai.user.message",
        "gen_ai.assistant.message",
        "gen_ai.tool.message",
        "gen_ai.choice",
        "gen_ai.content.prompt",
        "gen_ai.content.completion",
    }
)
"""Events (conventions before 1.37) that are content as a whole, in their body or in plain attributes."""
CONTENT_EVENT_FRAME = frozenset({"role", "id", "index", "finish_reason", "event.name"})
"""What stays of such an event."""

# -- MCP (semantic conventions 1.41.1, "MCP client") --------------------------------------------
MCP_METHOD = "mcp.method.name"
MCP_METHOD_CALL_TOOL = "tools/call"
MCP_SESSION_ID = "mcp.session.id"
MCP_PROTOCOL_VERSION = "mcp.protocol.version"
MCP_TOOL_ERROR = "tool_error"
"""`error.type` of a call that the server answered with `isError`."""
MCP_CLIENT_DURATION = "mcp.client.operation.duration"
BUCKETS_MCP_DURATION = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Seconds; for one request to an MCP server."""
JSONRPC_REQUEST_ID = "jsonrpc.request.id"
NETWORK_TRANSPORT = "network.transport"
NETWORK_PROTOCOL = "network.protocol.name"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"

# -- settings that choose among names ----------------------------------------------------------
SEMCONV_KAIROS = "kairos"
SEMCONV_GEN_AI = "gen_ai"
