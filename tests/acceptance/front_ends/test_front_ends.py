"""Other people's front ends on a real server: the AG-UI client, and what `useChat` is made of."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support.front_ends import Shop, front
from support.installed import CACHE
from support.served import Served

from muxi.devkit.node import Node

pytestmark = pytest.mark.ci

HERE = Path(__file__).parent
AG_UI = ["@ag-ui/client@1.0.0"]
AI_SDK = ["ai@7.0.173", "@ai-sdk/react@4.0.177", "react@19.3.1"]

Seen = dict[str, Any]


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[tuple[Served, Shop]]:
    async with front(tmp_path) as made:
        yield made


async def _play(muxi: Served, script: str, packages: list[str]) -> Seen:
    """What a script has seen, which it prints as JSON."""
    node = await asyncio.to_thread(Node.find)
    name = "-".join(package.strip("@").replace("/", "-").replace("@", "-") for package in packages)
    home = await asyncio.to_thread(node.install, CACHE / name, packages)
    process = await asyncio.create_subprocess_exec(
        node.program,
        HERE / script,
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
    broken = {name: each["error"] for name, each in seen.items() if "error" in each}
    assert not broken
    return seen


def _words(messages: list[Any], role: str = "assistant") -> list[Any]:
    return [m["content"] for m in messages if m["role"] == role and "content" in m]


async def test_the_client_of_agui_talks_to_an_agent(shop: tuple[Served, Shop]) -> None:
    muxi, till = shop
    seen = await _play(muxi, "agui.mjs", AG_UI)
    assert seen["warnings"] == [], "the client found something that the protocol does not know"
    talk = seen["conversation"]
    assert [m["role"] for m in talk["messages"]] == [
        "user", "assistant", "user", "assistant", "tool", "assistant",
    ]  # fmt: skip
    assert talk["second"]["finished"]["outcome"] == {"type": "success"}
    assert json.loads(talk["messages"][4]["content"]) == {"city": "Rome", "degrees": 21}
    thought = [(m["role"], m["content"]) for m in seen["reasoning"]["messages"][1:]]
    assert thought == [("reasoning", "Let me see."), ("assistant", "Yes.")]
    _check_interrupts(seen)
    assert till.paid == [3]
    tools = seen["tools"]
    (pending,) = tools["asked"]["finished"]["outcome"]["pendingToolCallIds"]
    assert pending == tools["messages"][1]["toolCalls"][0]["id"]
    assert [m["role"] for m in tools["messages"]] == ["user", "assistant", "tool", "assistant"]
    assert tools["messages"][-1]["content"] == "So: Oslo"
    assert set(_words(seen["second_window"]["messages"])) == {
        "You said one, after 0.",
        "You said two, after 2.",
    }
    assert "The page: checkout" in _words(seen["context"]["messages"])[-1]
    shared = seen["state"]
    assert shared["types"].count("STATE_DELTA") == 1
    assert shared["state"] == {"done": 2, "by": {"name": "a", "x/y": [1]}} == shared["second"]
    failed = seen["failure"]["failed"]
    assert (failed["code"], failed["type"]) == ("model_rejected", "RUN_ERROR")
    assert _words(seen["picture"]["messages"]) == ["You said look, after 0."]


def _check_interrupts(seen: Seen) -> None:
    approval = seen["approval"]
    (interrupt,) = approval["pending"]
    assert (interrupt["reason"], interrupt["metadata"]["muxi"]["tool"]) == ("tool_call", "pay")
    assert approval["asked"]["finished"]["outcome"]["type"] == "interrupt"
    assert "TOOL_CALL_START" not in approval["answered"]["types"]
    assert approval["again"]["types"] == approval["answered"]["types"], "it may be sent twice"
    assert _words(approval["messages"], "tool")[0].endswith("paid 3")
    assert "refused" in _words(seen["denial"]["messages"], "tool")[0]
    question = seen["question"]
    assert question["interrupt"]["message"] == "Where to?"
    assert _words(question["messages"]) == ["So: Rome"]


async def test_use_chat_talks_to_an_agent(shop: tuple[Served, Shop]) -> None:
    muxi, till = shop
    seen = await _play(muxi, "aisdk.mjs", AI_SDK)
    assert seen["warned"] == []
    talk = seen["conversation"]
    assert (talk["errors"], talk["finished"], talk["status"]) == ([], ["stop", "stop"], "ready")
    weather = talk["messages"][-1]["parts"][1]
    assert (weather["type"], weather["output"]["degrees"]) == ("tool-weather", 21)
    assert talk["messages"][-1]["metadata"]["usage"]["totalTokens"] > 0
    kinds = [part["type"] for part in seen["reasoning"]["messages"][-1]["parts"]]
    assert kinds == ["step-start", "reasoning", "text"]
    _check_approvals(seen)
    assert till.paid == [5]
    assert _last(seen["tools"])[-1]["text"] == 'So: {"city":"Oslo"}'
    assert seen["regeneration"] == {
        "regenerated": ["one", "You said one, after 0.", "two", "You said two, after 2."],
        "edited": ["edited", "You said edited, after 0."],
    }
    assert seen["resumption"] == {
        "first": ["slow", "begin and end"],
        "second": ["slow", "begin and end"],
        "late": 0,
        "lateStatus": "ready",
    }
    assert seen["reload"]["messages"][-1]["id"] == seen["approval"]["messages"][-1]["id"]
    assert _last(seen["reload"]["after"])[-1]["text"] == "You said hello, after 4."
    assert _last(seen["history"])[-1]["text"] == "You said hello, after 2."
    assert _last(seen["files"])[-1]["text"] == "You said look, after 0."
    assert seen["failure"]["status"] == "error"
    assert seen["failure"]["errors"][0].startswith("Not this one.")


def _check_approvals(seen: Seen) -> None:
    assert seen["approval"]["asked"]["state"] == "approval-requested"
    paid = next(part for part in _last(seen["approval"]) if part["type"] == "tool-pay")
    assert (paid["state"], paid["output"]) == ("output-available", "paid 5")
    refused = next(part for part in _last(seen["denial"]) if part["type"] == "tool-pay")
    assert (refused["state"], refused["approval"]["reason"]) == ("output-denied", "Too much")
    assert _last(seen["question"])[-1]["text"] == "So: Rome"
    assert seen["approval"]["finished"] == seen["denial"]["finished"] == ["tool-calls", "stop"]


def _last(chat: Seen) -> list[Any]:
    """The parts of a chat's last message."""
    return chat["messages"][-1]["parts"]
