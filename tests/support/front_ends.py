"""A project for front ends of every protocol: what its agent does depends on what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from muxi.core.errors import ModelRejected
from muxi.core.messages import ReasoningPart, TextPart, ToolResultPart
from muxi.core.requests import ModelRequest
from muxi.models.scripted import Answer, Reply, ScriptedModel, call
from tests.support.served import Served, served


class Shop:
    """The tools of the agent, and what was done with them."""

    def __init__(self) -> None:
        self.paid: list[int] = []
        self.waits = asyncio.Event()
        """Set while an answer is in the middle, until `go` is set or said."""
        self.go = asyncio.Event()

    def weather(self, city: str) -> dict[str, Any]:
        """The weather of a city."""
        return {"city": city, "degrees": 21}

    def pay(self, amount: int) -> str:
        """Pay somebody."""
        self.paid.append(amount)
        return f"paid {amount}"

    def breaks(self) -> str:
        """A tool that does not work."""
        raise ValueError("no such thing")

    def say(self, request: ModelRequest) -> Answer:
        """The next answer of the agent."""
        last = request.messages[-1]
        if last.role == "tool":
            results = [part.text for part in last.parts if isinstance(part, ToolResultPart)]
            return f"So: {', '.join(results)}"
        if last.text == "instructions":
            return request.instructions
        if last.text == "go":
            self.go.set()
        otherwise = f"You said {last.text}, after {len(request.messages) - 1}."
        return self._answers().get(last.text, otherwise)

    def _answers(self) -> dict[str, Answer]:
        return {
            "weather": call("weather", city="Rome"),
            "pay": [TextPart(text="One moment."), call("pay", amount=5)],
            "ask": call("ask_user", question="Where to?"),
            "where": call("locate", precise=True),
            "break": call("breaks"),
            "steps": [
                call(
                    "update_shared_state",
                    changes={"done": 2, "note": None, "by": {"name": "a", "x/y": [1]}},
                )
            ],
            "think": [ReasoningPart(text="Let me see."), TextPart(text="Yes.")],
            "fail": Reply(parts=[TextPart(text="Well")], error=ModelRejected("Not this one.")),
            "slow": Reply(parts=[TextPart(text="begin and end")], between=self._wait),
        }

    async def _wait(self) -> None:
        self.waits.set()
        await self.go.wait()


@asynccontextmanager
async def front(folder: Path, **declared: Any) -> AsyncGenerator[tuple[Served, Shop]]:
    """Serve a shop whose agent needs leave to pay."""
    shop = Shop()
    tools = {"weather": shop.weather, "pay": shop.pay, "breaks": shop.breaks}
    agent = {"name": "a", "tools": [*tools, "ask_user"], "approve": ["pay"]}
    declared = {
        "agents": {"a": agent},
        "memory": {"recall": {"enabled": False}, "embedder": "none"},
        **declared,
    }
    async with served(folder, ScriptedModel(shop.say), tools=tools, **declared) as muxi:
        yield muxi, shop
