"""Conversations and their items, as the official Python client speaks of them."""

from __future__ import annotations

import base64
from functools import partial
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from openai.types.conversations import ConversationItem
from support.openai import talking

from muxi.core.messages import ReasoningPart, TextPart
from muxi.models.scripted import Reply, call
from muxi.runtime.principal import LOCAL, owner_for

PICTURE = "data:image/png;base64," + base64.b64encode(b"\x89PNG").decode()
WEATHER: Any = {
    "type": "function",
    "name": "weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


def rain(city: str) -> str:
    """The rain."""
    return f"wet in {city}"


def _said(text: str, role: str = "user") -> Any:
    return {"type": "message", "role": role, "content": text}


async def _items(client: AsyncOpenAI, id: str) -> list[ConversationItem]:
    return [item async for item in await client.conversations.items.list(id, order="asc", limit=2)]


def _texts(items: list[Any]) -> list[str]:
    return [item.content[0].text for item in items if item.type == "message"]


async def test_a_conversation_is_begun_changed_and_deleted(tmp_path: Path) -> None:
    async with talking(tmp_path, []) as (muxi, client, _):
        made = await client.conversations.create(metadata={"topic": "demo"})
        assert made.id.startswith("conv_")
        assert await client.conversations.retrieve(made.id) == made
        changed = await client.conversations.update(made.id, metadata={"topic": "weather"})
        assert changed.metadata == {"topic": "weather"}
        assert (await client.conversations.retrieve(made.id)) == changed
        gone = await client.conversations.delete(made.id)
        assert (gone.id, gone.object, gone.deleted) == (made.id, "conversation.deleted", True)
        assert not (await muxi.client.threads()).items
        for missing in (
            client.conversations.retrieve(made.id),
            client.conversations.delete(made.id),
            client.conversations.update(made.id, metadata={}),
            client.conversations.items.list(made.id),
            client.conversations.retrieve("conv_nonsense"),
            client.responses.create(model="a", input="x", conversation=made.id),
        ):
            with pytest.raises(openai.NotFoundError):
                await missing


async def test_answers_and_what_was_told_are_items_of_one_conversation(tmp_path: Path) -> None:
    script = [
        Reply(
            parts=[ReasoningPart(text="Hm."), TextPart(text="I look."), call("rain", city="Oslo")]
        ),
        call("weather", city="Oslo"),
        "Cold and wet.",
        "Bye.",
    ]
    agents = {"a": {"name": "a", "tools": ["rain"]}}
    async with talking(tmp_path, script, tools={"rain": rain}, agents=agents) as talk:
        _, client, model = talk
        seen: Any = [
            {"type": "input_text", "text": "Look"},
            {"type": "input_image", "image_url": PICTURE},
        ]
        begun = await client.conversations.create(
            items=[
                {"type": "message", "role": "user", "content": seen},
                _said("I see.", "assistant"),
            ]
        )
        asked = await client.responses.create(
            model="a", input="Oslo?", conversation=begun.id, tools=[WEATHER]
        )
        made = asked.output[-1]
        assert made.type == "function_call"
        with pytest.raises(openai.ConflictError):
            await client.conversations.items.create(begun.id, items=[_said("Well?")])
        with pytest.raises(openai.ConflictError):
            await client.conversations.items.delete(made.id or "", conversation_id=begun.id)
        output: Any = {"type": "function_call_output", "call_id": made.call_id, "output": "cold"}
        answered = await client.responses.create(
            model="a", input=[output], conversation=begun.id, tools=[WEATHER]
        )
        assert answered.conversation is not None
        assert answered.conversation.id == begun.id
        added = await client.conversations.items.create(begun.id, items=[_said("Thanks.")])
        items = await _items(client, begun.id)
        assert [item.type for item in items] == [
            *("message", "message", "message", "reasoning", "message", "mcp_call"),
            *("function_call", "function_call_output", "message", "message"),
        ]
        assert _texts(items) == ["Look", "I see.", "Oslo?", "I look.", "Cold and wet.", "Thanks."]
        assert items[-1].to_dict() == added.data[0].to_dict()
        told = {item.id: item for item in (*asked.output, *answered.output)}
        kept = {item.id: item for item in items}
        assert told.keys() <= kept.keys()
        for item_id in told:
            one = await client.conversations.items.retrieve(item_id or "", conversation_id=begun.id)
            assert one.to_dict() == kept[item_id].to_dict()
        last = await client.responses.create(model="a", input="Bye", conversation={"id": begun.id})
        assert last.output_text == "Bye."
        said = model.requests[-1].messages
        assert [message.text for message in said if message.role == "user"] == [
            *("Look", "Oslo?", "Thanks.", "Bye"),
        ]
        newest = await client.conversations.items.list(begun.id, limit=1)
        assert (_texts(newest.data), newest.has_more) == (["Bye."], True)


async def test_a_deleted_item_is_forgotten_with_its_exchange(tmp_path: Path) -> None:
    script = [call("weather", city="Oslo"), "It is cold.", "What?"]
    async with talking(tmp_path, script) as (muxi, client, model):
        begun = await client.conversations.create()
        ask: Any = partial(
            client.responses.create, model="a", conversation=begun.id, tools=[WEATHER]
        )
        first = await ask(input="The word is zebrafinch.")
        made = first.output[-1]
        assert made.type == "function_call"
        output: Any = {"type": "function_call_output", "call_id": made.call_id, "output": "-20"}
        second = await ask(input=[output])
        await muxi.runtime.remembering.backlog.catch_up()
        word, *_ = await _items(client, begun.id)
        for gone in (word.id, made.id):
            left = await client.conversations.items.delete(gone or "", conversation_id=begun.id)
            assert left.id == begun.id
        assert [item.id for item in await _items(client, begun.id)] == [second.output[-1].id]
        for gone in (word.id, made.id):
            with pytest.raises(openai.NotFoundError):
                await client.conversations.items.retrieve(gone or "", conversation_id=begun.id)
        await ask(input="Which word?")
        asked = " ".join(message.text for message in model.requests[-1].messages)
        assert "zebrafinch" not in asked
        assert "It is cold." in asked
        found = await muxi.runtime.forgetting.verify(LOCAL, owner_for(LOCAL), texts=["zebrafinch"])
        assert {each.place for each in found.searched if each.found} <= {"muxi.db", "muxi.db-wal"}


async def test_items_are_referred_to_by_their_ids(tmp_path: Path) -> None:
    script = [call("weather", city="Oslo"), "Cold.", "Again."]
    async with talking(tmp_path, script) as (_, client, model):
        first = await client.responses.create(model="a", input="Oslo?", tools=[WEATHER])
        made = first.output[-1]
        assert made.type == "function_call"
        output: Any = {"type": "function_call_output", "call_id": made.call_id, "output": "-20"}
        second = await client.responses.create(
            model="a", input=[output], previous_response_id=first.id
        )
        asked = (await client.responses.input_items.list(first.id)).data[0]
        given = (await client.responses.input_items.list(second.id)).data[0]
        ids = [asked.id, made.id, given.id, second.output[-1].id, "rs_whatever_0"]
        again: Any = [{"type": "item_reference", "id": each} for each in ids]
        again[0].pop("type")
        await client.responses.create(model="a", input=[*again, _said("And now?")])
        said = model.requests[-1].messages
        assert [message.role for message in said] == [
            *("user", "assistant", "tool", "assistant", "user"),
        ]
        assert [message.text for message in said] == ["Oslo?", "", "", "Cold.", "And now?"]
        bob = client.with_options(default_headers={"X-Muxi-User": "bob"})
        for who, each in ((client, "msg_none"), (client, "fc_none"), (client, "x"), (bob, ids[0])):
            item: Any = {"type": "item_reference", "id": each}
            with pytest.raises(openai.NotFoundError) as refused:
                await who.responses.create(model="a", input=[item, _said("x")])
            assert refused.value.param == "input"


REFUSED: list[Any] = [
    [_said("Be brief.", "system")],
    [{"type": "item_reference", "id": "msg_1"}],
    [{"type": "function_call_output", "call_id": "x", "output": "y"}],
    [{"type": "function_call", "call_id": "x", "name": "y", "arguments": "{}"}],
    [{"type": "computer_call"}],
    [_said("x")] * 21,
    [],
]


@pytest.mark.parametrize("items", REFUSED)
async def test_what_no_conversation_can_hold_is_refused(tmp_path: Path, items: Any) -> None:
    async with talking(tmp_path, []) as (_, client, _m):
        begun = await client.conversations.create()
        with pytest.raises(openai.BadRequestError) as refused:
            await client.conversations.items.create(begun.id, items=items)
        assert (refused.value.param or "").startswith("items")
        assert not await _items(client, begun.id)
