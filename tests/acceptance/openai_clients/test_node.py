"""The official OpenAI client for Node.js on a real server."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from support.installed import CACHE
from support.served import served

from muxi.core.messages import FilePart, ToolResultPart
from muxi.core.requests import ModelRequest
from muxi.devkit.node import Node
from muxi.models.scripted import Answer, ScriptedModel, call

pytestmark = pytest.mark.ci

SDK = "openai@7.57.0"


def answer(request: ModelRequest) -> Answer:
    last = request.messages[-1]
    if request.output is not None:
        return '{"city":"Oslo","degrees":3}'
    if any(isinstance(part, FilePart) for part in last.parts):
        return "You sent a file."
    if any(isinstance(part, ToolResultPart) for part in last.parts):
        return "The tool says: " + "".join(
            part.text for part in last.parts if isinstance(part, ToolResultPart)
        )
    if request.tools:
        return call("weather", city="Oslo")
    return f"You said: {last.text}"


async def test_the_node_client_chats_streams_calls_tools_and_keeps_responses(
    tmp_path: Path,
) -> None:
    agents = {name: {"name": name} for name in ("plain", "caller", "shaped")}
    node = await asyncio.to_thread(Node.find)
    home = await asyncio.to_thread(node.install, CACHE / SDK.replace("@", "-"), [SDK])
    async with served(tmp_path, ScriptedModel(answer), agents=agents) as muxi:
        process = await asyncio.create_subprocess_exec(
            node.program,
            Path(__file__).with_name("node.mjs"),
            home,
            muxi.url,
            muxi.runtime.state.token(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
    assert process.returncode == 0, f"{out.decode()[-2000:]}\n{err.decode()[-4000:]}"
    seen = json.loads(out)
    events = seen.pop("events")
    assert events[0] == "response.created"
    assert events[-1] == "response.completed"
    assert "response.function_call_arguments.done" in events
    assert seen.pop("usage") > 0
    said = "You said: How is the weather in Oslo?"
    assert seen == {
        "models": ["plain", "caller", "shaped"],
        "chat": said,
        "streamed": said,
        "tools": "The tool says: cold in Oslo",
        "called": ["Oslo"],
        "parsed": {"city": "Oslo", "degrees": 3},
        "chained": ["You said: Hello", "You said: And again", True],
        "stored": True,
        "answered": "The tool says: warm",
        "formed": {"city": "Oslo", "degrees": 3},
        "background": "completed",
        "file": "You sent a file.",
        "deleted": True,
    }
