"""Who may use `/mcp`, for whom, and what a client gets that speaks badly."""

from __future__ import annotations

import asyncio
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import mcp_types as types
import pytest
from mcp import MCPError
from support.mcp_client import MODES, Mode, connected
from support.served import served

from muxi.server.mcp import host

both = pytest.mark.parametrize("mode", MODES)
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
ACCEPT = {"Accept": "application/json, text/event-stream"}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


@pytest.mark.parametrize("credentials", [{}, {"Authorization": "Bearer wrong"}])
@pytest.mark.parametrize("path", ["/mcp", "/mcp/lines"])
async def test_nobody_gets_in_without_the_token(
    tmp_path: Path, credentials: dict[str, str], path: str
) -> None:
    async with (
        served(tmp_path, "Hi") as s,
        aiohttp.ClientSession(headers={**credentials, **ACCEPT}) as http,
        http.post(f"{s.url}{path}", json=PING) as answer,
    ):
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}]
)
async def test_foreign_names_and_pages_are_refused(tmp_path: Path, headers: dict[str, str]) -> None:
    async with (
        served(tmp_path, "Hi") as s,
        s.http.post(f"{s.url}/mcp", json=PING, headers={**headers, **ACCEPT}) as answer,
    ):
        assert answer.status == 403


async def test_the_revision_of_2025_06_is_spoken_too(tmp_path: Path) -> None:
    async with (
        served(tmp_path, "Hi") as s,
        s.http.post(f"{s.url}/mcp", json=INITIALIZE, headers=ACCEPT) as answer,
    ):
        assert answer.status == 200
        assert answer.headers["Mcp-Session-Id"]
        assert '"protocolVersion":"2025-06-18"' in await answer.text()


async def test_a_session_is_its_owners_alone(tmp_path: Path) -> None:
    async with served(tmp_path, "Hi") as s:
        ann, bob = ({**ACCEPT, "X-Muxi-User": name} for name in ("ann", "bob"))
        async with s.http.post(f"{s.url}/mcp", json=INITIALIZE, headers=ann) as answer:
            session = {"Mcp-Session-Id": answer.headers["Mcp-Session-Id"]}
        for method in ("POST", "GET", "DELETE"):
            async with s.http.request(
                method, f"{s.url}/mcp", json=PING, headers={**bob, **session}
            ) as answer:
                assert answer.status == 404, method
        async with s.http.post(f"{s.url}/mcp", json=PING, headers={**ann, **session}) as answer:
            assert answer.status == 200


async def test_nobody_takes_all_sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "MAX_SESSIONS", 3)
    async with served(tmp_path, "Hi") as s:

        async def open_as(name: str) -> tuple[int, str]:
            headers = {**ACCEPT, "X-Muxi-User": name}
            async with s.http.post(f"{s.url}/mcp", json=INITIALIZE, headers=headers) as answer:
                return answer.status, answer.headers.get("Mcp-Session-Id", "")

        opened = [await open_as("ann") for _ in range(5)]
        assert [status for status, _ in opened] == [200, 200, 200, 503, 503]
        assert (await open_as("bob"))[0] == 200
        own = {**ACCEPT, "X-Muxi-User": "ann", "Mcp-Session-Id": opened[0][1]}
        async with s.http.delete(f"{s.url}/mcp", headers=own) as answer:
            assert answer.status == 200
        assert (await open_as("ann"))[0] == 200


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_the_server_says_who_it_is(tmp_path: Path, mode: Any) -> None:
    async with served(tmp_path, "Hi", name="garden") as s, connected(s, mode) as client:
        info = client.server_info
    assert (info.name, info.title) == ("muxi", "garden (muxi)")
    assert info.version
    assert info.icons
    assert info.icons[0].src.startswith("data:image/svg+xml;base64,")


@both
async def test_every_tool_is_described_closed_and_annotated(tmp_path: Path, mode: Mode) -> None:
    async with (
        served(tmp_path, "Hi", server={"mcp": {"tools": ["calculator", "clock"]}}) as s,
        connected(s, mode) as client,
    ):
        tools = (await client.list_tools()).tools
        again = (await client.list_tools()).tools
    assert [tool.name for tool in tools] == [tool.name for tool in again]
    for tool in tools:
        assert tool.description, tool.name
        assert tool.title, tool.name
        assert tool.input_schema["additionalProperties"] is False, tool.name
        assert tool.output_schema, tool.name
        notes = tool.annotations
        assert notes is not None
        hints = (notes.read_only_hint, notes.destructive_hint, notes.idempotent_hint)
        assert None not in (notes.title, notes.open_world_hint, *hints), tool.name


@both
async def test_users_see_nothing_of_each_other(tmp_path: Path, mode: Mode) -> None:
    async with served(tmp_path, ["Hi, Ann.", "Hi, Bob."]) as s:
        async with connected(s, mode, user="ann") as ann:
            told = await ann.call_tool("ask_a", {"input": "I am Ann."})
            thread = told.structured_content["thread_id"]
            await ann.call_tool("remember", {"text": "Ann's secret is 42."})
            assert thread in str(await ann.list_resources())
        async with connected(s, mode, user="bob") as bob:
            assert thread not in str(await bob.list_resources())
            with pytest.raises(MCPError):
                await bob.read_resource(f"muxi://threads/{thread}")
            found = await bob.call_tool("recall", {"query": "secret"})
            assert found.structured_content == {"memories": []}
            lost = await bob.call_tool("run_result", {"run_id": told.structured_content["run_id"]})
            assert lost.is_error


async def test_a_project_that_offers_nothing_says_so(tmp_path: Path) -> None:
    async with (
        served(tmp_path, "Hi", server={"mcp": {"enabled": False}}) as s,
        s.http.post(f"{s.url}/mcp", json=PING, headers=ACCEPT) as answer,
    ):
        assert answer.status == 404
        assert "server: {mcp: {enabled: true}}" in (await answer.json())["hint"]


@both
async def test_what_is_switched_off_is_not_there(tmp_path: Path, mode: Mode) -> None:
    off = {"memory": False, "knowledge": False, "threads": False, "agents": []}
    async with served(tmp_path, "Hi", server={"mcp": off}) as s, connected(s, mode) as client:
        assert (await client.list_tools()).tools == []
        assert (await client.list_resources()).resources == []
        assert (await client.list_resource_templates()).resource_templates == []
        assert (await client.list_prompts()).prompts == []
        with pytest.raises(MCPError):
            await client.read_resource("muxi://facts/")


async def test_a_message_that_is_too_long_is_refused(tmp_path: Path) -> None:
    headers = {**ACCEPT, "Content-Type": "application/json"}
    async with (
        served(tmp_path, "Hi") as s,
        s.http.post(f"{s.url}/mcp", data=BytesIO(b" " * (5 << 20)), headers=headers) as answer,
    ):
        assert answer.status == 413


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"jsonrpc": "2.0"}', b"\xff\xfe"])
async def test_what_is_no_message_is_an_error_of_the_protocol(tmp_path: Path, body: bytes) -> None:
    headers = {**ACCEPT, "Content-Type": "application/json"}
    async with (
        served(tmp_path, "Hi") as s,
        s.http.post(f"{s.url}/mcp", data=body, headers=headers) as answer,
    ):
        assert 400 <= answer.status < 500


async def test_lines_that_are_no_messages_are_answered_and_the_conversation_goes_on(
    tmp_path: Path,
) -> None:
    async def said() -> Any:
        yield b"{\n"
        yield b"[1]\n\n"
        yield str(INITIALIZE).replace("'", '"').encode() + b"\n"

    async with served(tmp_path, "Hi") as s:
        lines = [
            types.jsonrpc_message_adapter.validate_json(each)
            async for each in s.client.converse(said())
        ]
    codes = [each.error.code for each in lines[:2]]
    assert codes == [types.PARSE_ERROR, types.INVALID_REQUEST]
    assert lines[2].result["protocolVersion"] == "2025-06-18"


async def test_a_line_without_end_is_not_kept(tmp_path: Path) -> None:
    async def said() -> Any:
        while True:
            yield b" " * (1 << 20)

    async with served(tmp_path, "Hi") as s, asyncio.timeout(60):
        lines = [each async for each in s.client.converse(said())]
    assert b"The message is too long." in lines[0]


_START = """
import asyncio, sys
from pathlib import Path
from muxi.config.project import Project
from muxi.runtime.build import open_runtime
from muxi.server.serve import serving
from muxi.client.client import Client

def heavy():
    return sorted({name.partition(".")[0] for name in sys.modules} & {"mcp", "mcp_types", "anyio"})

async def main():
    runtime = await open_runtime(Project(folder=Path(sys.argv[1])))
    async with serving(runtime, port=0) as server:
        async with Client(server.url, token=runtime.state.token()) as client:
            await client.status()
            print("mcp" in heavy(), "mcp_types" in heavy())
    await runtime.close()

asyncio.run(main())
"""


async def test_the_sdk_is_not_imported_before_a_client_of_mcp_asks(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _START, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert out.decode().split() == ["False", "False"]
