"""Calls that a server turns into tasks, made through muxi's own client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from support.long_calls import LongCalls, serving_long_calls

from muxi.config.mcp_settings import McpServerSettings
from muxi.core.context import RunContext
from muxi.core.errors import InputNeeded, ToolError, ToolFailed, ToolTimeout
from muxi.core.events import Event, ToolProgress
from muxi.core.messages import TextPart
from muxi.core.questions import Answer, Answered
from muxi.mcp.calling import RemoteCall
from muxi.mcp.connection import Connection
from muxi.mcp.specs import RemoteTool, remote_tools
from muxi.mcp.surface import Surface
from muxi.mcp.target import RemoteTarget
from muxi.mcp.tasks import TasksExtension


class Caller:
    """An agent's view of the server."""

    def __init__(self, served: LongCalls, **settings: Any) -> None:
        url = served.url
        self.served = served
        self.settings = McpServerSettings(url=url, **settings)
        self.tools: dict[str, RemoteTool] = {}
        self.events: list[Event] = []
        self.told = asyncio.Event()
        """Set when the call has shown a sign of life."""
        self.connection = Connection(
            name="long",
            target=RemoteTarget(url, _none, _nobody, 1_000_000, 30.0),
            settings=self.settings,
            offered=self._learn,
            extensions=lambda: [TasksExtension()],
        )

    def _learn(self, surface: Surface, broken: dict[str, str]) -> None:
        self.tools = {tool.name: tool for tool in remote_tools("long", surface, self.settings)}

    def _hear(self, event: Event) -> None:
        self.events.append(event)
        self.told.set()

    async def call(self, name: str, *, answered: Answered | None = None, **arguments: Any) -> str:
        await self.connection.session()
        ctx = RunContext(deps=None, emit=self._hear, answer=answered)
        (part,) = await RemoteCall(
            connection=self.connection, tool=self.tools[name], arguments=arguments, ctx=ctx
        ).make()
        assert isinstance(part, TextPart)
        return part.text


async def _none() -> dict[str, str]:
    return {}


async def _nobody() -> None:
    return None


@asynccontextmanager
async def caller(**settings: Any) -> AsyncGenerator[Caller]:
    async with serving_long_calls(poll=0.1) as served:
        made = Caller(served, **settings)
        try:
            yield made
        finally:
            await made.connection.close()


async def test_a_call_that_becomes_a_task_gives_its_result_like_any_other() -> None:
    async with caller() as server:
        assert await server.call("slow_compute", seconds=0.5, label="it") == "it took 0.5 s"
        told = [event.message for event in server.events if isinstance(event, ToolProgress)]
        assert told == ["computing"]


async def test_what_a_tool_says_went_wrong_is_told_as_its_own_words() -> None:
    async with caller() as server:
        with pytest.raises(ToolError, match=r"^It failed\.$"):
            await server.call("failing_job")


async def test_a_task_that_the_server_breaks_off_is_a_clean_error() -> None:
    async with caller() as server:
        with pytest.raises(ToolFailed, match="The task failed: The server broke"):
            await server.call("protocol_error_job")


async def test_a_task_that_needs_answers_suspends_the_call_and_goes_on_with_them() -> None:
    async with caller() as server:
        with pytest.raises(InputNeeded) as waiting:
            await server.call("confirm_delete", filename="a.txt")
        (key,) = waiting.value.questions
        assert waiting.value.questions[key].message == "Delete a.txt?"
        answered = Answered(
            answers={key: Answer(action="accept", value={"confirm": True})},
            state=waiting.value.state,
        )
        said = await server.call("confirm_delete", filename="a.txt", answered=answered)
        assert said == "a.txt was deleted."


async def test_questions_that_come_before_there_is_a_task_are_answered_as_ever() -> None:
    async with caller() as server:
        with pytest.raises(InputNeeded) as waiting:
            await server.call("test_tool_with_task")
        answers = {
            key: Answer(action="accept", value={"name": "Ada"}) for key in waiting.value.questions
        }
        answered = Answered(answers=answers, state=waiting.value.state)
        assert await server.call("test_tool_with_task", answered=answered) == "Done for Ada."


async def test_a_call_that_is_cancelled_cancels_its_task() -> None:
    async with caller() as server:
        call = asyncio.create_task(server.call("slow_compute", seconds=60, label="it"))
        async with asyncio.timeout(60):
            await server.told.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await server.served.cancelled.wait()


async def test_a_task_outlives_the_connection_on_which_it_was_begun() -> None:
    async with caller() as server:
        call = asyncio.create_task(server.call("slow_compute", seconds=1.5, label="it"))
        async with asyncio.timeout(60):
            await server.told.wait()
            await server.connection.restart()
            assert await call == "it took 1.5 s"


async def test_a_task_without_a_sign_of_life_is_given_up_in_time() -> None:
    async with caller(timeout=1.5) as server:
        with pytest.raises(ToolTimeout, match=r"did not answer within 1\.5 s"):
            await server.call("slow_compute", seconds=60, label="it")
