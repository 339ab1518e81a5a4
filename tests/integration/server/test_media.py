"""What a model cannot take reaches it as text, and nothing is left out without a word."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from PIL import Image
from support.documents import encrypted_pdf, pdf
from support.served import Served, served
from support.sound_studio import WORDS, SoundStudio, recording, sound_studio

from muxi.core.events import RunCompleted
from muxi.core.messages import (
    AnyPart,
    AudioPart,
    FilePart,
    ImagePart,
    MediaPart,
    Message,
    TextPart,
    ToolResultPart,
)
from muxi.models.model import FREE, ModelProfile
from muxi.models.scripted import ScriptedModel, call
from muxi.runtime.state import StateFolder

PDF = "application/pdf"


def blind(script: Any, **known: Any) -> ScriptedModel:
    """A model that takes nothing but text."""
    abilities = {"images": False, "audio": False, "files": False, **known}
    return ScriptedModel(script, profile=ModelProfile(price=FREE, **abilities))


def picture(width: int = 64, height: int = 40, kind: str = "PNG") -> bytes:
    made = io.BytesIO()
    Image.effect_noise((width, height), 80).convert("RGB").save(made, kind)
    return made.getvalue()


def told(message: Message) -> str:
    """What a model was told in place of media."""
    assert not any(isinstance(part, MediaPart) for part in message.parts)
    return "\n".join(part.text for part in message.parts if isinstance(part, TextPart))


async def say(muxi: Served, *parts: AnyPart, thread_id: str | None = None) -> RunCompleted:
    run = await muxi.client.start_run(list(parts), thread_id=thread_id)
    end = (await muxi.follow(run.id))[-1]
    assert isinstance(end, RunCompleted)
    assert end.status == "completed", end.problem
    return end


@pytest.fixture
async def studio() -> AsyncIterator[SoundStudio]:
    async with sound_studio() as made:
        yield made


def hearing(studio: SoundStudio, **options: Any) -> dict[str, Any]:
    """A project that transcribes."""
    return {
        "models": {"ear": studio.model("openai/whisper-1")},
        "media": {"transcription": {"model": "ear", **options}},
    }


async def test_a_document_is_read_once_and_given_as_text(tmp_path: Path) -> None:
    model = blind(lambda request: "Read.")
    report = pdf(["Profit rose by a fifth.", "Costs fell."])
    async with served(tmp_path, model) as muxi:
        part = FilePart(media_type=PDF, data=report, name="report.pdf")
        await say(muxi, TextPart(text="What does it say?"), part)
        text = told(model.requests[0].messages[-1])
        assert "report.pdf" in text
        assert "without pictures and layout" in text
        assert "[page 1]\n\nProfit rose by a fifth." in text
        assert "[page 2]\n\nCosts fell." in text
        thread = (await muxi.client.threads()).items[0]
        stored = (await muxi.client.messages(thread.id))[0].parts[1]
        assert isinstance(stored, FilePart)
        assert stored.blob is not None, "the document itself stays in the thread"
    # In another process, whose converter is never started: what was read lies beside the blob.
    async with served(tmp_path, model) as muxi:
        await say(muxi, TextPart(text="And then?"), thread_id=thread.id)
        assert told(model.requests[1].messages[0]) == text
        assert muxi.runtime.tools._documents is None  # pyright: ignore[reportPrivateUsage] -- whether the converter ever ran is nowhere else to be seen


@pytest.mark.ci
async def test_a_document_that_cannot_be_read_is_left_out_in_words(tmp_path: Path) -> None:
    model = blind(lambda request: "Alas.")
    async with served(tmp_path, model) as muxi:
        locked = FilePart(media_type=PDF, data=encrypted_pdf("secret"), name="locked.pdf")
        packed = FilePart(media_type="application/zip", data=b"PK\x03\x04zip", name="a.zip")
        await say(muxi, locked, packed)
        first, second = told(model.requests[0].messages[-1]).split("\n")
        assert first.startswith("[The file locked.pdf (application/pdf")
        assert "is left out: this model does not read it as it is" in first
        assert second.startswith("[The file a.zip (application/zip, 7 bytes) is left out")


async def test_a_long_document_is_cut_and_says_so(tmp_path: Path) -> None:
    model = blind(lambda request: "Long.", context_tokens=4_000)
    words = "\n".join(f"Line {number} of a long text." for number in range(2_000))
    async with served(tmp_path, model) as muxi:
        await say(muxi, FilePart(media_type="text/plain", data=words.encode(), name="long.txt"))
        text = told(model.requests[0].messages[-1])
        assert "Line 0 of" in text
        assert "Line 1999 of" not in text
        missing = int(text.rsplit(": ", 1)[1].partition(" characters")[0].replace(",", ""))
        begun = text.index("Line 0 of")
        assert len(text[begun : text.rindex("\n")]) + missing == len(words)


async def test_what_stands_in_the_way_of_a_newer_document_gives_way_to_it(tmp_path: Path) -> None:
    model = blind(lambda request: "Yes.", context_tokens=6_000)
    async with served(tmp_path, model) as muxi:
        for name in ("old", "new"):
            data = f"{name} words ".encode() * 890
            part = FilePart(media_type="text/plain", data=data, name=f"{name}.txt")
            threads = (await muxi.client.threads()).items
            await say(muxi, part, thread_id=threads[0].id if threads else None)
        old, _, new = model.requests[1].messages
        assert "[End of the file new.txt.]" in told(new)
        assert "left out for want of room" in told(old)


async def test_a_recording_is_transcribed_once_and_paid_for_by_its_run(
    tmp_path: Path, studio: SoundStudio
) -> None:
    model = blind(lambda request: "Noted.")
    async with served(tmp_path, model, **hearing(studio, price="0.006")) as muxi:
        memo = AudioPart(media_type="audio/wav", data=recording(), name="memo.wav")
        end = await say(muxi, memo)
        text = told(model.requests[0].messages[-1])
        assert "a transcript of the words spoken in it" in text
        assert f"\n{WORDS}\n" in text
        assert studio.heard() == recording()
        assert end.usage.cost == Decimal("0.003"), "half a minute, by what the provider says"
        assert end.usage.requests == 2
        again = await say(muxi, memo)
        assert again.usage.cost == 0
        assert len(studio.forms) == 1


async def test_without_a_transcriber_a_recording_is_left_out_in_words(tmp_path: Path) -> None:
    model = blind(lambda request: "Silence.")
    async with served(tmp_path, model) as muxi:
        await say(muxi, AudioPart(media_type="audio/wav", data=recording(), name="memo.wav"))
    assert told(model.requests[0].messages[-1]) == (
        "[The recording memo.wav (audio/wav, 16 kB) is left out: this model does not hear it, and"
        " no transcription is configured.]"
    )


async def test_a_transcriber_that_fails_does_not_fail_the_run(
    tmp_path: Path, studio: SoundStudio
) -> None:
    model = blind(lambda request: "Alas.")
    async with served(tmp_path, model, **hearing(studio)) as muxi:
        studio.refusal = "Audio is too short."
        memo = AudioPart(media_type="audio/wav", data=recording(0.01))
        await say(muxi, memo)
        assert "Audio is too short." in told(model.requests[0].messages[-1])
        studio.refusal = None
        await say(muxi, memo)
        assert WORDS in told(model.requests[1].messages[-1]), "failures are not remembered"


async def test_a_picture_is_told_by_its_facts_or_by_a_model_that_sees(tmp_path: Path) -> None:
    model = blind(lambda request: "I see.")
    part = ImagePart(media_type="image/png", data=picture(), name="cat].png")
    async with served(tmp_path, model) as muxi:
        await say(muxi, part)
        text = told(model.requests[0].messages[-1])
        assert text.startswith("[The image cat).png (image/png, 64 by 40 pixels, ")
        assert text.endswith(
            "is left out: this model does not see it, and no model is configured that describes"
            " pictures.]"
        )


class Eye:
    """A provider of chat completions; it takes pictures only if it sees."""

    def __init__(self, *, sees: bool) -> None:
        self.sees = sees
        self.bodies: list[dict[str, Any]] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.bodies.append(body)
        content = body["messages"][-1]["content"]
        if not self.sees and "image_url" in json.dumps(content):
            words = {"error": {"message": "This model does not support image input."}}
            return web.json_response(words, status=400)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(
            b'data: {"choices": [{"index": 0, "delta": {"content": "A grey noise."},'
            b' "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
        )
        return response

    async def serve(self) -> TestServer:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_post("/v1/chat/completions", self.answer)
        server = TestServer(app)
        await server.start_server()
        return server


async def test_another_model_describes_pictures_to_one_that_is_blind(tmp_path: Path) -> None:
    model = blind(lambda request: "I see.")
    eye = Eye(sees=True)
    server = await eye.serve()
    try:
        seeing = {"model": "openai/own", "base_url": str(server.make_url("/v1"))}
        declared: dict[str, Any] = {"models": {"eye": seeing}, "media": {"vision": "eye"}}
        part = ImagePart(media_type="image/png", data=picture())
        async with served(tmp_path, model, **declared) as muxi:
            await say(muxi, part)
            await say(muxi, part)
    finally:
        await server.close()
    for request in model.requests:
        assert "\nA grey noise.\n" in told(request.messages[-1])
    assert len(eye.bodies) == 1


async def test_a_model_that_refuses_what_nobody_knew_is_asked_again_in_words(
    tmp_path: Path,
) -> None:
    eye = Eye(sees=False)
    server = await eye.serve()
    try:
        own = {"model": "openai/own", "base_url": str(server.make_url("/v1"))}
        declared: dict[str, Any] = {"models": {"own": own}, "model": "own"}
        async with served(tmp_path, blind([]), **declared) as muxi:
            await say(
                muxi, TextPart(text="Look"), ImagePart(media_type="image/png", data=picture())
            )
    finally:
        await server.close()
    first, second = (body["messages"][-1]["content"] for body in eye.bodies)
    assert first[1]["type"] == "image_url"
    assert [part["type"] for part in second] == ["text", "text"]
    assert "is left out: this model does not see it" in second[1]["text"]


async def test_what_a_model_has_refused_it_is_not_asked_again(tmp_path: Path) -> None:
    eye = Eye(sees=False)
    server = await eye.serve()
    try:
        own = {"model": "openai/own", "base_url": str(server.make_url("/v1"))}
        declared: dict[str, Any] = {"models": {"own": own}, "model": "own"}
        async with served(tmp_path, blind([]), **declared) as muxi:
            for _ in range(3):
                await say(muxi, ImagePart(media_type="image/png", data=picture()))
    finally:
        await server.close()
    given = ["image_url" in json.dumps(body) for body in eye.bodies]
    assert given == [True, False, False, False]


async def test_a_refused_picture_is_not_held_against_a_model_that_sees(tmp_path: Path) -> None:
    eye = Eye(sees=True)
    server = await eye.serve()
    try:
        own = {"model": "openai/own", "base_url": str(server.make_url("/v1"))}
        declared: dict[str, Any] = {"models": {"own": own}, "model": "own"}
        async with served(tmp_path, blind([]), **declared) as muxi:
            for sees in (True, False, True):
                eye.sees = sees
                await say(muxi, ImagePart(media_type="image/png", data=picture()))
    finally:
        await server.close()
    given = ["image_url" in json.dumps(body) for body in eye.bodies]
    assert given == [True, True, False, True]


async def test_a_budget_stops_the_model_that_describes_pictures(tmp_path: Path) -> None:
    model = blind(lambda request: "I see.")
    eye = Eye(sees=True)
    server = await eye.serve()
    try:
        seeing = {"model": "openai/own", "base_url": str(server.make_url("/v1"))}
        declared: dict[str, Any] = {"models": {"eye": seeing}, "media": {"vision": "eye"}}
        declared["budgets"] = {"once": {"per": "run", "tokens": 500}}
        async with served(tmp_path, model, **declared) as muxi:
            run = await muxi.client.start_run([ImagePart(media_type="image/png", data=picture())])
            end = (await muxi.follow(run.id))[-1]
    finally:
        await server.close()
    assert isinstance(end, RunCompleted)
    assert end.problem is not None
    assert end.problem.code == "budget_exceeded"
    assert eye.bodies == [], "it was not asked at all"


async def test_what_is_known_of_a_model_can_be_written_down(tmp_path: Path) -> None:
    eye = Eye(sees=False)
    server = await eye.serve()
    try:
        own = {"model": "openai/own", "base_url": str(server.make_url("/v1")), "takes": []}
        declared: dict[str, Any] = {"models": {"own": own}, "model": "own"}
        async with served(tmp_path, blind([]), **declared) as muxi:
            await say(
                muxi, TextPart(text="Look"), ImagePart(media_type="image/png", data=picture())
            )
    finally:
        await server.close()
    assert len(eye.bodies) == 1


async def test_a_picture_of_another_kind_or_too_large_is_made_to_fit(tmp_path: Path) -> None:
    sight = {"images": True, "media": ("image/jpeg",), "largest_image": 200_000}
    model = blind(lambda request: "Seen.", **sight)
    scan = picture(3_000, 60, "TIFF")
    async with served(tmp_path, model) as muxi:
        await say(muxi, ImagePart(media_type="image/tiff", data=scan, name="scan.tiff"))
    words, shown = model.requests[0].messages[-1].parts
    assert isinstance(words, TextPart)
    assert "scan.tiff (image/tiff, 3000 by 60 pixels" in words.text
    assert isinstance(shown, ImagePart)
    assert shown.media_type == "image/jpeg"
    with Image.open(io.BytesIO(shown.data or b"")) as small:
        assert small.width == 2_048


def scan() -> list[AnyPart]:
    """Scan a page."""
    return [
        TextPart(text="Scanned."),
        FilePart(media_type="text/csv", data=b"by\nSigned by Ada.\n", name="scan.csv"),
    ]


async def test_what_a_tool_gives_is_told_too(tmp_path: Path) -> None:
    model = blind([call("scan"), "Signed."])
    agents = {"a": {"name": "a", "tools": ["scan"]}}
    async with served(tmp_path, model, tools={"scan": scan}, agents=agents) as muxi:
        await say(muxi, TextPart(text="Scan it"))
    (result,) = model.requests[1].messages[-1].parts
    assert isinstance(result, ToolResultPart)
    assert "Signed by Ada." in result.text


async def test_what_lies_elsewhere_is_not_fetched_but_told(tmp_path: Path) -> None:
    model = blind(lambda request: "There.")
    async with served(tmp_path, model) as muxi:
        await say(muxi, ImagePart(media_type="image/png", url="https://example.org/cat.png"))
    text = told(model.requests[0].messages[-1])
    assert "at https://example.org/cat.png" in text
    assert "not fetched" in text


async def test_bytes_that_are_gone_do_not_break_the_thread(tmp_path: Path) -> None:
    model = ScriptedModel(lambda request: "Yes.")
    async with served(tmp_path, model) as muxi:
        part = ImagePart(media_type="image/png", data=picture(), name="lost.png")
        await say(muxi, part)
        for path in muxi.runtime.state.blobs.rglob("*"):
            if path.is_file():
                path.unlink()
        thread = (await muxi.client.threads()).items[0]
        await say(muxi, TextPart(text="Still there?"), thread_id=thread.id)
    assert "lost.png" in told(model.requests[1].messages[0])
    assert "no longer stored" in told(model.requests[1].messages[0])


@pytest.mark.ci
async def test_what_was_read_goes_with_what_it_was_read_from(tmp_path: Path) -> None:
    model = blind(lambda request: "Read.")
    async with served(tmp_path, model) as muxi:
        file = await muxi.client.files.send(pdf(["Confidential."]), name="a.pdf")
        await say(muxi, FilePart(file_id=file.id))
        blobs = StateFolder(tmp_path / ".muxi").blobs
        assert len([path for path in blobs.rglob("*") if path.is_file()]) == 2
        thread = (await muxi.client.threads()).items[0]
        await muxi.client.delete_thread(thread.id)
        await muxi.client.files.delete(file.id)
        muxi.runtime.blobs.files.sweep("default", known=(), older_than=0)
        assert [path for path in blobs.rglob("*") if path.is_file()] == []
