# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import json
import pickle
import threading
from dataclasses import dataclass
from datetime import date  # noqa: TC003 - the tool's schema is made from it
from typing import Annotated

import pytest
from pydantic import Field

from agent_runtime import FunctionTool, InvalidArgumentsError
from agent_runtime.tools import as_tool
from telemetry import ErrorCode, classify


async def search(
    query: Annotated[str, Field(description="what to look for")], limit: Annotated[int, Field(ge=1)] = 3
) -> list[str]:
    """Search the archive
    for documents.

    The rest is for programmers.
    """
    return [query] * limit


def call(tool: FunctionTool, arguments: object = None) -> str:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments or {})
    return asyncio.run(tool.call(text))


def test_a_function_describes_itself_to_the_model():
    spec = FunctionTool(search).spec
    assert (spec.name, spec.description) == ("search", "Search the archive for documents.")
    assert spec.input_schema == {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "query": {"type": "string", "description": "what to look for"},
            "limit": {"type": "integer", "minimum": 1, "default": 3},
        },
        "required": ["query"],
    }


def test_name_and_description_may_be_given():
    tool = FunctionTool(search, name="find", description="Find it.")
    assert (tool.spec.name, tool.spec.description, repr(tool)) == ("find", "Find it.", "FunctionTool('find')")


def test_arguments_are_validated_and_results_become_json():
    assert call(FunctionTool(search), {"query": "a", "limit": 2}) == '["a","a"]'


def test_defaults_are_the_functions_own():
    assert call(FunctionTool(search), {"query": "a"}) == '["a","a","a"]'


def test_text_results_stay_as_they_are():
    def greet(name: str) -> str:
        return f"hello {name}"

    assert call(FunctionTool(greet), {"name": "Ada"}) == "hello Ada"


def test_results_that_json_has_no_form_for_become_their_text():
    class Odd:
        def __str__(self) -> str:
            return "odd"

    def make() -> object:
        return {"it": Odd()}

    assert call(FunctionTool(make), "") == '{"it":"odd"}'


def test_wrong_arguments_say_what_is_wrong_with_each():
    with pytest.raises(InvalidArgumentsError) as caught:
        call(FunctionTool(search), {"limit": 0, "page": 2})
    assert str(caught.value) == (
        "invalid arguments for tool 'search': query: Field required; "
        "limit: Input should be greater than or equal to 1; page: Extra inputs are not permitted"
    )
    assert len(caught.value.problems) == 3


def test_arguments_that_are_not_json_are_invalid_too():
    with pytest.raises(
        InvalidArgumentsError, match="invalid arguments for tool 'search': arguments: Invalid JSON"
    ):
        call(FunctionTool(search), '{"query": ')


def test_wrong_arguments_are_invalid_input():
    assert classify(InvalidArgumentsError("search", ("query: required",)))[0] is ErrorCode.INVALID_INPUT


def test_wrong_arguments_survive_a_process_boundary():
    copy = pickle.loads(pickle.dumps(InvalidArgumentsError("search", ("query: required",))))
    assert (copy.tool, copy.problems, str(copy)) == (
        "search",
        ("query: required",),
        "invalid arguments for tool 'search': query: required",
    )


def test_plain_functions_run_beside_the_event_loop():
    def where() -> str:
        return threading.current_thread().name

    assert call(FunctionTool(where)) != threading.current_thread().name


def test_types_are_converted_as_pydantic_does():
    def weekday(day: date) -> int:
        return day.weekday()

    assert call(FunctionTool(weekday), {"day": "2026-05-04"}) == "0"


def test_parameters_may_have_names_that_pydantic_keeps_to_itself():
    def odd(schema: str, _id: int, copy: bool = False) -> str:
        return f"{schema} {_id} {copy}"

    tool = FunctionTool(odd)
    assert list(tool.spec.input_schema["properties"]) == ["schema", "_id", "copy"]  # type: ignore[call-overload]  # a dict
    assert call(tool, {"schema": "s", "_id": 1}) == "s 1 False"


def test_keyword_only_parameters_are_allowed():
    def keyed(*, key: str) -> str:
        return key

    assert call(FunctionTool(keyed), {"key": "k"}) == "k"


def test_methods_and_callable_objects_are_functions_too():
    @dataclass
    class Shop:
        prefix: str

        def price(self, item: str) -> str:
            """Tell a price."""
            return f"{self.prefix} {item}"

        def __call__(self, item: str) -> str:
            return f"called {item}"

    shop = Shop("EUR")
    assert call(FunctionTool(shop.price), {"item": "tea"}) == "EUR tea"
    assert FunctionTool(shop).spec.name == "Shop"
    assert call(FunctionTool(shop), {"item": "tea"}) == "called tea"


def test_a_parameter_without_annotation_is_refused():
    def bare(query):
        return query

    with pytest.raises(TypeError, match="tool 'bare': parameter 'query' has no annotation; annotate it"):
        FunctionTool(bare)


@pytest.mark.parametrize("kind", ["variadic positional", "variadic keyword", "positional-only"])
def test_parameters_that_cannot_be_passed_by_name_are_refused(kind: str):
    def many(*items: str) -> None: ...
    def options(**items: str) -> None: ...
    def position(items: str, /) -> None: ...

    functions = {"variadic positional": many, "variadic keyword": options, "positional-only": position}
    with pytest.raises(TypeError, match=f"parameter 'items' is {kind}; a model passes arguments by name"):
        FunctionTool(functions[kind])


def test_an_annotation_that_cannot_be_resolved_says_how_to_make_it_so():
    def local(item: Hidden) -> None: ...  # type: ignore[name-defined]  # noqa: F821 - on purpose

    with pytest.raises(TypeError, match=r"tool 'local': the annotation 'Hidden' cannot be resolved; define"):
        FunctionTool(local)


def test_a_tool_is_used_as_it_is():
    tool = FunctionTool(search)
    assert as_tool(tool) is tool
    assert as_tool(search).spec == tool.spec
