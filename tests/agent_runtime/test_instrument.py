# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import copy
import functools
import inspect
import pickle
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import SimpleNamespace, coroutine

import pytest
from opentelemetry.trace import get_current_span
from pydantic import BaseModel

import telemetry
from agent_runtime import Agent, instrument, uninstrument
from agent_runtime.llm import ScriptedModel, say
from telemetry import HealthStatus


class RefusedError(ConnectionError):
    pass


class ForeignTool:
    """A tool in every kind of method."""

    def __init__(self) -> None:
        self.fails = 0
        self.name = "search"

    def _work(self) -> None:
        if self.fails:
            self.fails -= 1
            raise RefusedError("no answer")

    def run(self, query: str, *, limit: int = 3) -> str:
        """Search."""
        self._work()
        return query * limit

    async def arun(self, query: str) -> str:
        await asyncio.sleep(0)
        self._work()
        return query

    def pages(self, query: str):
        received = yield query
        self._work()
        yield received
        return "end"

    async def apages(self, query: str):
        received = yield query
        await asyncio.sleep(0)
        self._work()
        yield received

    @staticmethod
    def fixed(value: int) -> int:
        return value


METHODS = ("run", "arun", "pages", "apages")


def search_tool() -> ForeignTool:
    return instrument(ForeignTool(), methods=METHODS)


async def all_of(stream) -> list[object]:
    return [item async for item in stream]


# -- what stays as it was ----------------------------------------------------------------------


def test_an_object_stays_itself():
    tool = ForeignTool()

    assert instrument(tool) is tool
    assert type(tool) is ForeignTool


@pytest.mark.parametrize("method", METHODS)
def test_signature_and_kind_of_methods_stay(method):
    plain, tool = getattr(ForeignTool(), method), getattr(search_tool(), method)

    assert inspect.signature(tool) == inspect.signature(plain)
    assert inspect.ismethod(tool)
    assert tool.__doc__ == plain.__doc__
    for kind in (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction):
        assert kind(tool) == kind(plain)


def test_the_class_and_other_objects_are_untouched(observed):
    search_tool()

    assert ForeignTool().run("x") == "xxx"
    assert observed.spans == []
    assert pickle.loads(pickle.dumps(ForeignTool)) is ForeignTool


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda tool: pickle.loads(pickle.dumps(tool))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_a_copy_is_plain_and_independent(copied, observed):
    tool = search_tool()
    twin = copied(tool)
    twin.name = "twin"

    assert vars(twin) == {"fails": 0, "name": "twin"}
    assert tool.name == "search"
    assert observed.spans == []


def test_a_class_with_a_state_of_its_own_keeps_it():
    class Stateful(ForeignTool):
        def __getstate__(self):
            return ("state", self.name)

        def __setstate__(self, state):
            self.name = state[1]

    assert copy.copy(instrument(Stateful())).name == "search"


def test_slots_beside_attributes_are_copied_too():
    class Base:
        __slots__ = ("__dict__", "slot")

        def call(self) -> int:
            return 1

    tool = Base()
    tool.slot, tool.free = 1, 2
    twin = copy.copy(instrument(tool, kind="tool"))

    assert (twin.slot, vars(twin)) == (1, {"free": 2})


def test_an_object_without_attributes_is_copied():
    class EmptyTool:
        def call(self) -> int:
            return 1

    assert vars(copy.copy(instrument(EmptyTool()))) == {}


def test_a_pydantic_model_is_instrumented_and_dumps_as_before(observed):
    class EchoTool(BaseModel):
        prefix: str

        def run(self, text: str) -> str:
            return self.prefix + text

    tool = instrument(EchoTool(prefix="> "))

    assert tool.run("x") == "> x"
    assert tool.model_dump() == {"prefix": "> "}
    assert [span.name for span in observed.spans] == ["execute_tool EchoTool"]


# -- spans and errors of every kind of call ----------------------------------------------------


def sync_call(tool):
    return tool.run("q")


def async_call(tool):
    return asyncio.run(tool.arun("q"))


def generator_call(tool):
    return list(tool.pages("q"))


def async_generator_call(tool):
    return asyncio.run(all_of(tool.apages("q")))


CALLS = [
    (sync_call, "qqq"),
    (async_call, "q"),
    (generator_call, ["q", None]),
    (async_generator_call, ["q", None]),
]


@pytest.mark.parametrize(("call", "result"), CALLS)
def test_a_call_that_works_has_a_span_and_a_healthy_component(call, result, observed):
    assert call(search_tool()) == result

    (span,) = observed.spans
    assert span.name == "execute_tool search"
    assert span.attributes["gen_ai.operation.name"] == "execute_tool"
    assert span.status.status_code.name == "UNSET"
    assert observed.errors == {}
    assert observed.health == {"tool.search": HealthStatus.HEALTHY}


@pytest.mark.parametrize(("call", "result"), CALLS)
def test_an_error_is_counted_once_and_stands_on_the_span(call, result, observed):
    tool = search_tool()
    tool.fails = 1

    with pytest.raises(RefusedError, match=r"^no answer$"):
        call(tool)

    (span,) = observed.spans
    assert span.status.status_code.name == "ERROR"
    assert span.attributes["component"] == "tool.search"
    assert [event.name for event in span.events] == ["exception"]
    assert list(observed.errors.items()) == [(("tool_failure", "tool.search", True), 1)]
    assert observed.health == {"tool.search": HealthStatus.DEGRADED}


@pytest.mark.parametrize(("call", "result"), CALLS)
def test_calls_inside_a_call_of_the_same_object_are_part_of_it(call, result, observed):
    class Outer(ForeignTool):
        def execute(self) -> object:
            return call(self)

    tool = instrument(Outer(), methods=(*METHODS, "execute"))

    assert tool.execute() == result
    assert [span.name for span in observed.spans] == ["execute_tool search"]


def test_without_telemetry_calls_work_as_before():
    for call, result in CALLS:
        assert call(search_tool()) == result


def test_a_request_that_is_wrong_says_nothing_about_health(observed):
    @functools.partial(instrument, name="lookup")
    def lookup(key):
        raise ValueError(key)

    with pytest.raises(ValueError, match=r"^x$"):
        lookup("x")

    assert observed.errors == {("invalid_input", "tool.lookup", False): 1}
    assert observed.health == {}


def test_a_cancelled_call_is_no_error(observed):
    tool = search_tool()

    async def main() -> None:
        task = asyncio.create_task(all_of(tool.apages("q")))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())

    (span,) = observed.spans
    assert span.status.status_code.name == "UNSET"
    assert observed.errors == {}


# -- generators --------------------------------------------------------------------------------


def test_a_generator_passes_on_what_is_sent_thrown_and_returned():
    pages = search_tool().pages("q")

    assert next(pages) == "q"
    assert pages.send("s") == "s"
    with pytest.raises(StopIteration) as stop:
        next(pages)
    assert stop.value.value == "end"


def test_what_is_thrown_into_a_generator_reaches_its_body(observed):
    pages = search_tool().pages("q")
    next(pages)

    with pytest.raises(RefusedError):
        pages.throw(RefusedError("thrown"))

    assert list(observed.errors.values()) == [1]


def test_an_async_generator_passes_on_what_is_sent_and_thrown(observed):
    async def main() -> None:
        pages = search_tool().apages("q")
        assert await anext(pages) == "q"
        assert await pages.asend("s") == "s"
        with pytest.raises(RefusedError):
            await pages.athrow(RefusedError("thrown"))

    asyncio.run(main())

    assert list(observed.errors.values()) == [1]


def test_a_generator_left_early_is_no_error(observed):
    pages = search_tool().pages("q")
    next(pages)
    pages.close()

    assert [span.status.status_code.name for span in observed.spans] == ["UNSET"]


def test_a_generators_span_is_not_current_between_two_items(observed):
    inside = []

    def numbers():
        inside.append(get_current_span())
        yield 1
        inside.append(get_current_span())

    for _ in instrument(numbers)():
        assert not get_current_span().is_recording()

    assert inside[0] is inside[1]
    assert inside[0].get_span_context().span_id == observed.span("execute_tool numbers").context.span_id


def test_the_body_of_an_async_generator_stays_in_the_callers_task():
    async def tasks():
        yield asyncio.current_task()
        async with asyncio.timeout(5):
            await asyncio.sleep(0)
        yield asyncio.current_task()

    async def main() -> bool:
        found = await all_of(instrument(tasks)())
        return found == [asyncio.current_task()] * 2

    assert asyncio.run(main())


# -- functions ---------------------------------------------------------------------------------


def test_a_function_comes_back_wrapped_in_its_kind(observed):
    async def weather(city: str) -> str:
        return city

    wrapped = instrument(weather)

    assert inspect.iscoroutinefunction(wrapped)
    assert inspect.signature(wrapped) == inspect.signature(weather)
    assert asyncio.run(wrapped("Lisbon")) == "Lisbon"
    assert [span.name for span in observed.spans] == ["execute_tool weather"]
    assert uninstrument(wrapped) is weather


def test_a_partial_and_a_bound_method_are_functions_too(observed):
    assert instrument(functools.partial(ForeignTool().run, limit=1))("p") == "p"
    assert instrument(ForeignTool().run)("b") == "bbb"
    assert [span.name for span in observed.spans] == ["execute_tool run"] * 2


def decorated(function):
    @functools.wraps(function)
    def checked(*args):
        if args:
            raise TypeError("no arguments, please")
        return function()

    return checked


def test_a_decorated_coroutine_function_is_observed_until_it_is_awaited(observed):
    async def fails():
        await asyncio.sleep(0)
        raise RefusedError("late")

    with pytest.raises(RefusedError):
        asyncio.run(instrument(decorated(fails))())

    assert observed.span("execute_tool fails").status.status_code.name == "ERROR"


def test_a_decorated_coroutine_function_answers(observed):
    async def answers():
        return 1

    assert asyncio.run(instrument(decorated(answers))()) == 1
    assert observed.span("execute_tool answers").status.status_code.name == "UNSET"


def test_decorated_generator_functions_are_observed_to_their_end(observed):
    def numbers():
        yield 1

    async def anumbers():
        yield 2

    assert list(instrument(decorated(numbers))()) == [1]
    assert asyncio.run(all_of(instrument(decorated(anumbers))())) == [2]
    assert [span.name for span in observed.spans] == ["execute_tool numbers", "execute_tool anumbers"]


MARK = ContextVar("mark", default="outside")


@contextmanager
def block(fails=False):
    token = MARK.set("inside")
    try:
        yield "value"
        if fails:
            raise RefusedError("at the end")
    finally:
        MARK.reset(token)


@asynccontextmanager
async def ablock(fails=False):
    with block(fails) as value:
        await asyncio.sleep(0)
        yield value


def in_block(wrapped, *args):
    with wrapped(*args) as value:
        return value, MARK.get(), get_current_span()


def in_ablock(wrapped, *args):
    async def main():
        async with wrapped(*args) as value:
            return value, MARK.get(), get_current_span()

    return asyncio.run(main())


@pytest.mark.parametrize(("function", "enter"), [(block, in_block), (ablock, in_ablock)])
def test_a_context_manager_is_a_call_around_the_block(function, enter, observed):
    wrapped = instrument(function)
    value, mark, current = enter(wrapped)

    span = observed.span(f"execute_tool {function.__name__}")
    assert (value, mark, MARK.get()) == ("value", "inside", "outside")
    assert current.get_span_context().span_id == span.context.span_id
    assert span.status.status_code.name == "UNSET"


@pytest.mark.parametrize(("function", "enter"), [(block, in_block), (ablock, in_ablock)])
def test_a_context_managers_error_is_on_its_span(function, enter, observed):
    with pytest.raises(RefusedError):
        enter(instrument(function), True)

    assert list(observed.errors.values()) == [1]
    assert observed.span(f"execute_tool {function.__name__}").status.status_code.name == "ERROR"


def test_a_context_manager_inside_a_call_of_the_same_object_is_part_of_it(observed):
    class BlockTool:
        @contextmanager
        def stream(self):
            yield 1

        def call(self):
            with self.stream() as value:
                return value

    assert instrument(BlockTool(), methods=["call", "stream"]).call() == 1
    assert len(observed.spans) == 1


def test_a_plain_function_that_only_looks_like_a_coroutine_function_ends_at_once(observed):
    async def answers():
        return 1

    @functools.wraps(answers)
    def blocking(*args):
        if args:
            raise RefusedError("at once")
        return asyncio.run(answers())

    wrapped = instrument(blocking)
    assert wrapped() == 1
    with pytest.raises(RefusedError):
        wrapped("x")
    assert [span.status.status_code.name for span in observed.spans] == ["UNSET", "ERROR"]


def test_a_generator_based_coroutine_is_awaited(observed):
    @coroutine
    def old():
        yield from asyncio.sleep(0).__await__()
        return 1

    async def main() -> int:
        return await instrument(old)()

    assert asyncio.run(main()) == 1
    assert len(observed.spans) == 1


# -- models and agents -------------------------------------------------------------------------


class ForeignModel:
    model = "small-1"
    provider = "acme"

    def __init__(self, *replies: object) -> None:
        self._replies = list(replies)

    async def generate(self, prompt: str) -> object:
        reply = self._replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def stream(self, prompt: str):
        for word in prompt.split():
            yield word


def reply(**facts: object) -> SimpleNamespace:
    return SimpleNamespace(**facts)


OPENAI = reply(
    model="small-1-2026",
    usage=reply(prompt_tokens=3, completion_tokens=5),
    choices=[reply(finish_reason="stop")],
)
ANTHROPIC = {"model": "small-1-2026", "usage": {"input_tokens": 3, "output_tokens": 5}, "stop_reason": "stop"}


@pytest.mark.parametrize("answer", [OPENAI, ANTHROPIC])
def test_a_models_span_has_what_it_answered(answer, observed):
    asyncio.run(instrument(ForeignModel(answer)).generate("hi"))

    attributes = observed.span("chat small-1").attributes
    assert attributes["gen_ai.provider.name"] == "acme"
    assert attributes["gen_ai.response.model"] == "small-1-2026"
    assert attributes["gen_ai.usage.input_tokens"] == 3
    assert attributes["gen_ai.usage.output_tokens"] == 5
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)


def test_an_answer_that_says_nothing_is_no_problem(observed):
    class Hostile:
        @property
        def usage(self):
            raise RuntimeError("no")

    asyncio.run(instrument(ForeignModel(Hostile())).generate("hi"))

    assert "gen_ai.usage.input_tokens" not in observed.span("chat small-1").attributes


def test_a_streaming_model_has_its_time_to_first_chunk(observed):
    assert asyncio.run(all_of(instrument(ForeignModel()).stream("a b"))) == ["a", "b"]
    assert observed.span("chat small-1").attributes["gen_ai.response.time_to_first_chunk"] >= 0


class ForeignAgent:
    def __init__(self, model: ForeignModel, tool: ForeignTool) -> None:
        self.model = model
        self.tool = tool

    async def run(self, prompt: str) -> object:
        for _ in range(3):
            try:
                text = await self.model.generate(prompt)
                return await self.tool.arun(text)
            except RefusedError:
                continue
        raise RuntimeError("gave up")

    def run_sync(self, prompt: str) -> object:
        return asyncio.run(self.run(prompt))

    async def both(self) -> list[object]:
        return await asyncio.gather(self.tool.arun("a"), self.tool.arun("b"), return_exceptions=True)


def team(*replies: object) -> ForeignAgent:
    return instrument(
        ForeignAgent(instrument(ForeignModel(*replies)), search_tool()),
        name="concierge",
        methods=("run", "run_sync", "both"),
    )


def test_a_call_that_works_after_a_failed_one_in_a_run_is_a_recovery(observed):
    agent = team(telemetry.KairosError("rate_limit", "slow down"), RefusedError("reset"), "x", "y")
    agent.tool.fails = 1

    with pytest.raises(telemetry.KairosError):
        agent.run_sync("hi")
    assert observed.recovered == {}

    assert agent.run_sync("hi") == "y"
    assert observed.errors == {
        ("rate_limit", "llm", True): 1,
        ("llm_error", "llm", True): 1,
        ("tool_failure", "tool.search", True): 1,
    }
    assert observed.recovered == {
        ("llm_error", "llm", True): 1,
        ("tool_failure", "tool.search", True): 1,
    }


def test_spans_of_models_and_tools_are_the_agents_children(observed):
    team("x").run_sync("hi")

    agent = observed.span("invoke_agent concierge")
    children = [observed.span("chat small-1"), observed.span("execute_tool search")]
    assert len(observed.spans) == 3
    assert {span.parent.span_id for span in children} == {agent.context.span_id}


def test_a_call_beside_a_failed_one_does_not_make_it_good(observed):
    agent = team()
    agent.tool.fails = 1

    outcomes = asyncio.run(agent.both())

    assert [type(each) for each in outcomes] == [RefusedError, str]
    assert observed.recovered == {}


def test_two_calls_after_a_failed_one_make_it_good_once(observed):
    agent = team()
    agent.tool.fails = 1

    class Twice(ForeignAgent):
        async def run(self, prompt: str) -> object:
            with pytest.raises(RefusedError):
                await self.tool.arun("first")
            return await self.both()

    asyncio.run(instrument(Twice(agent.model, agent.tool)).run("hi"))

    assert list(observed.recovered.values()) == [1]


def test_a_sub_agent_that_is_called_again_makes_its_error_good(observed):
    class SubAgent:
        fails = 1

        def run(self) -> int:
            self.fails -= 1
            if self.fails == 0:
                raise RefusedError("sub")
            return 1

    class Boss:
        def run(self) -> int:
            with pytest.raises(RefusedError):
                sub.run()
            return sub.run()

    sub = instrument(SubAgent())
    assert instrument(Boss(), kind="agent").run() == 1
    assert [span.name for span in observed.spans] == [
        "invoke_agent Boss",
        "invoke_agent SubAgent",
        "invoke_agent SubAgent",
    ]
    assert list(observed.recovered.values()) == [1]


def test_a_component_can_be_given(observed):
    tool = instrument(ForeignTool(), component="search-service")
    tool.fails = 1

    with pytest.raises(RefusedError):
        tool.run("q")

    assert list(observed.errors) == [("tool_failure", "search-service", True)]
    assert observed.health == {"search-service": HealthStatus.DEGRADED}


def test_an_agent_of_ours_reports_itself_already(observed):
    agent = Agent(ScriptedModel([say("hello")]))

    assert instrument(agent).run_sync("hi").output == "hello"
    assert [span.name.split()[0] for span in observed.spans] == ["invoke_agent", "chat"]


# -- once, and undone --------------------------------------------------------------------------


def test_instrumenting_twice_is_once(observed):
    tool = instrument(search_tool(), methods=METHODS)
    function = instrument(instrument(tool.run))

    assert tool.run("q") == "qqq"
    assert function("q") == "qqq"
    assert len(observed.spans) == 2


def test_more_methods_can_be_instrumented_later(observed):
    tool = instrument(instrument(ForeignTool(), methods=["run"]), methods=["arun"])

    sync_call(tool)
    async_call(tool)
    assert len(observed.spans) == 2


def test_uninstrument_leaves_nothing_behind(observed):
    tool = ForeignTool()
    tool.execute = lambda: 1
    before = dict(vars(tool))

    instrument(tool, methods=(*METHODS, "fixed", "execute"))
    assert (tool.fixed(2), tool.execute()) == (2, 1)
    twin = copy.copy(tool)
    assert uninstrument(tool) is tool

    assert vars(tool) == before == vars(twin)
    assert len(observed.spans) == 2


@pytest.mark.parametrize("plain", [ForeignTool(), len, 3])
def test_uninstrumenting_what_is_not_instrumented_changes_nothing(plain):
    assert uninstrument(plain) is plain


# -- what it is, and what cannot be ------------------------------------------------------------


def named(class_name: str, **attributes: object) -> object:
    return type(class_name, (), {"run": lambda self: 1, "invoke": lambda self: 2, **attributes})()


@pytest.mark.parametrize(
    ("obj", "span"),
    [
        (named("ChatAgent"), "invoke_agent ChatAgent"),
        (named("CompiledStateGraph", name="travel"), "invoke_agent travel"),
        (named("ChatModel", model_name="m"), "chat m"),
        (named("AcmeLLM"), "chat AcmeLLM"),
        (named("StructuredTool", spec=SimpleNamespace(name="s")), "execute_tool s"),
        (type("Special", (type(named("BaseTool")),), {"name": ""})(), "execute_tool Special"),
    ],
)
def test_an_object_is_recognised_by_its_class(obj, span, observed):
    instrument(obj).invoke()

    assert [each.name for each in observed.spans] == [span]


def test_a_models_provider_is_its_package_unless_it_says(observed):
    instrument(named("AcmeLLM", __module__="acme.models")).invoke()

    assert observed.spans[0].attributes["gen_ai.provider.name"] == "acme"


@dataclass(slots=True)
class SlotsTool:
    def run(self) -> int:
        return 1


class PropertyTool:
    @property
    def run(self):
        return lambda: 1

    @run.setter
    def run(self, value):
        raise AssertionError


REFUSED = [
    (ForeignTool(), {"kind": "agnet"}, ValueError, r"^kind: 'agnet' is none; allowed: agent, model, tool\. "),
    (len, {"methods": ["x"]}, ValueError, r"^methods: \['x'\] given for a function; leave it out\.$"),
    (
        ForeignTool(),
        {"methods": []},
        ValueError,
        r"^methods: empty; name at least one method",
    ),
    (
        named("Thing"),
        {},
        TypeError,
        r"^Thing object: its class does not say what it is; give kind: ",
    ),
    (
        SimpleNamespace(),
        {"kind": "tool"},
        TypeError,
        r"has none of the methods of tool objects \(call, ",
    ),
    (
        ForeignTool(),
        {"methods": ["fly"]},
        TypeError,
        r"^methods: ForeignTool object has no method 'fly'",
    ),
    (
        SlotsTool(),
        {},
        TypeError,
        r"__slots__ or is built in\)\. .* call = instrument\(obj\.run, ",
    ),
    (ForeignTool, {"kind": "tool"}, TypeError, r"^type object: its attributes cannot be changed "),
    (
        PropertyTool(),
        {},
        TypeError,
        r"^PropertyTool object: 'run' is a property of its class, which ",
    ),
    (
        named("CallTool", __call__=len),
        {"methods": ["__call__"]},
        TypeError,
        r"looks '__call__' up ",
    ),
]


@pytest.mark.parametrize(("obj", "arguments", "kind", "message"), REFUSED)
def test_what_cannot_be_instrumented_is_refused_with_a_way_out(obj, arguments, kind, message):
    with pytest.raises(kind, match=message):
        instrument(obj, **arguments)


def test_the_way_out_works(observed):
    assert instrument(SlotsTool().run, kind="tool", name="slots")() == 1
    assert [span.name for span in observed.spans] == ["execute_tool slots"]
