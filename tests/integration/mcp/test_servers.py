"""Servers that behave: their tools, progress, questions, resources, prompts, in both eras."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import pytest
import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver import Context, Elicit, Resolve
from pydantic import BaseModel
from support.remote import RAW, lines, raw, remote, settings, several, until

from muxi.config.secret import SecretRef
from muxi.core.errors import InputNeeded, InvalidInput, NotFound, ToolTimeout
from muxi.core.events import ToolProgress
from muxi.core.messages import ImagePart
from muxi.core.questions import Answer, Answered
from muxi.mcp import reading
from muxi.mcp.target import ObjectTarget
from muxi.telemetry.redaction import SECRETS
from tests.support.ports import free_port


class Name(BaseModel):
    """What a person is asked for."""

    name: str


async def who() -> Elicit[Name]:
    return Elicit("Who are you?", Name)


def sdk_server() -> MCPServer[Any]:
    """A server of the SDK, which speaks both eras."""
    app: MCPServer[Any] = MCPServer("sdk", version="3.1.4")

    @app.tool()
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    @app.tool()
    async def steps(count: int, ctx: Context) -> str:
        for number in range(count):
            await ctx.report_progress(number + 1, count, f"step {number + 1}")
            await asyncio.sleep(0.15)
        return "arrived"

    @app.tool()
    def greet(name: Annotated[Name, Resolve(who)]) -> str:
        return f"Hello {name.name}"

    @app.resource("note://{name}")
    def note(name: str) -> str:
        return f"Note {name}"

    @app.prompt()
    def poem(topic: str) -> str:
        return f"A poem of {topic}"

    return app


@asynccontextmanager
async def over_http(app: MCPServer[Any], port: int = 0) -> AsyncGenerator[str]:
    """The address of a server on loopback."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", port))
    config = uvicorn.Config(app.streamable_http_app(), log_level="error", ws="none")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    try:
        await until(lambda: server.started)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
    finally:
        server.should_exit = True
        await serving


async def test_tools_are_told_with_their_hints_and_the_servers_version(tmp_path: Path):
    async with remote(tmp_path) as server:
        specs = {spec.name: spec for spec in await server.toolset.specs(server.context())}
        echo = specs["s__echo"]
        assert (echo.version, echo.description) == ("2.0.1", "Does echo.")
        assert (echo.annotations.read_only, echo.annotations.title) == (True, "Echo")
        assert (echo.idempotent, echo.retries) == (True, 1)
        assert (specs["s__die"].idempotent, specs["s__die"].retries) == (False, 0)
        assert await server.call("echo", value="höher") == "höher"
        info = server.servers.info("s")
        assert (info.server, info.version, info.protocol) == ("raw", "2.0.1", "2025-11-25")


@pytest.mark.parametrize(
    ("faults", "protocol", "agreed"),
    [((), "auto", "2025-11-25"), (("older",), "auto", "2025-06-18"), ((), "legacy", "2025-11-25")],
)
async def test_the_revision_is_agreed_upon_over_standard_streams(
    tmp_path: Path, faults: tuple[str, ...], protocol: str, agreed: str
):
    async with remote(tmp_path, *faults, protocol=protocol) as server:
        assert await server.call("add", a=1, b=2) == "3"
        assert server.servers.info("s").protocol == agreed


@pytest.mark.parametrize(("protocol", "agreed"), [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
async def test_both_eras_are_spoken_over_http(
    tmp_path: Path, protocol: str, agreed: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("muxi.mcp.calling._PROGRESS_EVERY", 0.0)
    async with (
        over_http(sdk_server()) as url,
        remote(tmp_path, command=None, url=url, protocol=protocol) as server,
    ):
        assert await server.call("add", a=20, b=22) == "42"
        info = server.servers.info("s")
        assert (info.protocol, info.transport, info.version) == (agreed, "http", "3.1.4")
        assert await server.call("steps", count=3) == "arrived"
        reports = [event for event in server.events if isinstance(event, ToolProgress)]
        assert [report.message for report in reports] == ["step 1", "step 2", "step 3"]


async def test_a_remote_server_that_was_away_is_connected_to_when_it_is_back(tmp_path: Path):
    port = free_port()
    async with AsyncExitStack() as later:
        url = f"http://127.0.0.1:{port}/mcp"
        server = await later.enter_async_context(remote(tmp_path, command=None, url=url))
        assert await server.names() == []
        assert "connect" in server.servers.info("s").detail.lower()
        async with over_http(sdk_server(), port):
            await server.servers.restart("s")
            assert await server.call("add", a=1, b=1) == "2"
            await later.aclose()


@pytest.mark.parametrize("protocol", ["auto", "legacy"])
async def test_a_server_of_this_program_needs_no_process(tmp_path: Path, protocol: str):
    app = sdk_server()
    async with remote(tmp_path, target=lambda *_: ObjectTarget(app), protocol=protocol) as server:
        assert await server.call("add", a=1, b=2) == "3"
        assert server.servers.info("s").transport == "memory"


async def test_progress_is_passed_on_and_keeps_a_call_alive(tmp_path: Path):
    async with remote(tmp_path, timeout=2) as server:
        assert await server.call("steps", number=6, value="0.5") == "arrived"
        reports = [event for event in server.events if isinstance(event, ToolProgress)]
        assert (reports[0].progress, reports[0].total) == (1, 6)
        assert reports[-1].progress == 6
        assert reports[0].name == "s__steps"


async def test_a_flood_of_progress_is_thinned_and_has_an_end(tmp_path: Path):
    async with remote(tmp_path, timeout=0.2) as server:
        with pytest.raises(ToolTimeout):
            await server.call("steps", number=1_000)
        reports = [event for event in server.events if isinstance(event, ToolProgress)]
        assert len(reports) <= 21


async def test_a_question_in_the_middle_of_a_call_reaches_the_person(tmp_path: Path):
    async with remote(tmp_path) as server:
        result = json.loads(await server.call("ask"))
        assert result == {"action": "accept", "content": {"name": "Ada"}}
        (question,) = server.asked
        assert question.message == "Who?"
        assert question.json_schema is not None
        server.reply = Answer(action="decline")
        assert json.loads(await server.call("ask")) == {"action": "decline"}


async def test_the_clock_of_a_call_stands_still_while_a_person_thinks(tmp_path: Path):
    async with remote(tmp_path, timeout=2) as server:
        ctx = server.context()

        async def think(_: object) -> Answer:
            await asyncio.sleep(2.5)
            return Answer(action="cancel")

        ctx.ask = think
        await server.names()
        (part,) = await server.toolset.call("s__ask", {}, ctx)
        assert '"cancel"' in str(part)


async def test_a_question_is_refused_where_calls_of_several_users_are_under_way(tmp_path: Path):
    async with remote(tmp_path) as server:
        await server.names()
        other = server.context()
        other.user = "eve"
        slow = asyncio.create_task(server.toolset.call("s__slow", {"number": 0.5}, other))
        await until(lambda: server.servers.connection("s").active)
        assert await server.call("ask") == "null"
        await slow
        assert not server.asked


async def test_a_call_that_needs_answers_is_made_again_with_them(tmp_path: Path):
    app = sdk_server()
    async with remote(tmp_path, target=lambda *_: ObjectTarget(app)) as server:
        with pytest.raises(InputNeeded) as needed:
            await server.call("greet")
        ((key, question),) = needed.value.questions.items()
        assert question.message == "Who are you?"
        given = Answer(action="accept", value={"name": "Grace"})
        answered = Answered(answers={key: given}, state=needed.value.state)
        assert await server.call("greet", answered) == "Hello Grace"


async def test_images_come_as_parts(tmp_path: Path):
    async with remote(tmp_path) as server:
        await server.names()
        (part,) = await server.toolset.call("s__image", {}, server.context())
        assert isinstance(part, ImagePart)
        assert (part.media_type, part.data) == ("image/png", b"\x89PNG\r\n\x1a\n")


async def test_new_tools_are_known_once_the_server_tells_of_them(tmp_path: Path):
    async with remote(tmp_path) as server:
        assert "s__grown" not in await server.names()
        await server.call("grow")
        await until(lambda: "grown" in [tool.name for tool in server.servers.tools("s")])
        assert "s__grown" in await server.names()


async def test_only_the_tools_that_settings_and_agent_name_are_offered(tmp_path: Path):
    declared = {
        "one": settings(tools=["e*", "add"]),
        "two": settings(prefix=False, tools=["pid"], approve=["*"]),
        "off": settings(enabled=False),
    }
    async with several(tmp_path, declared) as servers:
        assert await servers.names() == ["one__echo", "one__add", "one__environment", "pid"]
        toolset = servers.servers.toolset([("one", "a*"), ("two", "*")])
        specs = await toolset.specs(servers.context())
        assert [spec.name for spec in specs] == ["one__add", "pid"]
        assert [spec.approval for spec in specs] == [False, True]
        assert servers.servers.info("off").state == "off"


async def test_long_and_foreign_names_become_names_that_every_provider_admits(tmp_path: Path):
    app: MCPServer[Any] = MCPServer("names")
    for name in ("a.b", "a/b", "x" * 100):
        app.add_tool(lambda: "ok", name=name, description="d")
    async with remote(tmp_path, target=lambda *_: ObjectTarget(app)) as server:
        names = await server.names()
        assert len(set(names)) == 3
        assert names[0] == "s__a_b"
        assert all(len(name) <= 64 and name.replace("-", "_").isidentifier() for name in names)
        for name in names:
            assert await server.call(name) == "ok"


async def test_resources_prompts_and_completions_are_reached(tmp_path: Path):
    async with remote(tmp_path) as server:
        servers, connection = server.servers, server.servers.connection("s")
        (resource,) = await reading.resources(connection)
        assert (resource.uri, resource.media_type) == ("note://one", "text/plain")
        (part,) = await reading.read(connection, "note://one")
        assert "The first note." in str(part)
        surface = await servers.surface("s")
        assert [each.name for each in reading.prompts(surface)] == ["poem"]
        (message,) = await reading.prompt(connection, surface, "poem", {"topic": "rain"})
        assert (message.role, message.text) == ("user", "A poem of rain")
        with pytest.raises(InvalidInput, match="needs topic"):
            await reading.prompt(connection, surface, "poem", {})
        with pytest.raises(NotFound, match="no prompt ode"):
            await reading.prompt(connection, surface, "ode", {})
        found = await reading.complete(
            connection, prompt="poem", uri=None, argument=("topic", "ri")
        )
        assert found == ["river"]


async def test_a_server_is_given_no_variable_that_nobody_declared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SOME_API_KEY", "must-not-be-seen")
    env = {"OWN_TOKEN": SecretRef("for-this-server"), "MODE": SecretRef("fast")}
    async with remote(tmp_path, env=env) as server:
        given = json.loads(await server.call("environment"))
        assert given["OWN_TOKEN"] == "for-this-server"
        assert given["MODE"] == "fast"
        assert given["PATH"] == os.environ["PATH"]
        assert "SOME_API_KEY" not in given


async def test_secrets_never_stand_in_the_log(tmp_path: Path):
    SECRETS.learn("hush-hush-4711")
    code = "import sys; sys.stderr.write('key hush-hush-4711 refused\\n'); sys.exit(1)"
    command = [*raw()[:1], "-c", code]
    async with remote(tmp_path, command=command) as server:
        await server.names()
        told = lines(server.servers.log("s", 20)) + server.servers.info("s").detail
        assert "key [secret] refused" in told
        assert "4711" not in told


async def test_the_last_words_are_kept_for_the_next_process(tmp_path: Path):
    async with remote(tmp_path) as server:
        await server.call("mutter", number=2)
    async with remote(tmp_path) as server:
        assert "mutter mutter" in lines(server.servers.log("s", 20))


async def test_a_relative_program_and_a_folder_of_its_own(tmp_path: Path):
    folder = tmp_path / "tools"
    folder.mkdir()
    script = folder / "serve"
    script.write_text(f"#!/bin/sh\nexec {raw()[0]} -I -S {RAW}\n")
    script.chmod(0o755)
    async with remote(tmp_path, command=["./serve"], cwd="tools") as server:
        assert await server.call("read", value="serve") == script.read_text()


async def test_a_restart_gives_another_process(tmp_path: Path):
    async with remote(tmp_path) as server:
        pid = await server.call("pid")
        info = await server.servers.restart("s")
        assert info.state == "ready"
        assert await server.call("pid") != pid


async def test_a_server_that_offers_the_same_again_changes_nothing(tmp_path: Path):
    async with remote(tmp_path) as server:
        before = await server.toolset.specs(server.context())
        await server.servers.restart("s")
        await until(lambda: server.servers.info("s").state == "ready")
        server.servers.generation += 1
        # What is made of them, such as an index, need not be made anew.
        assert await server.toolset.specs(server.context()) is before


async def test_servers_are_started_in_the_background_a_few_at_a_time(tmp_path: Path):
    async with several(tmp_path, {f"s{n}": settings() for n in range(6)}) as servers:
        servers.servers.warm()
        await until(lambda: all(info.state == "ready" for info in servers.servers.infos()))
        assert len(await servers.names()) == 6 * 25
