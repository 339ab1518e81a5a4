"""The client that the official conformance suite starts: muxi's own connections, calls and logins.

Contract of the suite: the server's URL is the last argument; `MCP_CONFORMANCE_SCENARIO`,
`MCP_CONFORMANCE_CONTEXT` (JSON) and `MCP_CONFORMANCE_PROTOCOL_VERSION` are in the environment. Like
an agent it connects, learns the tools, and calls each of them; the person that it would ask grants
access and accepts every question.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from muxi.config.mcp_settings import McpServerSettings
from muxi.core.context import RunContext
from muxi.core.errors import InputNeeded, MuxiError
from muxi.core.mcp_login import LoginAnswer
from muxi.core.questions import Answer, Answered, Question
from muxi.mcp.calling import RemoteCall
from muxi.mcp.connection import Connection
from muxi.mcp.oauth.grant import Identity, Waiting
from muxi.mcp.oauth.provider import ServerAuth
from muxi.mcp.specs import RemoteTool, remote_tools
from muxi.mcp.surface import Surface
from muxi.mcp.target import RemoteTarget

SAMPLES = {"string": "x", "integer": 5, "number": 5, "boolean": False, "object": {}, "array": []}
DOCUMENT = "https://conformance-test.local/client-metadata.json"
"""The document that the suite expects of a client that is described by one."""


class Memory:
    """Keeps logins as long as the process lives."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def load(self, server: str) -> str | None:
        return self.kept.get(server)

    async def save(self, server: str, text: str) -> None:
        self.kept[server] = text

    async def drop(self, server: str) -> None:
        self.kept.pop(server, None)


async def grant(address: str, _: Waiting) -> LoginAnswer:
    """What a browser comes back with when a person grants access."""
    async with httpx2.AsyncClient() as browser:
        response = await browser.get(address, follow_redirects=False)
    found = parse_qs(urlsplit(response.headers["location"]).query)
    one = {name: found[name][0] for name in ("code", "state", "iss") if name in found}
    return LoginAnswer.model_validate(one)


async def accept(question: Question) -> Answer:
    """A person who says yes, and fills in what must be filled in."""
    schema = question.json_schema or {}
    value: dict[str, Any] = {}
    for name in schema.get("required", ()):
        field = schema["properties"][name]
        if "default" not in field:
            value[name] = SAMPLES[field.get("type", "string")]
    return Answer(action="accept", value=value)


class Driver:
    """One scenario."""

    def __init__(self, url: str) -> None:
        self.context = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT", "{}"))
        version = os.environ.get("MCP_CONFORMANCE_PROTOCOL_VERSION")
        modern = version is None or version in MODERN_PROTOCOL_VERSIONS
        self.settings = McpServerSettings(url=url, protocol="auto" if modern else "legacy")
        self.tools: list[RemoteTool] = []
        self.connection = Connection(
            name="conformance",
            target=RemoteTarget(
                url=url,
                headers=self.headers,
                auth=self.credentials,
                max_message=self.settings.max_message,
                silence=self.settings.timeout,
            ),
            settings=self.settings,
            offered=self.learn,
        )
        self.auth = ServerAuth(
            "conformance",
            url,
            Memory(),
            identity=self.identity(),
            authorize=grant,
            redirect_url="http://localhost:3000/callback",
        )

    def identity(self) -> Identity:
        if "client_id" not in self.context:
            return Identity(client_metadata_url=DOCUMENT)
        return Identity(
            client_id=self.context["client_id"],
            client_secret=self.context.get("client_secret"),
            issuer=self.context.get("issuer"),
        )

    async def headers(self) -> dict[str, str]:
        return {}

    async def credentials(self) -> ServerAuth:
        return self.auth

    def learn(self, surface: Surface, broken: dict[str, str]) -> None:
        self.tools = list(remote_tools("conformance", surface, self.settings))
        print("tools:", [tool.name for tool in self.tools], "broken:", broken, file=sys.stderr)

    async def run(self) -> None:
        await self.connection.session()
        named = {call["name"]: call["arguments"] for call in self.context.get("toolCalls", ())}
        for tool in list(self.tools):
            arguments = named.get(tool.name)
            try:
                await self.call(tool, sample(tool) if arguments is None else arguments)
            except MuxiError as error:
                print(f"{tool.name}: {error.message}", file=sys.stderr)
        await self.connection.close()

    async def call(self, tool: RemoteTool, arguments: dict[str, Any]) -> None:
        answered: Answered | None = None
        while True:
            ctx = RunContext(deps=None, ask=accept, answer=answered)
            call = RemoteCall(connection=self.connection, tool=tool, arguments=arguments, ctx=ctx)
            try:
                result = await call.make()
            except InputNeeded as needed:
                answers = {key: await accept(each) for key, each in needed.questions.items()}
                answered = Answered(answers=answers, state=needed.state)
                continue
            print(f"{tool.name}: {result}", file=sys.stderr)
            return


def sample(tool: RemoteTool) -> dict[str, Any]:
    """Arguments that fit a tool's schema, as far as it is a plain one."""
    properties = tool.spec.parameters.get("properties", {})
    return {
        name: SAMPLES.get(properties.get(name, {}).get("type"), "x")
        for name in tool.spec.parameters.get("required", ())
    }


if __name__ == "__main__":
    asyncio.run(Driver(sys.argv[-1]).run())
