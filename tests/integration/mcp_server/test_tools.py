"""Tools of a project that its clients of MCP may call without an agent."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from support.mcp_client import MODES, Mode, Person, connected, says, text_of
from support.served import served

from muxi import RunContext, tool
from muxi.core.errors import InputNeeded
from muxi.core.events import ToolProgress
from muxi.core.messages import AudioPart, FilePart, ImagePart, TextPart
from muxi.core.questions import Question

both = pytest.mark.parametrize("mode", MODES)


def offers(*tools: str) -> dict[str, Any]:
    return {"mcp": {"tools": list(tools)}}


@both
async def test_a_built_in_tool_is_called(tmp_path: Path, mode: Mode) -> None:
    async with (
        served(tmp_path, "Hi", server=offers("calculator")) as s,
        connected(s, mode) as client,
    ):
        result = await client.call_tool("calculator", {"expression": "17*23"})
        wrong = await client.call_tool("calculator", {"expression": "17*23", "x": 1})
        broken = await client.call_tool("calculator", {"expression": "1/0"})
    assert result.structured_content == {"result": "391"}
    assert text_of(result) == "391"
    assert "'x' was unexpected" in text_of(wrong)
    assert broken.is_error


@both
async def test_no_tool_is_offered_that_the_settings_do_not_name(tmp_path: Path, mode: Mode) -> None:
    @tool
    def secret() -> str:
        """Tell."""
        return "told"

    async with (
        served(tmp_path, "Hi", tools={"secret": secret}) as s,
        connected(s, mode) as client,
    ):
        assert "secret" not in [each.name for each in (await client.list_tools()).tools]


@both
async def test_images_and_files_come_as_what_they_are(tmp_path: Path, mode: Mode) -> None:
    @tool
    def show() -> list[Any]:
        """Show all kinds."""
        return [
            TextPart(text="Look:"),
            ImagePart(media_type="image/png", data=b"png"),
            AudioPart(media_type="audio/wav", data=b"wav"),
            FilePart(media_type="application/pdf", data=b"pdf", name="a b.pdf"),
            FilePart(media_type="text/plain", url="https://example.org/x.txt", name="x"),
        ]

    async with (
        served(tmp_path, "Hi", tools={"show": show}, server=offers("show")) as s,
        connected(s, mode) as client,
    ):
        result = await client.call_tool("show", {})
    assert [each.type for each in result.content] == [
        "text",
        "image",
        "audio",
        "resource",
        "resource_link",
    ]
    assert result.content[1].data == "cG5n"
    assert result.content[3].resource.uri == "muxi://results/a%20b.pdf"
    assert result.structured_content == {"result": "Look:"}


@both
async def test_what_a_tool_reports_is_told_as_progress(tmp_path: Path, mode: Mode) -> None:
    @tool
    async def count(ctx: RunContext[Any]) -> str:
        """Count."""
        for number in (1, 2, 3):
            ctx.emit(ToolProgress(call_id="", name="count", progress=number, total=3, message="so"))
        return "counted"

    told: list[Any] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        told.append((done, total, message))

    async with (
        served(tmp_path, "Hi", tools={"count": count}, server=offers("count")) as s,
        connected(s, mode) as client,
    ):
        await client.call_tool("count", {}, progress_callback=progress)
    assert told == [(1, 3, "so"), (2, 3, "so"), (3, 3, "so")]


@both
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (says(decision="approve"), "Paid 5."),
        (says(decision="deny", reason="Too much."), "Too much."),
        (types.ElicitResult(action="decline"), "denied"),
        (types.ElicitResult(action="cancel"), "denied"),
    ],
)
async def test_a_call_that_needs_leave_is_made_when_a_person_gives_it(
    tmp_path: Path, mode: Mode, answer: types.ElicitResult, words: str
) -> None:
    paid: list[int] = []

    @tool(approval=True)
    def pay(amount: int) -> str:
        """Pay."""
        paid.append(amount)
        return f"Paid {amount}."

    async with (
        served(tmp_path, "Hi", tools={"pay": pay}, server=offers("pay")) as s,
        connected(s, mode, elicitation_callback=Person(answer)) as client,
    ):
        result = await client.call_tool("pay", {"amount": 5})
    assert words in text_of(result)
    assert paid == ([5] if words == "Paid 5." else [])
    assert result.is_error is (words != "Paid 5.")


@both
async def test_a_client_that_cannot_ask_may_not_make_a_call_that_needs_leave(
    tmp_path: Path, mode: Mode
) -> None:
    @tool(approval=True)
    def pay(amount: int) -> str:
        """Pay."""
        raise AssertionError("called")

    async with (
        served(tmp_path, "Hi", tools={"pay": pay}, server=offers("pay")) as s,
        connected(s, mode) as client,
    ):
        result = await client.call_tool("pay", {"amount": 5})
    assert result.is_error
    assert "this client cannot ask one" in text_of(result)


@both
async def test_a_tool_asks_as_often_as_it_needs_to(tmp_path: Path, mode: Mode) -> None:
    @tool
    async def book(ctx: RunContext[Any]) -> str:
        """Book a table."""
        if ctx.answer is None:
            schema = {"type": "integer", "minimum": 1}
            raise InputNeeded(Question(message="How many people?", json_schema=schema))
        if ctx.answer.round == 1:
            raise InputNeeded(Question(message="When?"), state={"people": ctx.answer.only.value})
        return f"{ctx.answer.state['people']} people {ctx.answer.only.value}"

    person = Person(says(answer=4), says(answer="tonight"))
    async with (
        served(tmp_path, "Hi", tools={"book": book}, server=offers("book")) as s,
        connected(s, mode, elicitation_callback=person) as client,
    ):
        result = await client.call_tool("book", {})
    assert text_of(result) == "4 people tonight"
    assert [each.message for each in person.asked] == ["How many people?", "When?"]


@both
async def test_a_tool_that_takes_too_long_is_an_error(tmp_path: Path, mode: Mode) -> None:
    @tool(timeout=0.05)
    async def sleep() -> str:
        """Sleep."""
        await asyncio.Event().wait()
        return ""

    async with (
        served(tmp_path, "Hi", tools={"sleep": sleep}, server=offers("sleep")) as s,
        connected(s, mode) as client,
    ):
        result = await client.call_tool("sleep", {})
    assert result.is_error
    assert "took too long" in text_of(result)


@both
async def test_what_goes_wrong_inside_is_not_told(tmp_path: Path, mode: Mode) -> None:
    async with served(tmp_path, "Hi") as s, connected(s, mode) as client:

        async def broken(*_: Any, **__: Any) -> Any:
            raise RuntimeError("password=hunter2 at /srv/secret.py")

        s.runtime.memories.search = broken  # pyright: ignore[reportAttributeAccessIssue] -- a fault that cannot happen otherwise
        result = await client.call_tool("recall", {"query": "x"})
    assert result.is_error
    assert text_of(result) == "recall failed."
