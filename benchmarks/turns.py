"""What a turn costs in process: the agent's own work, with a model that answers at once.

    python benchmarks/turns.py [--peers PYTHON]

`PYTHON` is the interpreter of an environment with `agno` and `agent-framework-core`; each framework
runs in a process of its own, one after the other, three rounds, the least CPU time counts. Every
contender gets the same work: no tool, or three calls of an async tool one after the other.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import pstats
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

Turn = Callable[[], Awaitable[object]]
ROUNDS = 3


def muxi() -> tuple[Turn, Turn]:
    from muxi import Agent, Usage
    from muxi.core.events import ResponseCompleted, TextDelta
    from muxi.core.messages import TextPart, ToolCallPart
    from muxi.models.model import FREE, ModelProfile

    class Fake:
        name = "fake/model"
        profile = ModelProfile(price=FREE)

        async def stream(self, request: Any) -> Any:
            answered = sum(message.role == "tool" for message in request.messages)
            part: Any = TextPart(text="one two three four five six")
            stop: Any = "stop"
            if request.tools and answered < 3:
                part = ToolCallPart(id=f"c{answered}", name="add", arguments={"a": 1, "b": 2})
                stop = "tool_calls"
            else:
                yield TextDelta(text=part.text)
            usage = Usage(requests=1, input_tokens=1, output_tokens=6)
            yield ResponseCompleted(parts=[part], usage=usage, stop_reason=stop, model=self.name)

        def count(self, message: Any) -> int:
            return 1

        def count_text(self, text: str) -> int:
            return 1

        async def close(self) -> None: ...

    async def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    plain, tools = Agent("plain", Fake()), Agent("tools", Fake(), tools=[add])
    return (lambda: plain.run("hi")), (lambda: tools.run("hi"))


def agno() -> tuple[Turn, Turn]:
    from agno.agent import Agent
    from agno.models.base import Model
    from agno.models.response import ModelResponse

    class Fake(Model):
        def invoke(self, *args: Any, **kwargs: Any) -> ModelResponse:
            raise AssertionError("only the async form is measured")

        invoke_stream = ainvoke_stream = invoke
        _parse_provider_response = _parse_provider_response_delta = invoke

        async def ainvoke(self, messages: Any, assistant_message: Any, **kwargs: Any) -> Any:
            answered = sum(message.role == "tool" for message in messages)
            if not kwargs.get("tools") or answered >= 3:
                return ModelResponse(role="assistant", content="one two three four five six")
            function = {"name": "add", "arguments": '{"a": 1, "b": 2}'}
            calls = [{"id": f"c{answered}", "type": "function", "function": function}]
            return ModelResponse(role="assistant", tool_calls=calls)

    async def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    plain = Agent(model=Fake(id="fake"), telemetry=False)
    tools = Agent(model=Fake(id="fake"), tools=[add], telemetry=False)
    return (lambda: plain.arun("hi")), (lambda: tools.arun("hi"))


def agent_framework() -> tuple[Turn, Turn]:
    from agent_framework import (
        Agent,
        BaseChatClient,
        ChatResponse,
        Content,
        FunctionInvocationLayer,
        Message,
    )

    class Fake(FunctionInvocationLayer, BaseChatClient):
        def _inner_get_response(self, *, messages: Any, options: Any, **kwargs: Any) -> Any:
            answered = sum(message.role == "tool" for message in messages)
            contents: list[Any] = ["one two three four five six"]
            if options.get("tools") and answered < 3:
                arguments = {"a": 1, "b": 2}
                contents = [Content.from_function_call(f"c{answered}", "add", arguments=arguments)]

            async def answer() -> ChatResponse:
                return ChatResponse(messages=[Message(role="assistant", contents=contents)])

            return answer()

    async def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    plain = Agent(Fake())
    tools = Agent(Fake(), tools=[add])
    return (lambda: plain.run("hi")), (lambda: tools.run("hi"))


CONTENDERS = {"muxi": muxi, "agent-framework": agent_framework, "agno": agno}


async def measure(turn: Turn, count: int) -> dict[str, float]:
    for _ in range(count // 4):
        await turn()
    walls: list[float] = []
    cpu = time.process_time()
    for _ in range(count):
        start = time.perf_counter()
        await turn()
        walls.append(time.perf_counter() - start)
    cpu = time.process_time() - cpu
    profile = cProfile.Profile()
    profile.enable()
    await turn()
    profile.disable()
    calls = pstats.Stats(profile).total_calls  # pyright: ignore[reportAttributeAccessIssue] -- not in the stubs
    return {"cpu": cpu / count * 1e6, "p10": sorted(walls)[count // 10] * 1e6, "calls": calls}


def one(name: str) -> None:
    plain, tools = CONTENDERS[name]()

    async def both() -> None:
        print(json.dumps([await measure(plain, 2000), await measure(tools, 500)]))

    asyncio.run(both())


def best(name: str, python: str) -> list[dict[str, float]] | None:
    rounds: list[list[dict[str, float]]] = []
    for _ in range(ROUNDS):
        command = [python, __file__, "--one", name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{name}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
            return None
        rounds.append(json.loads(done.stdout.splitlines()[-1]))
    return [
        {key: min(r[i][key] for r in rounds) for key in ("cpu", "p10", "calls")} for i in (0, 1)
    ]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--one", choices=CONTENDERS)
    options.add_argument("--peers", help="interpreter of an environment with the peers")
    chosen = options.parse_args()
    if chosen.one:
        one(chosen.one)
        return
    pythons = {"muxi": sys.executable}
    if chosen.peers:
        pythons |= dict.fromkeys(("agent-framework", "agno"), chosen.peers)
    print(
        "| framework | turn: CPU us | wall us p10 | calls | 3 tools: CPU us | wall us p10 | calls |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, python in pythons.items():
        figures = best(name, python)
        if figures is not None:
            cells = [f"{part[key]:.0f}" for part in figures for key in ("cpu", "p10", "calls")]
            print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
