"""Agents of a project with hundreds of tools: what they are shown, and what a successor shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.served import project

from muxi.core.caller import LOCAL_CALLER
from muxi.core.events import ApprovalDecision
from muxi.core.requests import ModelRequest, ToolSpec
from muxi.models.scripted import ScriptedModel, call
from muxi.retrieval.tool_index import ToolIndex
from muxi.retrieval.tool_search import FIND_TOOLS
from muxi.runtime.build import Runtime, open_runtime
from muxi.runtime.principal import LOCAL
from muxi.runtime.requests import RunRequest


def many(calls: list[str]) -> dict[str, Callable[..., Any]]:
    """Hundreds of tools, one of which is of use."""

    def made(number: int) -> Callable[..., Any]:
        def tool(text: str) -> str:
            return text

        tool.__name__ = f"drawer_{number}"
        tool.__doc__ = f"Put something into drawer number {number}, and close it again behind you."
        return tool

    def water_plants(litres: int) -> str:
        """Water the plants of the garden."""
        calls.append(f"watered with {litres}")
        return "They are wet."

    tools = {f"drawer_{number}": made(number) for number in range(300)}
    return {**tools, "water_plants": water_plants}


async def opened(folder: Path, model: ScriptedModel, calls: list[str]) -> Runtime:
    agent = {
        "name": "a",
        "tools": ["*"],
        "approve": ["water_plants"],
        "tool_search": {"first": 0, "pinned": ["calculator"]},
    }
    declared = project(folder, agents={"a": agent})
    return await open_runtime(declared, models={"m/m": model}, tools=many(calls))


async def wait_for(runtime: Runtime, run_id: str) -> None:
    attempt = runtime.runs.active.get(run_id)
    if attempt is not None:
        await attempt.wait()


async def test_the_search_is_ready_before_the_first_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    make = ToolIndex.of

    def counted(specs: Sequence[ToolSpec], embedder: Any) -> ToolIndex:
        made.append(len(specs))
        return make(specs, embedder)

    monkeypatch.setattr(ToolIndex, "of", counted)
    runtime = await opened(tmp_path, ScriptedModel(["Hello."]), [])
    try:
        runtime.warming.begin()
        await runtime.warming.wait()
        assert len(made) == 1
        run = await runtime.runs.start(LOCAL_CALLER, RunRequest(input="Hello.", agent="a"))
        await wait_for(runtime, run.id)
        assert (await runtime.runs.get(LOCAL, run.id)).status == "completed"
    finally:
        await runtime.close()
    assert len(made) == 1


async def test_a_found_tool_is_still_shown_after_another_process_has_taken_over(
    tmp_path: Path,
) -> None:
    calls: list[str] = []
    shown: list[list[str]] = []

    def script(*answers: Any) -> ScriptedModel:
        rest = iter(answers)

        def answer(request: ModelRequest) -> Any:
            shown.append([tool.name for tool in request.tools])
            return next(rest)

        return ScriptedModel(answer)

    asks = script(call(FIND_TOOLS, query="water plants", limit=2), call("water_plants", litres=2))
    first = await opened(tmp_path, asks, calls)
    run = await first.runs.start(LOCAL_CALLER, RunRequest(input="The garden is dry.", agent="a"))
    await wait_for(first, run.id)
    assert (await first.runs.get(LOCAL, run.id)).status == "waiting"
    before = (await first.runs.get(LOCAL, run.id)).tools
    await first.close()
    assert calls == []

    second = await opened(tmp_path, script("Done."), calls)
    try:
        (approval,) = (await second.approvals.page(LOCAL, run_id=run.id)).items
        decision = ApprovalDecision(decision="approve")
        await second.approvals.resolve(LOCAL, approval.id, decision)
        await wait_for(second, run.id)
        done = await second.runs.get(LOCAL, run.id)
    finally:
        await second.close()
    assert done.status == "completed"
    assert calls == ["watered with 2"]
    assert shown[0] == [FIND_TOOLS, "calculator"]
    assert "water_plants" in shown[1]
    assert shown[2] == shown[1]
    assert done.tools == before
    assert [tool.name for tool in done.tools] == shown[1]
