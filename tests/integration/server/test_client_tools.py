"""Tools that the client of a run calls itself: the run waits for their results and goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.served import Served, served

from muxi.config.approval_settings import ApprovalSettings
from muxi.core.caller import LOCAL_CALLER
from muxi.core.errors import Conflict, InvalidInput, NotFound
from muxi.core.events import Event, RunCompleted, RunSuspended, ToolCallDelta, ToolCallStarted
from muxi.core.messages import ImagePart, Message, TextPart, ToolCallPart, ToolResultPart
from muxi.core.requests import ModelRequest, ModelSettings, NamedTool, OutputSchema, ToolSpec
from muxi.core.scope import Scope
from muxi.core.terms import Terms
from muxi.core.threads import Run
from muxi.models.scripted import Answer, ScriptedModel, call
from muxi.runtime.feed import Feed
from muxi.runtime.principal import LOCAL
from muxi.runtime.requests import ClientRequest, RunRequest

WEATHER = ToolSpec(
    name="weather",
    description="The weather in a city",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
)
TERMS = Terms(tools=(WEATHER,))
PIXEL = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


async def _end(muxi: Served, feed: Feed, run: Run) -> list[Event]:
    """All events of the run, once this feed is over."""
    while await feed.next() is not None:
        pass
    return await muxi.follow(run.id)


async def _begin(muxi: Served, terms: Terms = TERMS, **more: Any) -> tuple[Run, list[Event]]:
    request = RunRequest(input="How is the weather in Oslo?", terms=terms, **more)
    run, feed = await muxi.runtime.runs.start_and_follow(LOCAL_CALLER, request)
    return run, await _end(muxi, feed, run)


def _result(call_id: str, *content: Any, outcome: Any = "ok") -> ToolResultPart:
    parts = [TextPart(text=each) if isinstance(each, str) else each for each in content]
    return ToolResultPart(call_id=call_id, name="weather", content=parts, outcome=outcome)


def _asked(events: list[Event]) -> list[str]:
    last = events[-1]
    assert isinstance(last, RunSuspended), last
    return [approval.call_id for approval in last.approvals]


async def _text(muxi: Served, feed: Feed, run: Run) -> str:
    last = (await _end(muxi, feed, run))[-1]
    assert isinstance(last, RunCompleted), last
    assert last.status == "completed", last.problem
    return last.text


def _seen(model: ScriptedModel) -> ModelRequest:
    return model.requests[-1]


async def test_a_run_waits_for_its_client_and_goes_on_with_the_result(tmp_path: Path) -> None:
    model = ScriptedModel([call("weather", "call_0", city="Oslo"), "It rains."])
    async with served(tmp_path, model) as muxi:
        run, events = await _begin(muxi)
        (call_id,) = _asked(events)
        assert call_id != "call_0"
        told = {
            each.call_id for each in events if isinstance(each, ToolCallStarted | ToolCallDelta)
        }
        assert told == {call_id}
        service = muxi.runtime.client_calls
        assert [each.call_id for each in await service.open(LOCAL, run.id)] == [call_id]
        found = await service.find(LOCAL, call_id)
        assert found is not None
        assert (found.run_id, found.arguments) == (run.id, {"city": "Oslo"})
        assert await service.find(Scope("default", "other"), call_id) is None
        with pytest.raises(NotFound):
            await service.answer(Scope("default", "other"), run.id, [_result(call_id, "rain")])
        with pytest.raises(InvalidInput):
            await service.answer(LOCAL, run.id, [_result("call_0", "rain")])
        answered, feed = await service.answer(LOCAL, run.id, [_result(call_id, "rain")])
        assert answered.attempt == 2
        assert await _text(muxi, feed, run) == "It rains."
        said = _seen(model).messages
        assert [message.role for message in said] == ["user", "assistant", "tool"]
        (result,) = said[-1].parts
        assert isinstance(result, ToolResultPart)
        assert (result.text, result.call_id) == ("rain", call_id)
        with pytest.raises(Conflict):
            await service.answer(LOCAL, run.id, [_result(call_id, "snow")])


async def test_the_agents_own_tools_run_here_beside_those_of_the_client(tmp_path: Path) -> None:
    called: list[str] = []

    def clock(zone: str) -> str:
        """The time."""
        called.append(zone)
        return "noon"

    both = [call("clock", zone="CET"), call("weather", city="Oslo"), call("weather", city="Rome")]
    model = ScriptedModel([both, "Done."])
    agents = {"a": {"name": "a", "tools": ["clock"]}}
    async with served(tmp_path, model, tools={"clock": clock}, agents=agents) as muxi:
        run, events = await _begin(muxi)
        oslo, rome = _asked(events)
        assert called == ["CET"]
        service = muxi.runtime.client_calls
        waiting, feed = await service.answer(LOCAL, run.id, [_result(rome, "sun")])
        assert waiting.status == "waiting"
        assert await feed.next() is None
        _, feed = await service.answer(LOCAL, run.id, [_result(oslo, "rain")])
        assert await _text(muxi, feed, run) == "Done."
        assert called == ["CET"]
        results = _seen(model).messages[-1].parts
        assert [part.text for part in results if isinstance(part, ToolResultPart)] == [
            "noon",
            "rain",
            "sun",
        ]


async def test_what_the_client_says_after_the_result_and_its_new_terms_count(
    tmp_path: Path,
) -> None:
    model = ScriptedModel([call("weather", city="Oslo"), "It rains in Oslo, and tomorrow too."])
    async with served(tmp_path, model) as muxi:
        terms = Terms(tools=(WEATHER,), tool_choice="required", instructions="Be brief.")
        run, events = await _begin(muxi, terms)
        (call_id,) = _asked(events)
        assert _seen(model).tool_choice == "required"
        then = Message(role="user", parts=[TextPart(text="And tomorrow?")])
        _, feed = await muxi.runtime.client_calls.answer(
            LOCAL,
            run.id,
            [_result(call_id, "rain")],
            then=then,
            terms=Terms(instructions="Be long.", settings=ModelSettings(temperature=0.5)),
        )
        assert (await _text(muxi, feed, run)).startswith("It rains")
        seen = _seen(model)
        assert [message.role for message in seen.messages] == ["user", "assistant", "tool", "user"]
        (given,) = seen.messages[2].parts
        assert isinstance(given, ToolResultPart)
        assert (given.text, given.outcome) == ("rain", "ok")
        assert (seen.tools, seen.tool_choice, seen.settings.temperature) == ((), "auto", 0.5)
        assert "Be long." in seen.instructions
        assert "Be brief." not in seen.instructions


@pytest.mark.parametrize("choice", ["required", NamedTool(name="weather")])
async def test_a_choice_holds_until_the_model_has_called_a_tool_of_the_client(
    tmp_path: Path, choice: Any
) -> None:
    script: list[Answer] = [call("clock"), call("weather", city="Oslo"), "Done."]
    model = ScriptedModel(script)
    agents = {"a": {"name": "a", "tools": ["clock"]}}
    async with served(tmp_path, model, tools={"clock": lambda: "noon"}, agents=agents) as muxi:
        run, events = await _begin(muxi, Terms(tools=(WEATHER,), tool_choice=choice))
        (call_id,) = _asked(events)
        assert [request.tool_choice for request in model.requests] == [choice, choice]
        _, feed = await muxi.runtime.client_calls.answer(LOCAL, run.id, [_result(call_id, "x")])
        assert await _text(muxi, feed, run) == "Done."
        assert _seen(model).tool_choice == "auto"


async def test_arguments_that_do_not_fit_go_back_to_the_model_and_not_to_the_client(
    tmp_path: Path,
) -> None:
    model = ScriptedModel([call("weather", town=1), call("weather", city="Oslo"), "Done."])
    async with served(tmp_path, model) as muxi:
        run, events = await _begin(muxi)
        (call_id,) = _asked(events)
        result = _result(call_id, "no such place", outcome="error")
        _, feed = await muxi.runtime.client_calls.answer(LOCAL, run.id, [result])
        assert await _text(muxi, feed, run) == "Done."
        results = [
            part
            for message in _seen(model).messages
            for part in message.parts
            if isinstance(part, ToolResultPart)
        ]
        assert [part.outcome for part in results] == ["error", "error"]
        assert "no such place" in results[1].text


async def test_the_clients_calls_need_no_leave_of_the_project(tmp_path: Path) -> None:
    model = ScriptedModel([call("weather", city="Oslo"), "Done."])
    approvals = ApprovalSettings.model_validate({"otherwise": "deny"})
    async with served(tmp_path, model, approvals=approvals) as muxi:
        _, events = await _begin(muxi)
        assert _asked(events)


async def test_a_restart_between_call_and_result_loses_nothing(tmp_path: Path) -> None:
    model = ScriptedModel([call("weather", city="Oslo"), "It rains."])
    async with served(tmp_path, model) as muxi:
        run, events = await _begin(muxi)
        (call_id,) = _asked(events)
    async with served(tmp_path, model) as muxi:
        picture = ImagePart(media_type="image/png", data=PIXEL)
        _, feed = await muxi.runtime.client_calls.answer(
            LOCAL, run.id, [_result(call_id, "rain", picture)]
        )
        assert await _text(muxi, feed, run) == "It rains."
        (result,) = _seen(model).messages[-1].parts
        assert isinstance(result, ToolResultPart)
        assert isinstance(result.content[1], ImagePart)
        assert result.content[1].data == PIXEL
        stored = await muxi.client.messages(run.thread_id)
        (kept,) = stored[2].parts
        assert isinstance(kept, ToolResultPart)
        assert isinstance(kept.content[1], ImagePart)
        assert kept.content[1].data is None


async def test_a_shape_and_settings_are_the_clients_and_limits_stay_the_agents(
    tmp_path: Path,
) -> None:
    model = ScriptedModel(['{"n": 1}'])
    agents = {"a": {"name": "a", "settings": {"max_tokens": 100, "temperature": 0.1}}}
    shape = OutputSchema(name="n", json_schema={"type": "object", "required": ["n"]})
    settings = ModelSettings(max_tokens=5_000, top_p=0.5)
    async with served(tmp_path, model, agents=agents) as muxi:
        _, events = await _begin(muxi, Terms(output=shape, settings=settings))
        last = events[-1]
        assert isinstance(last, RunCompleted)
        assert last.output == {"n": 1}
        sent = _seen(model).settings
        assert (sent.max_tokens, sent.temperature, sent.top_p) == (100, 0.1, 0.5)


async def test_a_conversation_that_the_client_holds_begins_a_thread(tmp_path: Path) -> None:
    model = ScriptedModel(["Sunny."])
    made = ToolCallPart(id="theirs", name="weather", arguments={"city": "Rome"})
    history = [
        Message(role="user", parts=[TextPart(text="Rome?")]),
        Message(role="assistant", parts=[made]),
    ]
    async with served(tmp_path, model) as muxi:
        request = ClientRequest(
            input=[_result("theirs", "sun")], role="tool", history=history, terms=TERMS
        )
        run, feed = await muxi.runtime.runs.start_and_follow(LOCAL_CALLER, request)
        assert await _text(muxi, feed, run) == "Sunny."
        assert [message.role for message in _seen(model).messages] == ["user", "assistant", "tool"]
        stored = await muxi.client.messages(run.thread_id)
        assert [message.role for message in stored] == ["user", "assistant", "tool", "assistant"]


@pytest.mark.parametrize(
    "terms",
    [
        {"tools": [{"name": "a b"}]},
        {"tools": [{"name": "a"}, {"name": "a"}]},
        {"tools": [{"name": "a", "parameters": {"type": "nothing"}}]},
        {"tools": [{"name": "a", "parameters": {"type": "string"}}]},
        {"tool_choice": "required"},
        {"tools": [{"name": "a"}], "tool_choice": {"name": "b"}},
        {"output": {"name": "x", "json_schema": {"type": 7}}},
    ],
)
async def test_terms_that_cannot_be_kept_are_refused_over_the_api(
    tmp_path: Path, terms: Any
) -> None:
    async with served(tmp_path, []) as muxi:
        body = {"input": "Hello", "terms": terms}
        async with muxi.http.post(f"{muxi.url}/api/runs", json=body) as answer:
            assert answer.status == 422, await answer.text()


async def test_a_client_over_the_api_answers_by_the_id_of_the_call(tmp_path: Path) -> None:
    async with served(tmp_path, [call("weather", city="Oslo"), "It rains."]) as muxi:
        terms = TERMS.model_dump(mode="json")
        body = {"input": "Oslo?", "terms": terms}
        async with muxi.http.post(f"{muxi.url}/api/runs", json=body) as answer:
            run = Run.model_validate_json(await answer.read())
        (call_id,) = _asked(await muxi.follow(run.id))
        decision = {"decision": "answer", "answer": "rain"}
        async with muxi.http.post(f"{muxi.url}/api/approvals/{call_id}", json=decision) as answer:
            assert answer.status == 200
        last = (await muxi.follow(run.id))[-1]
        assert isinstance(last, RunCompleted)
        assert last.text == "It rains."
