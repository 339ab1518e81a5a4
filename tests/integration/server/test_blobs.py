"""Images and files of messages: stored once, seen by models, shown to people."""

from __future__ import annotations

import base64
import os
import time
from pathlib import Path

import pytest
from support.served import Served, served

from muxi.core.events import ToolCompleted
from muxi.core.messages import FilePart, ImagePart, Message, TextPart, ToolResultPart
from muxi.models.scripted import Gate, Reply, ScriptedModel, call
from muxi.runtime.state import StateFolder

PNG = b"\x89PNG\r\n\x1a\n" + os.urandom(50_000)


async def _show(muxi: Served, thread_id: str | None = None) -> tuple[str, str]:
    """Send a picture; gives the thread and the run."""
    parts = [TextPart(text="What is this?"), ImagePart(media_type="image/png", data=PNG)]
    run = await muxi.client.start_run(parts, thread_id=thread_id)
    await muxi.follow(run.id)
    return run.thread_id, run.id


def _image(message: Message) -> ImagePart:
    (image,) = [part for part in message.parts if isinstance(part, ImagePart)]
    return image


async def test_a_picture_is_stored_once_and_seen_whenever_it_is_needed(tmp_path: Path) -> None:
    model = ScriptedModel(lambda request: "A picture.")
    async with served(tmp_path, model) as muxi:
        thread, _ = await _show(muxi)
        await _show(muxi)
        assert _image(model.requests[0].messages[-1]).data == PNG
        stored = _image((await muxi.client.messages(thread))[0])
        assert stored.data is None
        assert stored.blob is not None
        files = [path for path in muxi.runtime.state.blobs.rglob("*") if path.is_file()]
        assert len(files) == 1
        assert PNG not in muxi.runtime.state.database.read_bytes()
    # In another process, where nothing is in memory.
    async with served(tmp_path, model) as muxi:
        await muxi.answer("And now?", thread_id=thread)
        assert _image(model.requests[-1].messages[0]).data == PNG
        async with muxi.http.get(f"{muxi.url}/api/blobs/{stored.blob}") as response:
            assert response.headers["Content-Type"] == "image/png"
            assert "sandbox" in response.headers["Content-Security-Policy"]
            assert await response.read() == PNG


async def test_a_run_that_is_continued_sees_the_picture(tmp_path: Path) -> None:
    gate = Gate()
    reply = Reply(parts=[TextPart(text="one two")], between=gate.wait)
    async with served(tmp_path, [reply]) as muxi:
        parts = [ImagePart(media_type="image/png", data=PNG)]
        run = await muxi.client.start_run(parts)
        await muxi.runtime.stop_runs(0)
    model = ScriptedModel(["Seen."])
    async with served(tmp_path, model) as muxi:
        await muxi.follow(run.id)
        assert _image(model.requests[-1].messages[-1]).data == PNG


def draw() -> bytes:
    """Draw a picture."""
    return PNG


DRAWING = {"a": {"name": "a", "tools": ["draw"]}}


def _drawn(message: Message) -> ImagePart:
    (result,) = message.parts
    assert isinstance(result, ToolResultPart)
    (image,) = result.content
    assert isinstance(image, ImagePart)
    return image


def _nowhere(state: StateFolder) -> None:
    """The picture lies in no row, in no form."""
    for file in state.root.glob("muxi.db*"):
        stored = file.read_bytes()
        assert PNG[:200] not in stored
        assert base64.b64encode(PNG)[:200] not in stored
        assert base64.urlsafe_b64encode(PNG)[:200] not in stored


async def test_a_picture_from_a_tool_lies_in_no_row_and_no_event(tmp_path: Path) -> None:
    model = ScriptedModel([call("draw"), "Drawn.", "Still there.", "And here."])
    async with served(tmp_path, model, tools={"draw": draw}, agents=DRAWING) as muxi:
        thread, events = await muxi.answer("Draw")
        assert _drawn(model.requests[1].messages[-1]).data == PNG
        (done,) = [event for event in events if isinstance(event, ToolCompleted)]
        stored = (await muxi.client.messages(thread))[2]
        for told in (done.result.content[0], _drawn(stored)):
            assert isinstance(told, ImagePart)
            assert told.data is None
            assert told.media_type == "image/png"
        async with muxi.http.get(f"{muxi.url}/api/blobs/{_drawn(stored).blob}") as response:
            assert await response.read() == PNG
        await muxi.answer("And now?", thread_id=thread)
        assert _drawn(model.requests[2].messages[2]).data == PNG
        _nowhere(muxi.runtime.state)
    async with served(tmp_path, model, tools={"draw": draw}, agents=DRAWING) as muxi:
        await muxi.answer("And in another process?", thread_id=thread)
        assert _drawn(model.requests[3].messages[2]).data == PNG
        await muxi.client.delete_thread(thread)
        assert not [path for path in muxi.runtime.state.blobs.rglob("*") if path.is_file()]


async def test_a_run_that_is_continued_sees_what_its_tools_gave(tmp_path: Path) -> None:
    gate = Gate()
    reply = Reply(parts=[TextPart(text="one two")], between=gate.wait)
    script = [call("draw"), reply]
    async with served(tmp_path, script, tools={"draw": draw}, agents=DRAWING) as muxi:
        run = await muxi.client.start_run("Draw")
        async for event in muxi.client.events(run.id):
            if isinstance(event, ToolCompleted):
                break
        await muxi.runtime.stop_runs(0)
    model = ScriptedModel(["Seen."])
    async with served(tmp_path, model, tools={"draw": draw}, agents=DRAWING) as muxi:
        await muxi.follow(run.id)
        assert _drawn(model.requests[-1].messages[-1]).data == PNG
        _nowhere(muxi.runtime.state)


async def test_a_picture_from_a_model_lies_in_no_row(tmp_path: Path) -> None:
    picture = ImagePart(media_type="image/png", data=PNG)
    model = ScriptedModel([Reply(parts=[TextPart(text="Here:"), picture]), "Yes."])
    async with served(tmp_path, model) as muxi:
        thread, _ = await muxi.answer("Paint")
        assert _image((await muxi.client.messages(thread))[1]).data is None
        await muxi.answer("Is it good?", thread_id=thread)
        assert _image(model.requests[1].messages[1]).data == PNG
        _nowhere(muxi.runtime.state)


async def test_what_could_run_in_a_browser_is_only_downloaded(tmp_path: Path) -> None:
    async with served(tmp_path, lambda request: "ok") as muxi:
        page = FilePart(media_type="text/html", data=b"<script>alert(1)</script>", name="x.html")
        run = await muxi.client.start_run([page])
        await muxi.follow(run.id)
        (part,) = (await muxi.client.messages(run.thread_id))[0].parts
        assert isinstance(part, FilePart)
        async with muxi.http.get(f"{muxi.url}/api/blobs/{part.blob}") as response:
            assert response.headers["Content-Type"] == "application/octet-stream"
            assert response.headers["Content-Disposition"] == "attachment"


@pytest.mark.parametrize("digest", ["sha256:" + "0" * 64, "..%2F..%2Ftoken", "x"])
async def test_no_other_file_is_given(digest: str, tmp_path: Path) -> None:
    async with (
        served(tmp_path, []) as muxi,
        muxi.http.get(f"{muxi.url}/api/blobs/{digest}") as response,
    ):
        assert response.status == 404


async def test_bytes_go_when_no_thread_refers_to_them(tmp_path: Path) -> None:
    async with served(tmp_path, lambda request: "ok") as muxi:
        first, _ = await _show(muxi)
        second, _ = await _show(muxi)
        blobs = muxi.runtime.state.blobs
        for file in blobs.rglob("*"):
            old = time.time() - 7200
            os.utime(file, (old, old))
        await muxi.client.delete_thread(first)
        await muxi.runtime.blobs.sweep("default")
        assert [path for path in blobs.rglob("*") if path.is_file()]
        await muxi.client.delete_thread(second)
        await muxi.runtime.blobs.sweep("default")
        assert not [path for path in blobs.rglob("*") if path.is_file()]
