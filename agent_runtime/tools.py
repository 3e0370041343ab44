# SPDX-License-Identifier: Apache-2.0
"""Tools: functions that a model may call, described to it by their own types and docstring."""

from __future__ import annotations

import asyncio
import inspect
import typing
from typing import Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic_core import to_json

from agent_runtime.types import ToolSpec
from telemetry import ErrorCode, KairosError

if typing.TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["FunctionTool", "InvalidArgumentsError", "Tool", "as_tool"]


class InvalidArgumentsError(KairosError):
    """A model called a tool with arguments that its schema does not allow.

    Args:
        tool: The tool's name.
        problems: One sentence per wrong argument; the model reads them.
    """

    def __init__(self, tool: str, problems: tuple[str, ...]) -> None:
        self.tool = tool
        self.problems = problems
        super().__init__(
            ErrorCode.INVALID_INPUT, f"invalid arguments for tool {tool!r}: {'; '.join(problems)}"
        )

    def __reduce__(self) -> tuple[type[InvalidArgumentsError], tuple[str, tuple[str, ...]]]:
        return type(self), (self.tool, self.problems)


@runtime_checkable
class Tool(Protocol):
    """Something that a model may call."""

    @property
    def spec(self) -> ToolSpec:
        """What the model is told."""
        ...

    @property
    def source(self) -> str:
        """Where it comes from (`function`, later `mcp`); the span's `kairos.tool.source`."""
        ...

    async def call(self, arguments: str) -> str:
        """Runs the tool once.

        Args:
            arguments: A JSON object as text, as the model wrote it.

        Returns:
            The result as text for the model.

        Raises:
            InvalidArgumentsError: The arguments do not fit the schema; nothing was run.
            Exception: Whatever the tool raises.
        """
        ...


class FunctionTool:
    """A typed function as a tool.

    An `async def` function runs on the event loop. A plain function runs in a worker thread, so
    that one that blocks does not stop the agent; it must therefore be thread-safe, and a timeout
    leaves its thread running to the end.

    Args:
        function: The function. Its parameters need annotations, and may be described by
            `Annotated[..., pydantic.Field(description=...)]`.
        name: Default: the function's name.
        description: Default: the first paragraph of the docstring.

    Raises:
        TypeError: The function cannot be described by a schema.
    """

    source = "function"

    def __init__(
        self, function: Callable[..., object], *, name: str | None = None, description: str | None = None
    ) -> None:
        self._function = function
        self._is_async = inspect.iscoroutinefunction(function)
        tool_name = name or str(getattr(function, "__name__", type(function).__name__))
        self._parameters, self._arguments = _arguments_model(function, tool_name)
        self.spec = ToolSpec(
            name=tool_name,
            description=description or _first_paragraph(function),
            input_schema=_schema(self._arguments),
        )

    def __repr__(self) -> str:
        return f"FunctionTool({self.spec.name!r})"

    async def call(self, arguments: str) -> str:
        """See `Tool.call`."""
        try:
            values = self._arguments.model_validate_json(arguments or "{}")
        except ValidationError as error:
            problems = tuple(
                f"{'.'.join(str(part) for part in item['loc']) or 'arguments'}: {item['msg']}"
                for item in error.errors(include_url=False, include_context=False, include_input=False)
            )
            raise InvalidArgumentsError(self.spec.name, problems) from error
        keywords = {
            parameter: getattr(values, field)
            for field, parameter in self._parameters.items()
            if field in values.model_fields_set
        }
        if self._is_async:
            result = await typing.cast("typing.Awaitable[object]", self._function(**keywords))
        else:
            result = await asyncio.to_thread(self._function, **keywords)
        return result if isinstance(result, str) else to_json(result, fallback=str).decode()


def as_tool(tool: Tool | Callable[..., object]) -> Tool:
    """Returns `tool` itself, or a typed function made into one."""
    return tool if isinstance(tool, Tool) else FunctionTool(tool)


def _first_paragraph(function: Callable[..., object]) -> str:
    return " ".join((inspect.getdoc(function) or "").split("\n\n")[0].split())


def _arguments_model(function: Callable[..., object], name: str) -> tuple[Mapping[str, str], type[BaseModel]]:
    """Returns field name -> parameter name, and the model that validates the arguments."""
    target = function if inspect.isroutine(function) else type(function).__call__
    try:
        hints = typing.get_type_hints(target, include_extras=True)
    except NameError as error:
        raise TypeError(
            f"tool {name!r}: the annotation {error.name!r} cannot be resolved; "
            "define the type at module level, outside of `if TYPE_CHECKING`."
        ) from error
    parameters: dict[str, str] = {}
    fields: dict[str, typing.Any] = {}
    for number, parameter in enumerate(inspect.signature(function).parameters.values()):
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise TypeError(
                f"tool {name!r}: parameter {parameter.name!r} is {parameter.kind.description}; a model "
                "passes arguments by name, so only ordinary and keyword-only parameters are allowed."
            )
        if parameter.name not in hints:
            raise TypeError(
                f"tool {name!r}: parameter {parameter.name!r} has no annotation; "
                "annotate it, for its type is what the model is told."
            )
        # Aliases, because parameters may have names that pydantic keeps to itself (`schema`, `_id`).
        field = f"field_{number}"
        default = ... if parameter.default is parameter.empty else parameter.default
        parameters[field] = parameter.name
        fields[field] = (hints[parameter.name], Field(default, alias=parameter.name))
    model = create_model(f"{name}_arguments", __config__=ConfigDict(extra="forbid"), **fields)
    return parameters, model


def _schema(model: type[BaseModel]) -> Mapping[str, object]:
    """Returns the JSON schema without the titles that pydantic makes up from field names."""
    schema = model.model_json_schema(by_alias=True)
    schema.pop("title", None)
    for described in schema.get("properties", {}).values():
        described.pop("title", None)
    return schema
