"""Responses, as the official Python client speaks them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel
from support.openai import talking

from muxi.core.errors import ModelRejected
from muxi.core.messages import ReasoningPart, TextPart
from muxi.models.scripted import Reply, ScriptedModel, call

WEATHER: Any = {
    "type": "function",
    "name": "weather",
    "description": "The weather in a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}


def rain(city: str) -> str:
    """The rain."""
    return f"wet in {city}"


def _texts(model: ScriptedModel) -> list[str]:
    return [message.text for message in model.requests[-1].messages]


async def test_a_response_is_stored_and_continued(tmp_path: Path) -> None:
    async with talking(tmp_path, ["It rains.", "Snow.", "Sun."]) as (_, client, model):
        first = await client.responses.create(
            model="a",
            input="How is the weather?",
            instructions="Be brief.",
            temperature=0.5,
            max_output_tokens=50,
            reasoning={"effort": "low"},
            metadata={"a": "b"},
            user="ann",
        )
        assert (first.output_text, first.status, first.model) == ("It rains.", "completed", "a")
        assert first.usage is not None
        assert first.usage.total_tokens > 0
        assert (first.metadata, first.user, first.temperature) == ({"a": "b"}, "ann", 0.5)
        assert model.requests[-1].instructions.endswith("Be brief.")
        assert model.requests[-1].settings.reasoning == "low"
        second = await client.responses.create(
            model="a", input="And tomorrow?", previous_response_id=first.id
        )
        assert _texts(model) == ["How is the weather?", "It rains.", "And tomorrow?"]
        assert "Be brief." not in model.requests[-1].instructions
        assert second.previous_response_id == first.id
        forked = await client.responses.create(input="And in Rome?", previous_response_id=first.id)
        assert _texts(model) == ["How is the weather?", "It rains.", "And in Rome?"]
        assert forked.output_text == "Sun."
        for made in (first, second, forked):
            again = await client.responses.retrieve(made.id)
            assert again.to_dict() == made.to_dict()
        items = await client.responses.input_items.list(first.id)
        (item,) = items.data
        assert item.to_dict()["content"] == [{"type": "input_text", "text": "How is the weather?"}]
        await client.responses.delete(first.id)
        for gone in (
            client.responses.retrieve(first.id),
            client.responses.create(model="a", input="x", previous_response_id=first.id),
            client.responses.retrieve("resp_nonsense"),
        ):
            with pytest.raises(openai.NotFoundError):
                await gone


async def test_the_whole_sequence_of_events_is_streamed_and_can_be_read_again(
    tmp_path: Path,
) -> None:
    thought = Reply(parts=[ReasoningPart(text="Hm, rain."), TextPart(text="It rains a lot.")])
    async with talking(tmp_path, [thought]) as (_, client, _m):
        stream = await client.responses.create(model="a", input="Weather?", stream=True)
        events = [event async for event in stream]
        kinds = [event.type for event in events]
        assert kinds[:2] == ["response.created", "response.in_progress"]
        assert kinds[-1] == "response.completed"
        assert [event.sequence_number for event in events] == list(range(len(events)))
        short = [kind for at, kind in enumerate(kinds) if kind != kinds[at - 1]]
        assert short[2:-1] == [
            "response.output_item.added",
            "response.content_part.added",
            "response.reasoning_text.delta",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.reasoning_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
        ]
        assert events[0].type == "response.created"
        assert events[-1].type == "response.completed"
        whole = events[-1].response
        assert whole.output_text == "It rains a lot."
        assert (await client.responses.retrieve(whole.id)).to_dict() == whole.to_dict()
        replay = await client.responses.retrieve(whole.id, stream=True, starting_after=5)
        assert [e.to_dict() async for e in replay][:-1] == [e.to_dict() for e in events[6:-1]]


async def test_the_clients_tools_and_those_of_the_agent(tmp_path: Path) -> None:
    script = [
        [call("rain", city="Oslo"), call("weather", city="Oslo")],
        [call("weather", city="Rome")],
        "Both are wet.",
        "Only Oslo.",
    ]
    agents = {"a": {"name": "a", "tools": ["rain"]}}
    async with talking(tmp_path, script, tools={"rain": rain}, agents=agents) as talk:
        _, client, model = talk
        first = await client.responses.create(model="a", input="Oslo and Rome?", tools=[WEATHER])
        own, made = first.output
        if made.type == "mcp_call":
            own, made = made, own
        assert own.type == "mcp_call"
        assert (own.name, own.output, own.status) == ("rain", "wet in Oslo", "completed")
        assert made.type == "function_call"
        assert (made.name, made.arguments) == ("weather", '{"city":"Oslo"}')
        with pytest.raises(openai.BadRequestError, match="no result"):
            await client.responses.create(
                model="a", input="Well?", previous_response_id=first.id, tools=[WEATHER]
            )
        output: Any = {"type": "function_call_output", "call_id": made.call_id, "output": "cold"}
        async with client.responses.stream(
            model="a", input=[output], previous_response_id=first.id, tools=[WEATHER]
        ) as stream:
            second = await stream.get_final_response()
        assert second.id != first.id
        (asked,) = second.output
        assert asked.type == "function_call"
        assert asked.arguments == '{"city":"Rome"}'
        rome: Any = {"type": "function_call_output", "call_id": asked.call_id, "output": "warm"}
        third = await client.responses.create(
            model="a",
            input=[rome, {"role": "user", "content": "Be quick."}],
            previous_response_id=second.id,
        )
        assert third.output_text == "Both are wet."
        said = model.requests[-1].messages
        assert [message.role for message in said] == [
            "user",
            "assistant",
            "tool",
            "assistant",
            "tool",
            "user",
        ]
        for one in (first, third):
            assert (await client.responses.retrieve(one.id)).to_dict() == one.to_dict()
        (again,) = (await client.responses.retrieve(second.id)).output
        assert again.to_dict().items() <= asked.to_dict().items()
        items = await client.responses.input_items.list(third.id, order="asc")
        assert [item.type for item in items.data] == ["function_call_output", "message"]
        usages = [each.usage for each in (first, second, third)]
        assert all(usage is not None and usage.input_tokens > 0 for usage in usages)
        dry: Any = {**rome, "output": "dry"}
        other = await client.responses.create(
            model="a", input=[dry], previous_response_id=second.id
        )
        assert other.output_text == "Only Oslo."
        last = model.requests[-1].messages[-1]
        assert [part.text for part in last.parts] == ["dry"]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] -- results have texts


async def test_a_client_that_keeps_the_items_itself(tmp_path: Path) -> None:
    script = [call("weather", city="Oslo"), "Cold."]
    async with talking(tmp_path, script) as (muxi, client, _):
        items: Any = [{"role": "user", "content": "Oslo?"}]
        first = await client.responses.create(model="a", input=items, tools=[WEATHER], store=False)
        assert first.to_dict()["store"] is False
        with pytest.raises(openai.NotFoundError):
            await client.responses.retrieve(first.id)
        items += [item.to_dict() for item in first.output]
        (made,) = first.output
        assert made.type == "function_call"
        items.append({"type": "function_call_output", "call_id": made.call_id, "output": "-20"})
        second = await client.responses.create(model="a", input=items, tools=[WEATHER], store=False)
        assert second.output_text == "Cold."
        assert not (await muxi.client.threads()).items


async def test_calls_that_need_leave_are_approval_requests(tmp_path: Path) -> None:
    agents = {"a": {"name": "a", "tools": ["rain"], "approve": ["rain"]}}
    script = [call("rain", city="Oslo"), "Wet."]
    async with talking(tmp_path, script, tools={"rain": rain}, agents=agents) as talk:
        _, client, _ = talk
        first = await client.responses.create(model="a", input="Rain?")
        (asked,) = first.output
        assert asked.type == "mcp_approval_request"
        assert (asked.name, asked.server_label) == ("rain", "muxi")
        with pytest.raises(openai.BadRequestError, match="approval requests"):
            await client.responses.create(model="a", input="x", previous_response_id=first.id)
        yes: Any = {
            "type": "mcp_approval_response",
            "approval_request_id": asked.id,
            "approve": True,
        }
        second = await client.responses.create(
            model="a", input=[yes], previous_response_id=first.id
        )
        own, said = second.output
        assert own.type == "mcp_call"
        assert own.output == "wet in Oslo"
        assert said.type == "message"


async def test_a_response_in_the_background_is_polled_and_cancelled(tmp_path: Path) -> None:
    go_on = asyncio.Event()
    script = [Reply(parts=[TextPart(text="Done.")], before=go_on), Reply(before=asyncio.Event())]
    async with talking(tmp_path, script) as (_, client, _m):
        made = await client.responses.create(model="a", input="Work", background=True)
        assert made.status in ("queued", "in_progress")
        assert (await client.responses.retrieve(made.id)).status == "in_progress"
        with pytest.raises(openai.ConflictError):
            await client.responses.create(model="a", input="x", previous_response_id=made.id)
        go_on.set()
        stream = await client.responses.retrieve(made.id, stream=True)
        assert [event.type async for event in stream][-1] == "response.completed"
        assert (await client.responses.retrieve(made.id)).output_text == "Done."
        endless = await client.responses.create(model="a", input="Work", background=True)
        stopped = await client.responses.cancel(endless.id)
        assert stopped.status == "cancelled"
        with pytest.raises(openai.BadRequestError):
            await client.responses.create(model="a", input="x", background=True, store=False)


class Forecast(BaseModel):
    city: str
    degrees: int


async def test_a_response_has_the_shape_that_was_asked_for(tmp_path: Path) -> None:
    right = '{"city":"Oslo","degrees":3}'
    async with talking(tmp_path, ["no json", right, right]) as (_, client, _m):
        parsed = await client.responses.parse(model="a", input="Oslo?", text_format=Forecast)
        assert parsed.output_parsed == Forecast(city="Oslo", degrees=3)
        async with client.responses.stream(
            model="a", input="Oslo?", text_format=Forecast
        ) as stream:
            last = await stream.get_final_response()
        assert last.output_parsed == Forecast(city="Oslo", degrees=3)


async def test_a_failure_is_told_by_the_response(tmp_path: Path) -> None:
    script = [ModelRejected("No.", model="m"), ModelRejected("No.", model="m")]
    async with talking(tmp_path, script) as (_, client, _m):
        failed = await client.responses.create(model="a", input="x")
        assert failed.status == "failed"
        assert failed.error is not None
        assert failed.error.message.startswith("No.")
        stream = await client.responses.create(model="a", input="x", stream=True)
        assert [event.type async for event in stream][-1] == "response.failed"


REFUSED: list[tuple[Any, str]] = [
    ({"tools": [{"type": "web_search"}]}, "tools.0"),
    ({"input": [{"type": "item_reference"}]}, "input.0"),
    ({"input": [{"type": "function_call_output", "call_id": "x", "output": "y"}]}, "input.0"),
    ({"input": []}, "input"),
    ({"top_logprobs": 3}, "top_logprobs"),
    ({"extra_body": {"nonsense": 1}}, "nonsense"),
    ({"conversation": "conv_x", "previous_response_id": "resp_x"}, "conversation"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"temperature": -1}, "temperature"),
]


async def test_what_cannot_be_done_is_refused_by_name(tmp_path: Path) -> None:
    async with talking(tmp_path, []) as (_, client, _m):
        for change, param in REFUSED:
            body: Any = {"model": "a", "input": "Hello", **change}
            with pytest.raises(openai.BadRequestError) as refused:
                await client.responses.create(**body)
            assert (refused.value.param or "").startswith(param), (refused.value.param, param)


@pytest.mark.parametrize("model", [None, "m/m"])
async def test_a_conversation_is_put_in_short_and_gone_on_with(
    tmp_path: Path, model: str | None
) -> None:
    short = [] if model is None else ["Oslo is cold."]
    memory = {"compaction": {"model": model}}
    script = ["It is cold in Oslo.", *short, "As I said."]
    async with talking(tmp_path, script, memory=memory) as (muxi, client, scripted):
        first = await client.responses.create(model="a", input="How is Oslo?")
        asked: Any = [{"role": "user", "content": "And Rome?"}]
        compacted = await client.responses.compact(
            model="a", input=asked, previous_response_id=first.id
        )
        assert compacted.object == "response.compaction"
        assert [item.type for item in compacted.output] == ["message", "message", "compaction"]
        assert (compacted.usage.total_tokens > 0) == (model is not None)
        again: Any = [item.to_dict(warnings=False) for item in compacted.output]
        last = await client.responses.create(
            model="a", input=[*again, {"role": "user", "content": "Well?"}]
        )
        assert last.output_text == "As I said."
        *_, summary, _ = _texts(scripted)
        assert summary.startswith("What was said before, in short:")
        assert "cold" in summary
        assert len((await muxi.client.threads()).items) == 2
        no: Any = [{"type": "compaction", "encrypted_content": "%"}]
        with pytest.raises(openai.BadRequestError, match="not made here"):
            await client.responses.create(model="a", input=no)
        with pytest.raises(openai.BadRequestError, match="nothing to put in short"):
            await client.responses.compact(model="a")


async def test_nobody_sees_a_response_of_another_user(tmp_path: Path) -> None:
    async with talking(tmp_path, ["Mine."]) as (_, client, _m):
        mine = await client.responses.create(
            model="a", input="x", extra_headers={"X-Muxi-User": "ann"}
        )
        bob = client.with_options(default_headers={"X-Muxi-User": "bob"})
        for other in (
            bob.responses.retrieve(mine.id),
            bob.responses.delete(mine.id),
            bob.responses.cancel(mine.id),
            bob.responses.create(model="a", input="x", previous_response_id=mine.id),
        ):
            with pytest.raises(openai.NotFoundError):
                await other


async def test_the_synchronous_client_works_too(tmp_path: Path) -> None:
    async with talking(tmp_path, ["One two.", "Three."]) as (muxi, _, _m):
        token = muxi.runtime.state.token()

        def talk() -> tuple[str, str]:
            with OpenAI(base_url=f"{muxi.url}/v1", api_key=token) as client:
                whole = client.responses.create(model="a", input="x")
                with client.responses.stream(
                    model="a", input="y", previous_response_id=whole.id
                ) as stream:
                    return whole.output_text, stream.get_final_response().output_text

        assert await asyncio.to_thread(talk) == ("One two.", "Three.")
