"""Agents as tools of muxi's MCP server, through the SDK's client in both eras."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
import pytest
from mcp import Client, MCPError
from support.mcp_client import MODES, Mode, Person, connected, says, text_of
from support.served import Served, served

from muxi.core.events import ApprovalDecision
from muxi.core.messages import TextPart
from muxi.core.requests import ModelRequest
from muxi.models.scripted import Reply, call

both = pytest.mark.parametrize("mode", MODES)
DEADLINE = 60.0


def last(request: ModelRequest) -> str:
    return request.messages[-1].text


def echo(request: ModelRequest) -> str:
    return f"You said {last(request)}; message {len(request.messages)}."


def careful(request: ModelRequest) -> Any:
    if request.messages[-1].role == "tool":
        return f"It says: {request.messages[-1].parts[0].text}"
    return call("calculator", expression="17*23")


CAREFUL: dict[str, Any] = {
    "a": {"name": "a", "tools": ["calculator"], "approve": ["calculator"]},
}


async def end(s: Served) -> str:
    """How the only run ends, which may not be stored yet."""
    async with asyncio.timeout(DEADLINE):
        while True:
            for run in (await s.client.runs()).items:
                await s.follow(run.id)
                return (await s.client.run(run.id)).status


@both
async def test_an_agent_answers_and_goes_on_with_its_conversation(
    tmp_path: Path, mode: Mode
) -> None:
    told: list[tuple[float, str]] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        told.append((done, message or ""))

    async with served(tmp_path, echo) as s, connected(s, mode) as client:
        first = await client.call_tool("ask_a", {"input": "Hi"}, progress_callback=progress)
        again = {"input": "And now?", "thread_id": first.structured_content["thread_id"]}
        second = await client.call_tool("ask_a", again)

    assert first.structured_content["text"] == "You said Hi; message 1."
    assert first.structured_content["status"] == "completed"
    assert not first.is_error
    assert text_of(first).startswith("You said Hi; message 1.\n[thread_id: thr_")
    assert "".join(message for _, message in told) == "You said Hi; message 1."
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert second.structured_content["text"] == "You said And now?; message 3."


@both
async def test_progress_tells_of_tools_too(tmp_path: Path, mode: Mode) -> None:
    told: list[str] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        told.append(message or "")

    agents = {"a": {"name": "a", "tools": ["calculator"]}}
    async with served(tmp_path, careful, agents=agents) as s, connected(s, mode) as client:
        await client.call_tool("ask_a", {"input": "Hi"}, progress_callback=progress)
    assert told[0] == "[calls calculator]"
    assert "".join(told[1:]) == "It says: 391"


@both
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"input": "Hi", "colour": "red"}, "'colour' was unexpected"),
        ({"input": 1}, "input: 1 is not of type 'string'"),
        ({}, "'input' is a required property"),
        ({"input": ""}, "input: '' should be non-empty"),
    ],
)
async def test_arguments_that_do_not_fit_are_refused_in_words(
    tmp_path: Path, mode: Mode, arguments: dict[str, Any], words: str
) -> None:
    async with served(tmp_path, echo) as s, connected(s, mode) as client:
        result = await client.call_tool("ask_a", arguments)
        assert (await s.client.runs()).items == []
    assert result.is_error
    assert words in text_of(result)


@both
async def test_a_tool_that_is_not_there_is_an_error_of_the_protocol(
    tmp_path: Path, mode: Mode
) -> None:
    async with served(tmp_path, echo) as s, connected(s, mode) as client:
        with pytest.raises(MCPError) as caught:
            await client.call_tool("ask_nobody", {"input": "Hi"})
    assert caught.value.code == types.INVALID_PARAMS


@both
async def test_a_thread_that_is_not_there_is_told_to_the_model(tmp_path: Path, mode: Mode) -> None:
    async with served(tmp_path, echo) as s, connected(s, mode) as client:
        result = await client.call_tool("ask_a", {"input": "Hi", "thread_id": "thr_nowhere"})
    assert result.is_error
    assert "thr_nowhere" in text_of(result)


@both
async def test_a_cancelled_call_cancels_the_run(tmp_path: Path, mode: Mode) -> None:
    asked = asyncio.Event()

    def slow(request: ModelRequest) -> Reply:
        asked.set()
        return Reply(parts=[TextPart(text="never")], before=asyncio.Event())

    async with served(tmp_path, slow) as s, connected(s, mode) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.call_tool, "ask_a", {"input": "Hi"})
            async with asyncio.timeout(DEADLINE):
                await asked.wait()
            tasks.cancel_scope.cancel()
        assert await end(s) == "cancelled"


@both
async def test_a_limit_is_told_as_an_error_with_what_was_said(tmp_path: Path, mode: Mode) -> None:
    agents = {"a": {"name": "a", "tools": ["calculator"], "limits": {"turns": 1}}}
    async with served(tmp_path, careful, agents=agents) as s, connected(s, mode) as client:
        result = await client.call_tool("ask_a", {"input": "Hi"})
    assert result.is_error
    assert result.structured_content["status"] == "limited"
    assert result.structured_content["thread_id"]


@both
async def test_runs_of_clients_have_narrower_limits_where_the_project_says_so(
    tmp_path: Path, mode: Mode
) -> None:
    agents = {"a": {"name": "a", "tools": ["calculator"]}}
    bounded = {"mcp": {"limits": {"turns": 1}}}
    async with (
        served(tmp_path, careful, agents=agents, server=bounded) as s,
        connected(s, mode) as client,
    ):
        result = await client.call_tool("ask_a", {"input": "Hi"})
        _, events = await s.answer("Hi")
    assert result.structured_content["status"] == "limited"
    assert events[-1].status == "completed"


@both
async def test_the_person_behind_the_client_approves_a_call(tmp_path: Path, mode: Mode) -> None:
    person = Person(says(decision="approve"))
    async with (
        served(tmp_path, careful, agents=CAREFUL) as s,
        connected(s, mode, elicitation_callback=person) as client,
    ):
        result = await client.call_tool("ask_a", {"input": "Hi"})
        assert (await s.client.runs()).items[0].status == "completed"
    assert result.structured_content["text"] == "It says: 391"
    (asked,) = person.asked
    assert 'calculator with {\n "expression": "17*23"\n}' in asked.message


@both
async def test_the_person_behind_the_client_denies_a_call(tmp_path: Path, mode: Mode) -> None:
    def model(request: ModelRequest) -> Any:
        part = request.messages[-1].parts[0]
        return f"{part.outcome}: {part.text}" if part.type == "tool_result" else careful(request)

    person = Person(says(decision="deny", reason="No sums today."))
    async with (
        served(tmp_path, model, agents=CAREFUL) as s,
        connected(s, mode, elicitation_callback=person) as client,
    ):
        result = await client.call_tool("ask_a", {"input": "Hi"})
    assert result.structured_content["text"].startswith("denied: ")
    assert "No sums today." in result.structured_content["text"]


@both
async def test_a_form_that_is_closed_leaves_the_question_open(tmp_path: Path, mode: Mode) -> None:
    person = Person(types.ElicitResult(action="cancel"))
    async with (
        served(tmp_path, careful, agents=CAREFUL) as s,
        connected(s, mode, elicitation_callback=person) as client,
    ):
        result = await client.call_tool("ask_a", {"input": "Hi"})
        run_id = result.structured_content["run_id"]
        assert (await s.client.run(run_id)).status == "waiting"
    assert result.structured_content["status"] == "waiting"
    assert not result.is_error


@both
async def test_a_client_that_cannot_ask_learns_the_answer_after_somebody_else_decided(
    tmp_path: Path, mode: Mode
) -> None:
    async with served(tmp_path, careful, agents=CAREFUL) as s, connected(s, mode) as client:
        result = await client.call_tool("ask_a", {"input": "Hi"})
        waiting = result.structured_content
        (question,) = waiting["approvals"]
        again = await client.call_tool("run_result", {"run_id": waiting["run_id"]})
        await s.client.resolve(question["id"], ApprovalDecision(decision="approve"))
        answer = await client.call_tool("run_result", {"run_id": waiting["run_id"]})

    assert waiting["status"] == again.structured_content["status"] == "waiting"
    assert "run_result" in text_of(result)
    assert answer.structured_content["status"] == "completed"
    assert answer.structured_content["text"] == "It says: 391"


@both
async def test_what_a_run_says_afterwards_is_found_by_its_id(tmp_path: Path, mode: Mode) -> None:
    async with served(tmp_path, echo) as s, connected(s, mode) as client:
        _, _ = await s.answer("Hi")
        (run,) = (await s.client.runs()).items
        result = await client.call_tool("run_result", {"run_id": run.id})
        missing = await client.call_tool("run_result", {"run_id": "run_nothing"})
    assert result.structured_content["text"] == "You said Hi; message 1."
    assert missing.is_error


async def test_the_state_of_a_question_is_good_for_the_same_call_of_the_same_user_only(
    tmp_path: Path,
) -> None:
    async def ask(client: Client, state: str | None = None, text: str = "Hi") -> Any:
        return await client.session.call_tool(
            "ask_a", {"input": text}, request_state=state, allow_input_required=True
        )

    async with served(tmp_path, careful, agents=CAREFUL) as s:
        person = Person()
        async with connected(s, "2026-07-28", elicitation_callback=person) as client:
            state = (await ask(client)).request_state
            for changed in (f"{state}x", f"x{state}", ""):
                with pytest.raises(MCPError, match="Invalid or expired requestState"):
                    await ask(client, changed)
            with pytest.raises(MCPError, match="Invalid or expired requestState"):
                await ask(client, state, "Something else")
        async with connected(s, "2026-07-28", user="eve", elicitation_callback=person) as client:
            with pytest.raises(MCPError, match="Invalid or expired requestState"):
                await ask(client, state)
        assert [run.status for run in (await s.client.runs()).items] == ["waiting"]


@both
async def test_a_structured_answer_fits_the_schema_that_was_shown(
    tmp_path: Path, mode: Mode
) -> None:
    output = {
        "type": "object",
        "$defs": {"city": {"type": "string", "minLength": 2}},
        "properties": {"city": {"$ref": "#/$defs/city"}},
        "required": ["city"],
    }
    agents = {"a": {"name": "a", "output": output}}
    async with (
        served(tmp_path, lambda _: '{"city": "Oslo"}', agents=agents) as s,
        connected(s, mode) as client,
    ):
        shown = (await client.list_tools()).tools[0].output_schema
        # The client checks it against what it was shown.
        result = await client.call_tool("ask_a", {"input": "Where?"})
    assert result.structured_content["output"] == {"city": "Oslo"}
    assert shown["$defs"] == output["$defs"]
    assert shown["properties"]["output"]["properties"] == output["properties"]


@both
async def test_only_the_agents_that_the_settings_name_are_offered(
    tmp_path: Path, mode: Mode
) -> None:
    agents = {name: {"name": name} for name in ("guest_one", "guest_two", "private")}
    settings = {"mcp": {"agents": ["guest_*"]}}
    async with (
        served(tmp_path, echo, agents=agents, server=settings) as s,
        connected(s, mode) as client,
    ):
        names = [tool.name for tool in (await client.list_tools()).tools]
        with pytest.raises(MCPError, match="Unknown tool"):
            await client.call_tool("ask_private", {"input": "Hi"})
    assert [name for name in names if name.startswith("ask_")] == ["ask_guest_one", "ask_guest_two"]


async def test_a_new_agent_is_told_to_whoever_listens(tmp_path: Path) -> None:
    changed = asyncio.Event()
    async with served(tmp_path, echo) as s, connected(s, "2026-07-28") as client:
        async with anyio.create_task_group() as tasks:

            async def listen() -> None:
                async with client.listen(tools_list_changed=True) as events:
                    listening.set()
                    async for _ in events:
                        changed.set()

            listening = asyncio.Event()
            tasks.start_soon(listen)
            async with asyncio.timeout(DEADLINE):
                await listening.wait()
                body = {"name": "fresh", "instructions": "Be new."}
                async with s.http.put(f"{s.url}/api/agents/fresh", json=body) as answer:
                    assert answer.status == 200
                await changed.wait()
            tasks.cancel_scope.cancel()
        assert "ask_fresh" in [tool.name for tool in (await client.list_tools()).tools]


async def test_a_session_that_has_read_a_list_is_told_when_it_changes(tmp_path: Path) -> None:
    told: set[str] = set()
    both_told = asyncio.Event()

    async def heard(message: Any) -> None:
        told.add(type(message).__name__)
        if {"ToolListChangedNotification", "PromptListChangedNotification"} <= told:
            both_told.set()

    async with (
        served(tmp_path, echo) as s,
        connected(s, "legacy", message_handler=heard) as client,
        asyncio.timeout(DEADLINE * 3),
    ):
        able = client.server_capabilities
        assert able.tools.list_changed
        assert able.prompts.list_changed
        assert not able.resources.list_changed
        await client.list_tools()
        number = 0
        # The client opens the stream on which it is told by itself, at some time.
        while not both_told.is_set():
            number += 1
            body = {"name": f"fresh{number}", "instructions": "Be new."}
            async with s.http.put(f"{s.url}/api/agents/fresh{number}", json=body) as answer:
                assert answer.status == 200
            with suppress(TimeoutError):
                await asyncio.wait_for(both_told.wait(), 1)
        assert "ask_fresh1" in [tool.name for tool in (await client.list_tools()).tools]


@both
async def test_a_server_that_stops_says_that_the_run_goes_on(tmp_path: Path, mode: Mode) -> None:
    asked, stop = asyncio.Event(), asyncio.Event()
    where: asyncio.Future[Served] = asyncio.get_running_loop().create_future()

    def slow(request: ModelRequest) -> Reply:
        asked.set()
        return Reply(parts=[TextPart(text="never")], before=asyncio.Event())

    async def serve() -> None:
        async with served(tmp_path, slow) as s:
            s.server.grace = 0.0
            where.set_result(s)
            await stop.wait()

    async with asyncio.timeout(DEADLINE):
        serving = asyncio.create_task(serve())
        # The server has gone when this client leaves.
        with suppress(ExceptionGroup):
            async with connected(await where, mode) as client:
                # Else it would look for the schema of the result after the server has gone.
                await client.list_tools()
                call_ = asyncio.create_task(client.call_tool("ask_a", {"input": "Hi"}))
                await asked.wait()
                stop.set()
                result = await call_
        await serving
    assert result.structured_content["status"] == "running"
    assert result.structured_content["run_id"] in text_of(result)
