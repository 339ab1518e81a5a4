"""Models that make pictures, over the wire of OpenAI and of Google."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from muxi.core.errors import ModelError, ModelProtocolError, ModelRejected, UnknownModel
from muxi.core.imaging import PictureOrder, picture_type
from muxi.core.messages import ImagePart
from muxi.models import resolve
from muxi.models.picture import PictureModel

PNG = b"\x89PNG\r\n\x1a\n" + b"made" * 20
JPEG = b"\xff\xd8\xff\xe0" + b"given" * 20
GIVEN = ImagePart(media_type="image/jpeg", data=JPEG, name="cat.jpg")
CAT = PictureOrder(prompt="A cat", shape="landscape")
HAT = PictureOrder(prompt="Put a hat on it", sources=[GIVEN])


class Studio:
    """A provider that has been asked for pictures."""

    def __init__(self, answer: Any, status: int = 200) -> None:
        self.answer, self.status = answer, status
        self.paths: list[str] = []
        self.asked: list[Any] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.paths.append(request.path)
        if request.content_type == "application/json":
            self.asked.append(await request.json())
        else:
            form = await request.post()
            files = [each for each in form.getall("image[]") if isinstance(each, web.FileField)]
            told = {name: value for name, value in form.items() if isinstance(value, str)}
            sent = [(each.filename, each.content_type, each.file.read()) for each in files]
            self.asked.append({**told, "files": sent})
        return web.json_response(self.answer, status=self.status)


@asynccontextmanager
async def studio(
    name: str, answer: Any, status: int = 200
) -> AsyncGenerator[tuple[Studio, PictureModel]]:
    made = Studio(answer, status)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    async with TestServer(app) as server:
        address = str(server.make_url("/v1"))
        model = resolve.picture_model(name, key="sk-123456789", base_url=address)
        yield made, model
        await model.close()


def gemini(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}}], **more}


OPENAI = {
    "data": [{"b64_json": b64encode(PNG).decode()}],
    "usage": {"input_tokens": 12, "output_tokens": 4_160},
}
INLINE = {"inlineData": {"mimeType": "image/png", "data": b64encode(PNG).decode()}}


async def test_a_picture_is_asked_for_and_comes_with_its_usage():
    async with studio("openai/gpt-image-1", OPENAI) as (provider, model):
        picture, usage = await model.make(CAT)
        assert (picture.media_type, picture.data) == ("image/png", PNG)
        assert (usage.requests, usage.input_tokens, usage.output_tokens) == (1, 12, 4_160)
        assert usage.cost is None, "what it costs is not said by the answer"
        assert provider.paths == ["/v1/images/generations"]
        assert provider.asked == [
            {"model": "gpt-image-1", "prompt": "A cat", "n": 1, "size": "1536x1024"}
        ]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("openai/dall-e-3", {"size": "1792x1024", "response_format": "b64_json"}),
        ("xai/grok-2-image", {"size": "1536x1024", "response_format": "b64_json"}),
        ("together/flux", {"size": "1536x1024", "response_format": "base64"}),
    ],
)
async def test_each_model_is_asked_in_its_own_words(name: str, wanted: dict[str, str]):
    async with studio(name, OPENAI) as (provider, model):
        await model.make(CAT)
        assert wanted.items() <= provider.asked[0].items()


async def test_a_picture_that_is_changed_goes_along_as_a_file():
    async with studio("openai/gpt-image-1", OPENAI) as (provider, model):
        picture, _ = await model.make(HAT)
        assert picture.data == PNG
        assert provider.paths == ["/v1/images/edits"]
        assert provider.asked[0]["files"] == [("cat.jpg", "image/jpeg", JPEG)]
        assert provider.asked[0]["prompt"] == "Put a hat on it"


async def test_googles_models_answer_with_words_and_a_picture():
    used = {"promptTokenCount": 9, "candidatesTokenCount": 1_290, "thoughtsTokenCount": 30}
    answer = gemini({"text": "Here:"}, INLINE, usageMetadata=used)
    async with studio("google/gemini-2.5-flash-image", answer) as (provider, model):
        picture, usage = await model.make(PictureOrder(prompt="A cat", shape="portrait"))
        assert picture.data == PNG
        assert (usage.input_tokens, usage.output_tokens, usage.reasoning_tokens) == (9, 1_320, 30)
        assert provider.paths == ["/v1/models/gemini-2.5-flash-image:generateContent"]
        how = provider.asked[0]["generationConfig"]
        assert how["imageConfig"] == {"aspectRatio": "2:3"}
        await model.make(HAT)
        (_, given) = provider.asked[1]["contents"][0]["parts"]
        assert b64decode(given["inlineData"]["data"]) == JPEG


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (gemini({"text": "I cannot draw that person."}), "I cannot draw that person"),
        ({"promptFeedback": {"blockReason": "SAFETY"}}, "blocked .SAFETY"),
        ({"candidates": [{"finishReason": "IMAGE_SAFETY"}]}, "IMAGE_SAFETY"),
    ],
)
async def test_a_model_that_declines_is_quoted(answer: Any, words: str):
    async with studio("google/gemini-2.5-flash-image", answer) as (_, model):
        with pytest.raises(ModelRejected, match=words):
            await model.make(CAT)


@pytest.mark.parametrize(
    "answer",
    [
        {"data": []},
        {"data": [{"url": "https://example.org/picture.png"}]},
        {"data": [{"b64_json": "no base 64!"}]},
        {"data": [{"b64_json": b64encode(b"<html>").decode()}]},
        {"error": "what?"},
        [],
    ],
)
async def test_an_answer_without_a_picture_is_a_typed_error(answer: Any):
    async with studio("openai/gpt-image-1", answer) as (_, model):
        with pytest.raises(ModelProtocolError, match="did not send a picture"):
            await model.make(CAT)


async def test_a_refused_request_names_the_provider_and_never_the_key():
    refusal = {"error": {"message": "Your key sk-123456789 may not draw", "type": "forbidden"}}
    async with studio("openai/gpt-image-1", refusal, 403) as (_, model):
        with pytest.raises(ModelError) as caught:
            await model.make(CAT)
    assert "may not draw" in caught.value.message
    assert "sk-123456789" not in str(caught.value)


def test_a_provider_without_pictures_is_named_with_those_that_have_them():
    with pytest.raises(UnknownModel, match="anthropic has no models for pictures") as caught:
        resolve.picture_model("anthropic/claude", key="k")
    assert "openai" in (caught.value.hint or "")


def test_pictures_are_known_by_their_first_bytes():
    assert picture_type(PNG) == "image/png"
    assert picture_type(JPEG) == "image/jpeg"
    assert picture_type(b"GIF89a...") == "image/gif"
    assert picture_type(b"RIFF\0\0\0\0WEBPVP8 ") == "image/webp"
    assert picture_type(b"RIFF\0\0\0\0WAVE") is None
    assert picture_type(b"<svg>") is None
