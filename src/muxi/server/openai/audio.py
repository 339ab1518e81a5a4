"""Recordings and speech as OpenAI's API has them: `/v1/audio`.

The models are those that the project names as `media.transcription` and `media.speech`. How a
transcript is written in each format is in `wire.transcripts`.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field
from starlette.responses import Response

from muxi.core.errors import InvalidInput, NotFound
from muxi.core.messages import Text
from muxi.core.voice import SPEECH_TYPES, Recording, SpeechFormat
from muxi.runtime.media_types import media_type_of_bytes
from muxi.server.openai.errors import problem
from muxi.server.openai.forms import read_form
from muxi.server.operations import AnyOperation, Call, Nothing, Operation
from muxi.server.sound import Sound, begun
from muxi.wire.encoded import to_json
from muxi.wire.transcripts import WRITERS, spoken

_LARGEST = 100 << 20
"""Bytes of a recording, which is in memory while it is written down."""


class SpokenVoice(BaseModel):
    """A voice of one's own, as OpenAI's API names it."""

    id: str


class SpeechRequest(BaseModel):
    """What is to be read aloud, as OpenAI's API asks for it. What else is sent is not looked at."""

    model: str
    input: Annotated[Text, Field(min_length=1, max_length=20_000)]
    voice: Annotated[str, Field(min_length=1, max_length=100)] | SpokenVoice | None = None
    response_format: SpeechFormat = "mp3"
    speed: Annotated[float, Field(ge=0.25, le=4)] | None = None
    instructions: Annotated[Text, Field(max_length=4_000)] | None = None
    stream_format: Literal["audio", "sse"] = "audio"


async def transcribe(call: Call[Nothing, Nothing]) -> Response:
    voice = call.runtime.voice
    upload, form = await read_form(call, largest=min(_LARGEST, call.runtime.files.largest))
    try:
        data = await upload.read()
    finally:
        await upload.close()
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    _check_model(fields.get("model"), voice.named("transcription"))
    wanted = fields.get("response_format", "json")
    if wanted not in WRITERS:
        raise InvalidInput(
            f"There is no transcript in the format {wanted[:20]!r}.",
            hint=f"There is: {', '.join(WRITERS)}.",
            param="response_format",
        )
    made = await voice.transcribe_for(
        call.who,
        Recording(
            data=data,
            media_type=media_type_of_bytes(data, name=upload.filename),
            name=upload.filename,
            language=fields.get("language"),
            prompt=fields.get("prompt"),
            words="word" in form.getlist("timestamp_granularities[]"),
        ),
    )
    if fields.get("stream") == "true":
        return _events([*spoken(made)])
    media_type, write = WRITERS[wanted]
    return Response(write(made), 200, {"cache-control": "no-store"}, media_type)


async def speak(call: Call[SpeechRequest, Nothing]) -> Response:
    body, voice = call.body, call.runtime.voice
    _check_model(body.model, voice.named("speech"))
    named = body.voice.id if isinstance(body.voice, SpokenVoice) else body.voice
    order = voice.order(
        body.input,
        voice=named,
        format=body.response_format,
        speed=body.speed,
        manner=body.instructions,
    )
    pieces = await begun(voice.speak_for(call.who, order))
    if body.stream_format == "sse":
        return Sound(_told(pieces), "text/event-stream")
    return Sound(pieces, SPEECH_TYPES[order.format])


async def _told(pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Speech as events that hold it in base 64."""
    async with aclosing(pieces):
        async for piece in pieces:
            audio = b64encode(piece).decode()
            yield _event({"type": "speech.audio.delta", "audio": audio})
    yield _event({"type": "speech.audio.done"})


def _events(events: list[dict[str, Any]]) -> Response:
    body = b"".join(map(_event, events))
    return Response(body, 200, {"cache-control": "no-store"}, "text/event-stream")


def _event(event: dict[str, Any]) -> bytes:
    return b"data: %b\n\n" % to_json(event)


def _check_model(asked: str | None, known: tuple[str, ...]) -> None:
    """Raises `NotFound` if a client names another model than the project's."""
    if asked not in known:
        raise NotFound(
            f"There is no model {(asked or '')[:80]!r} for this.",
            hint=f"This project has {known[0]}.",
            param="model",
        )


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="POST",
        path="/v1/audio/transcriptions",
        summary="What is said in a recording, as a form of OpenAI's API",
        handler=transcribe,
        action="transcriptions.use",
        streamed=True,
        media_type="application/json",
        problem=problem,
        tag="openai",
    ),
    Operation(
        method="POST",
        path="/v1/audio/speech",
        summary="A text, read aloud, by OpenAI's API",
        handler=speak,
        action="speech.use",
        body=SpeechRequest,
        media_type="audio/mpeg",
        problem=problem,
        tag="openai",
    ),
)
