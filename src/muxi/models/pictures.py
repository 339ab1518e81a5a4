"""Models that make pictures, behind OpenAI's and Google's formats. Made by `resolve.picture_model`.

One request makes one picture: several of a kind are several calls, each with its own price.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from base64 import b64decode
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import msgspec

from muxi.core.errors import ModelProtocolError, ModelRejected
from muxi.core.imaging import PictureOrder, Shape, picture_type
from muxi.core.messages import ImagePart
from muxi.core.usage import Usage
from muxi.models.google_answer import GoogleAnswer
from muxi.models.google_names import path_of
from muxi.models.specialist import Specialist
from muxi.wire.encoded import to_json
from muxi.wire.media import encoded, file_name

_PATIENCE: Final = 300.0
"""Seconds of silence: a picture comes at once or not at all."""


class _OpenAIPicture(msgspec.Struct):
    b64_json: str | None = None
    url: str | None = None


class _OpenAIUsage(msgspec.Struct):
    input_tokens: int = 0
    output_tokens: int = 0


class _OpenAIAnswer(msgspec.Struct):
    data: list[_OpenAIPicture]
    usage: _OpenAIUsage | None = None


class HostedPictures(Specialist, ABC):
    """One model that makes pictures."""

    async def make(self, order: PictureOrder) -> tuple[ImagePart, Usage]:
        """See `muxi.models.picture.PictureModel`."""
        path, body, headers = await self._question(order)
        data = await self._endpoint.post_json(
            path, body, model=self.name, headers=headers, idle=_PATIENCE
        )
        try:
            picture, usage = self._answer(data)
            found = b64decode(picture, validate=True)
        except (msgspec.DecodeError, UnicodeError, ValueError) as error:
            raise self._unfit() from error
        media_type = picture_type(found)
        if media_type is None:
            raise self._unfit()
        usage.requests, usage.cost = 1, None
        return ImagePart(media_type=media_type, data=found), usage

    @abstractmethod
    async def _question(self, order: PictureOrder) -> tuple[str, bytes, Mapping[str, str] | None]:
        """Path, body and further headers of the request."""

    @abstractmethod
    def _answer(self, data: bytes) -> tuple[str, Usage]:
        """The picture in base 64, and what it took."""

    def _unfit(self) -> ModelProtocolError:
        return ModelProtocolError(f"{self.name} did not send a picture.", model=self.name)

    def _declined(self, why: str) -> ModelRejected:
        words = " ".join(why.split())[:500]
        return ModelRejected(f"{self.name} made no picture: {words}", model=self.name)


_OPENAI_SIZES: Final[dict[Shape, str]] = {
    "square": "1024x1024",
    "landscape": "1536x1024",
    "portrait": "1024x1536",
}
_DALLE_SIZES: Final[dict[Shape, str]] = {
    "square": "1024x1024",
    "landscape": "1792x1024",
    "portrait": "1024x1792",
}
_ALWAYS_BYTES: Final = ("gpt-image", "chatgpt-image")
"""Models that give bytes without being asked, and refuse to be asked."""
_BYTES: Final = {"together": "base64"}
"""What providers call bytes, where it is not OpenAI's word."""


class OpenAIPictures(HostedPictures):
    """https://platform.openai.com/docs/api-reference/images, and all that is compatible."""

    async def _question(self, order: PictureOrder) -> tuple[str, bytes, Mapping[str, str] | None]:
        fields = {"model": self.model, "prompt": order.prompt, "n": 1}
        if order.shape is not None:
            sizes = _DALLE_SIZES if self.model.startswith("dall-e-3") else _OPENAI_SIZES
            fields["size"] = sizes[order.shape]
        if not self.model.startswith(_ALWAYS_BYTES):
            fields["response_format"] = _BYTES.get(self.provider, "b64_json")
        if not order.sources:
            return "/images/generations", to_json(fields), None
        form = aiohttp.FormData()
        for name, value in fields.items():
            form.add_field(name, str(value))
        for source in order.sources:
            form.add_field(
                "image[]",
                source.data,
                filename=file_name(source),
                content_type=source.media_type,
            )
        body = form()
        return "/images/edits", await body.as_bytes(), {"Content-Type": body.content_type}

    def _answer(self, data: bytes) -> tuple[str, Usage]:
        answer = msgspec.json.decode(data, type=_OpenAIAnswer)
        used = answer.usage or _OpenAIUsage()
        if not answer.data or answer.data[0].b64_json is None:
            raise self._unfit()
        usage = Usage(input_tokens=used.input_tokens, output_tokens=used.output_tokens)
        return answer.data[0].b64_json, usage


_RATIOS: Final[dict[Shape, str]] = {"square": "1:1", "landscape": "3:2", "portrait": "2:3"}


class GooglePictures(HostedPictures):
    """https://ai.google.dev/gemini-api/docs/image-generation"""

    async def _question(self, order: PictureOrder) -> tuple[str, bytes, Mapping[str, str] | None]:
        parts: list[dict[str, Any]] = [{"text": order.prompt}]
        parts += [
            {"inlineData": {"mimeType": source.media_type, "data": encoded(source)}}
            for source in order.sources
        ]
        how: dict[str, Any] = {"responseModalities": ["TEXT", "IMAGE"]}
        if order.shape is not None:
            how["imageConfig"] = {"aspectRatio": _RATIOS[order.shape]}
        body = {"contents": [{"role": "user", "parts": parts}], "generationConfig": how}
        return path_of(self.model, "generateContent"), to_json(body), None

    def _answer(self, data: bytes) -> tuple[str, Usage]:
        answer = msgspec.json.decode(data, type=GoogleAnswer)
        if answer.inline is not None:
            return answer.inline.data, answer.usage
        raise self._declined(
            answer.declined or answer.text or f"it ended with {', '.join(answer.endings)}."
        )
