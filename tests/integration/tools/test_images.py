"""Pictures that agents make, change and look at, with a provider on this machine."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from support.served import Served, served

from muxi.core.events import Event, RunCompleted, ToolCompleted
from muxi.core.messages import ImagePart, TextPart
from muxi.models.scripted import ScriptedModel, call

MADE = b"\x89PNG\r\n\x1a\n" + b"made" * 50
OWN = b"\x89PNG\r\n\x1a\n" + b"own" * 50


class Studio:
    """A provider of pictures, and what it was sent."""

    def __init__(self) -> None:
        self.prompts: list[str] = []
        self.files: list[bytes] = []

    async def handle(self, request: web.Request) -> web.Response:
        if request.path == "/own.png":
            return web.Response(body=OWN, content_type="image/png")
        if request.content_type == "application/json":
            self.prompts.append((await request.json())["prompt"])
        else:
            form = await request.post()
            self.prompts.append(str(form["prompt"]))
            files = [each for each in form.getall("image[]") if isinstance(each, web.FileField)]
            self.files += [each.file.read() for each in files]
        picture = {"b64_json": b64encode(MADE).decode()}
        return web.json_response({"data": [picture], "usage": {"output_tokens": 100}})


@pytest.fixture
async def studio() -> AsyncIterator[tuple[Studio, str]]:
    made = Studio()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    async with TestServer(app) as server:
        yield made, str(server.make_url("")).rstrip("/")


def painter(url: str, **options: Any) -> dict[str, Any]:
    """A project whose agent has the tools."""
    return {
        "models": {"brush": {"model": "openai/gpt-image-1", "base_url": f"{url}/v1"}},
        "tools": {"images": {"kind": "images", "model": "brush", **options}},
        "agents": {"a": {"name": "a", "tools": ["images"], "limits": {"cost": 1}}},
    }


def result(events: list[Event], number: int = 0) -> ToolCompleted:
    return [event for event in events if isinstance(event, ToolCompleted)][number]


async def drawn(muxi: Served, events: list[Event], number: int = 0) -> bytes:
    """The picture that a call gave, as whoever reads the events gets it."""
    told = result(events, number).result
    assert told.outcome == "ok", told.text
    (picture,) = [part for part in told.content if isinstance(part, ImagePart)]
    assert picture.data is None, "events carry no bytes"
    async with muxi.http.get(f"{muxi.url}/api/blobs/{picture.blob}") as response:
        return await response.read()


async def test_a_picture_is_made_shown_and_paid_for(
    tmp_path: Path, studio: tuple[Studio, str]
) -> None:
    provider, url = studio
    model = ScriptedModel([call("make_image", prompt="A red bicycle"), "There."])
    async with served(tmp_path, model, **painter(url, price="0.04")) as muxi:
        _, events = await muxi.answer("Draw a red bicycle")
        assert await drawn(muxi, events) == MADE
        assert provider.prompts == ["A red bicycle"]
        end = events[-1]
        assert isinstance(end, RunCompleted)
        assert str(end.usage.cost) == "0.04"
        assert end.usage.output_tokens >= 100


async def test_without_a_price_a_limit_of_cost_forbids_it(
    tmp_path: Path, studio: tuple[Studio, str]
) -> None:
    provider, url = studio
    model = ScriptedModel([call("make_image", prompt="A red bicycle"), "No."])
    async with served(tmp_path, model, **painter(url)) as muxi:
        _, events = await muxi.answer("Draw")
    told = result(events).result
    assert told.outcome == "error"
    assert "no known price" in told.text
    assert "tools.images.price" in told.text
    assert provider.prompts == []


async def test_the_conversations_newest_picture_is_changed(
    tmp_path: Path, studio: tuple[Studio, str]
) -> None:
    provider, url = studio
    change = call("change_image", prompt="Make it blue")
    model = ScriptedModel([change, "Blue.", change, "Bluer.", change, "Bluest."])
    async with served(tmp_path, model, **painter(url, price=0)) as muxi:
        said = [TextPart(text="Make it blue"), ImagePart(media_type="image/png", data=OWN)]
        run = await muxi.client.start_run(said)
        assert await drawn(muxi, await muxi.follow(run.id)) == MADE
        await muxi.answer("Bluer!", thread_id=run.thread_id)
    async with served(tmp_path, model, **painter(url, price=0)) as muxi:
        await muxi.answer("In another process!", thread_id=run.thread_id)
    assert provider.files == [OWN, MADE, MADE]


async def test_pictures_of_files_and_of_the_web_are_put_together(
    tmp_path: Path, studio: tuple[Studio, str]
) -> None:
    provider, url = studio
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace" / "own.png").write_bytes(OWN)
    sources = ["own.png", f"{url}/own.png"]
    model = ScriptedModel([call("change_image", prompt="Join them", images=sources), "Joined."])
    options = {"price": 0, "allow_hosts": ["127.0.0.1"]}
    async with served(tmp_path, model, **painter(url, **options)) as muxi:
        _, events = await muxi.answer("Join them")
        assert await drawn(muxi, events) == MADE
    assert provider.files == [OWN, OWN]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("../secret.png", "leads out of the folder"),
        ("notes.txt", "is no picture"),
        ("nowhere.png", "no file"),
        ("large.png", "larger than 100,000 bytes"),
        ("http://127.0.0.1/own.png", "private network"),
    ],
)
async def test_what_is_no_picture_of_the_project_is_refused(
    tmp_path: Path, studio: tuple[Studio, str], source: str, words: str
) -> None:
    provider, url = studio
    (tmp_path / "workspace").mkdir()
    (tmp_path / "secret.png").write_bytes(OWN)
    (tmp_path / "workspace" / "notes.txt").write_text("no picture")
    (tmp_path / "workspace" / "large.png").write_bytes(OWN + b"\0" * 100_000)
    model = ScriptedModel([call("change_image", prompt="Steal it", images=[source]), "No."])
    options = {"price": 0, "max_bytes": 100_000}
    async with served(tmp_path, model, **painter(url, **options)) as muxi:
        _, events = await muxi.answer("Steal it")
    told = result(events).result
    assert told.outcome in ("error", "denied")
    assert words in told.text
    assert provider.files == []


async def test_a_model_that_sees_says_what_is_in_a_picture(tmp_path: Path) -> None:
    asked = call("look_at_image", question="What is it?", image="own.png")
    model = ScriptedModel([asked, "It is a door.", "A door, I am told."])
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace" / "own.png").write_bytes(OWN)
    agents = {"a": {"name": "a", "tools": ["images"]}}
    async with served(tmp_path, model, agents=agents) as muxi:
        _, events = await muxi.answer("What is in own.png?")
    assert result(events).result.text == "It is a door."
    (seen,) = [part for part in model.requests[1].messages[0].parts if isinstance(part, ImagePart)]
    assert seen.data == OWN
    assert [tool.name for tool in model.requests[0].tools] == ["look_at_image"]


async def test_a_model_that_does_not_see_is_named(tmp_path: Path) -> None:
    asked = call("look_at_image", question="What is it?", image="own.png")
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace" / "own.png").write_bytes(OWN)
    tools = {"images": {"kind": "images", "seeing": "embedded"}}
    agents = {"a": {"name": "a", "tools": ["images"]}}
    model = ScriptedModel([asked, "I cannot see it."])
    async with served(tmp_path, model, tools=tools, agents=agents) as muxi:
        _, events = await muxi.answer("What is in own.png?")
    told = result(events).result
    assert told.outcome == "error"
    assert "does not see pictures" in told.text
    assert "tools.images.seeing" in told.text
