"""Models that read aloud, behind OpenAI's and Google's formats. Made by `resolve.speaker`."""

from __future__ import annotations

import struct
from base64 import b64decode
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final

import msgspec

from muxi.core.errors import ModelProtocolError, ModelRejected
from muxi.core.usage import Usage
from muxi.core.voice import SpeechOrder
from muxi.models.google_answer import GoogleAnswer
from muxi.models.google_names import path_of
from muxi.models.specialist import Specialist
from muxi.wire.encoded import to_json

_PATIENCE: Final = 120.0
"""Seconds of silence."""


class OpenAISpeaker(Specialist):
    """https://platform.openai.com/docs/api-reference/audio/createSpeech, and compatible servers."""

    async def speak(self, order: SpeechOrder) -> AsyncGenerator[bytes | Usage]:
        """See `muxi.models.voice.Speaker`. What it took, this format does not tell."""
        fields: dict[str, Any] = {
            "model": self.model,
            "input": order.text,
            "voice": order.voice,
            "response_format": order.format,
        }
        if order.speed is not None:
            fields["speed"] = order.speed
        if order.manner:
            fields["instructions"] = order.manner
        sound = self._endpoint.stream_bytes(
            "/audio/speech", to_json(fields), model=self.name, idle=_PATIENCE
        )
        async with aclosing(sound) as pieces:
            async for piece in pieces:
                yield piece


class GoogleSpeaker(Specialist):
    """https://ai.google.dev/gemini-api/docs/speech-generation: samples without a header."""

    async def speak(self, order: SpeechOrder) -> AsyncGenerator[bytes | Usage]:
        """See `muxi.models.voice.Speaker`."""
        if order.format not in ("wav", "pcm"):
            raise ModelRejected(
                f"{self.name} gives speech as wav or pcm, not as {order.format}.",
                hint="Set `media.speech.format`, or ask for another one.",
                model=self.name,
            )
        voice = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": order.voice}}}
        text = f"{order.manner}: {order.text}" if order.manner else order.text
        body = {
            "contents": [{"role": "user", "parts": [{"text": text}]}],
            "generationConfig": {"responseModalities": ["AUDIO"], "speechConfig": voice},
        }
        data = await self._endpoint.post_json(
            path_of(self.model, "generateContent"),
            to_json(body),
            model=self.name,
            idle=_PATIENCE,
        )
        try:
            answer = msgspec.json.decode(data, type=GoogleAnswer)
            inline = answer.inline
            samples = b"" if inline is None else b64decode(inline.data, validate=True)
        except (msgspec.DecodeError, UnicodeError, ValueError) as error:
            raise ModelProtocolError(
                f"{self.name} did not send speech.", model=self.name
            ) from error
        if inline is None:
            why = answer.declined or "it said something in writing instead."
            raise ModelRejected(f"{self.name} said nothing: {why}", model=self.name)
        if order.format == "wav":
            yield _wav_header(len(samples), _rate(inline.mime_type))
        yield samples
        yield answer.usage


def _rate(media_type: str) -> int:
    """Samples a second, by a type such as `audio/L16;codec=pcm;rate=24000`."""
    for each in media_type.split(";"):
        name, _, value = each.strip().partition("=")
        if name == "rate" and value.isdigit():
            return int(value)
    return 24_000


def _wav_header(size: int, rate: int) -> bytes:
    """What stands before 16-bit samples of one channel in a RIFF file."""
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16, b"data", size),
    )
