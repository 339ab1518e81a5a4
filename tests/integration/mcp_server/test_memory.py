"""Memory, facts and documents over MCP: tools, resources, prompts, completion."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import mcp_types as types
import pytest
from mcp import MCPError
from support.mcp_client import MODES, Mode, connected, text_of
from support.served import served

from muxi.runtime.knowledge import NewDocument
from muxi.runtime.principal import LOCAL

both = pytest.mark.parametrize("mode", MODES)
DEADLINE = 60.0
HANDBOOK = "# Holidays\n\nEverybody has thirty days of holidays a year.\n"


@both
async def test_what_is_remembered_is_recalled_and_forgotten(tmp_path: Path, mode: Mode) -> None:
    async with served(tmp_path, "Hi") as s, connected(s, mode) as client:
        stored = await client.call_tool("remember", {"text": "The cat is called Tom."})
        found = await client.call_tool("recall", {"query": "What is the cat called?"})
        (memory,) = found.structured_content["memories"]
        await client.call_tool("forget", {"memory_id": memory["id"]})
        gone = await client.call_tool("recall", {"query": "What is the cat called?"})
        again = await client.call_tool("forget", {"memory_id": memory["id"]})
    assert memory["id"] == stored.structured_content["id"]
    assert "The cat is called Tom." in text_of(found)
    assert gone.structured_content == {"memories": []}
    assert again.is_error


@both
async def test_facts_are_set_and_read(tmp_path: Path, mode: Mode) -> None:
    async with served(tmp_path, "Hi") as s, connected(s, mode) as client:
        nothing = await client.call_tool("facts", {})
        nowhere = await client.call_tool("facts", {"path": "age"})
        await client.call_tool("set_fact", {"path": "location.city", "value": "Oslo"})
        await client.call_tool("set_fact", {"path": "name", "value": "Ann"})
        everything = await client.call_tool("facts", {})
        city = await client.read_resource("muxi://facts/location.city")
        bad = await client.call_tool("set_fact", {"path": '"', "value": 1})
    assert nothing.structured_content == {"facts": {}}
    assert nowhere.structured_content == {"facts": None}
    assert text_of(nothing) == text_of(nowhere) == "Nothing is known."
    assert everything.structured_content == {"facts": {"location": {"city": "Oslo"}, "name": "Ann"}}
    assert json.loads(city.contents[0].text) == "Oslo"
    assert bad.is_error


@both
async def test_documents_are_searched_and_read(tmp_path: Path, mode: Mode) -> None:
    async with served(tmp_path, "Hi") as s, connected(s, mode) as client:
        new = NewDocument(data=HANDBOOK.encode(), name="handbook.md")
        document = await s.runtime.knowledge.add(LOCAL, new)
        found = await client.call_tool("search_knowledge", {"query": "days of holidays"})
        (passage,) = found.structured_content["passages"]
        whole = await client.read_resource(passage["uri"])
        listed = [each.uri for each in (await client.list_resources()).resources]
    assert "thirty days" in passage["text"]
    assert passage["document_id"] == document.id
    assert "thirty days" in whole.contents[0].text
    assert passage["uri"] in listed


@both
async def test_conversations_are_listed_page_by_page_and_read(tmp_path: Path, mode: Mode) -> None:
    async with served(tmp_path, ["One.", "Two."]) as s, connected(s, mode) as client:
        thread, _ = await s.answer("First")
        await s.answer("Second", thread_id=thread)
        await s.runtime.remembering.backlog.catch_up()
        for _ in range(120):
            await s.client.create_thread()
        uris: list[str] = []
        cursor: str | None = None
        pages = 0
        while cursor is not None or not uris:
            page = await client.list_resources(cursor=cursor)
            uris += [each.uri for each in page.resources]
            cursor = page.next_cursor
            pages += 1
        told = (await client.read_resource(f"muxi://threads/{thread}")).contents[0].text
    assert pages > 1
    assert len(uris) == len(set(uris))
    assert sum(uri.startswith("muxi://threads/") for uri in uris) == 121
    assert "muxi://facts/" in uris
    assert any(uri.startswith("muxi://memories/") for uri in uris)
    parts = ["# First", "## local\n\nFirst", "## a\n\nOne.", "## local\n\nSecond", "## a\n\nTwo."]
    assert told.split("\n\n", 1)[0] == parts[0]
    assert all(part in told for part in parts)


@both
@pytest.mark.parametrize("cursor", ["x", "WzksIG51bGxd", "MQ==", "WzAsIDFd"])
async def test_a_cursor_that_was_not_given_out_is_refused(
    tmp_path: Path, mode: Mode, cursor: str
) -> None:
    async with served(tmp_path, "Hi") as s, connected(s, mode) as client:
        with pytest.raises(MCPError) as caught:
            await client.list_resources(cursor=cursor)
    assert caught.value.code == types.INVALID_PARAMS


@both
@pytest.mark.parametrize(
    "uri",
    ["muxi://threads/thr_no", "muxi://memories/x", "muxi://nothing/x", "file:///etc/passwd", "x"],
)
async def test_what_is_not_there_cannot_be_read(tmp_path: Path, mode: Mode, uri: str) -> None:
    async with served(tmp_path, "Hi") as s, connected(s, mode) as client:
        with pytest.raises(MCPError) as caught:
            await client.read_resource(uri)
    assert caught.value.code == (types.INVALID_PARAMS if mode == "2026-07-28" else -32002)


@both
async def test_templates_and_prompts_can_be_completed(tmp_path: Path, mode: Mode) -> None:
    async with served(tmp_path, "Hi") as s, connected(s, mode) as client:
        thread, _ = await s.answer("First")
        await client.call_tool("set_fact", {"path": "location.city", "value": "Oslo"})
        templates = {
            each.name: each.uri_template
            for each in (await client.list_resource_templates()).resource_templates
        }
        threads = await client.complete(
            types.ResourceTemplateReference(uri=templates["threads"]),
            {"name": "thread_id", "value": thread[:6]},
        )
        paths = await client.complete(
            types.ResourceTemplateReference(uri=templates["facts"]), {"name": "path", "value": "ci"}
        )
        agents = await client.complete(
            types.PromptReference(name="ask_agent"), {"name": "agent", "value": ""}
        )
        with pytest.raises(MCPError):
            await client.complete(types.PromptReference(name="no"), {"name": "x", "value": ""})
    assert threads.completion.values == [thread]
    assert paths.completion.values == ["location.city"]
    assert agents.completion.values == ["a"]


@both
async def test_prompts_bring_what_they_promise(tmp_path: Path, mode: Mode) -> None:
    async with served(tmp_path, ["Tom it is."]) as s, connected(s, mode) as client:
        thread, _ = await s.answer("Call the cat Tom.")
        await client.call_tool("remember", {"text": "The dog is called Rex."})
        going_on = await client.get_prompt("continue_thread", {"thread_id": thread})
        asking = await client.get_prompt("ask_agent", {"agent": "a", "question": "Who?"})
        known = await client.get_prompt(
            "with_what_is_known", {"question": "What is the dog called?"}
        )
        for arguments in ({}, {"thread_id": thread, "x": "y"}, {"thread_id": "thr_no"}):
            with pytest.raises(MCPError) as caught:
                await client.get_prompt("continue_thread", arguments)
            assert caught.value.code == types.INVALID_PARAMS
    said = [(each.role, each.content.text) for each in going_on.messages]
    assert said == [("user", "Call the cat Tom."), ("assistant", "Tom it is.")]
    assert "`ask_a`" in asking.messages[0].content.text
    assert "The dog is called Rex." in known.messages[0].content.text
    assert known.messages[0].content.text.endswith("What is the dog called?")


async def test_a_session_is_told_when_its_conversation_goes_on(tmp_path: Path) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()

    async def hear(message: object) -> None:
        if isinstance(message, types.ResourceUpdatedNotification):
            await told.put(message.params.uri)

    async with (
        served(tmp_path, ["One.", "Two.", "Three."]) as s,
        connected(s, "legacy", message_handler=hear) as client,
        asyncio.timeout(DEADLINE),
    ):
        thread, _ = await s.answer("First")
        uri = f"muxi://threads/{thread}"
        await client.session.send_request(
            types.SubscribeRequest(params=types.SubscribeRequestParams(uri=uri)), types.EmptyResult
        )
        assert told.empty()
        await s.answer("Second", thread_id=thread)
        assert await told.get() == uri
        await client.session.send_request(
            types.UnsubscribeRequest(params=types.UnsubscribeRequestParams(uri=uri)),
            types.EmptyResult,
        )
        with pytest.raises(MCPError):
            await client.session.send_request(
                types.SubscribeRequest(params=types.SubscribeRequestParams(uri="muxi://threads/x")),
                types.EmptyResult,
            )


async def test_a_listener_is_told_when_its_conversation_goes_on(tmp_path: Path) -> None:
    async with (
        served(tmp_path, ["One.", "Two."]) as s,
        connected(s, "2026-07-28") as client,
        asyncio.timeout(DEADLINE),
    ):
        thread, _ = await s.answer("First")
        uri = f"muxi://threads/{thread}"
        wanted = [uri, "muxi://threads/thr_no"]
        async with client.listen(resource_subscriptions=wanted) as events:
            assert events.honored.resource_subscriptions == [uri]
            await s.answer("Second", thread_id=thread)
            event = await anext(aiter(events))
    assert event.uri == uri
