"""Recordings into words, and words into speech. Part of the API."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from starlette.responses import Response

from muxi.core.messages import FilePart, Text
from muxi.core.voice import SPEECH_TYPES, SpeechFormat, Transcript
from muxi.server.operations import AnyOperation, Call, Nothing, Operation, Strict
from muxi.server.sound import Sound, begun


class TranscriptionBody(Strict):
    """The recording, and what is known of it."""

    recording: Annotated[str, Field(pattern=r"^(file_[0-9a-f]{32}|sha256:[0-9a-f]{64})$")]
    """Id of a file that was sent before, or hash of what a message of a thread holds."""
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] | None = None
    """What is mostly spoken, ISO 639; by default what the project says."""


class SpeechBody(Strict):
    """What is to be read aloud, and how."""

    text: Annotated[Text, Field(min_length=1, max_length=20_000)]
    voice: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    """By the provider's name for it; by default the project's."""
    format: SpeechFormat | None = None
    """How it is encoded; by default as the project says."""
    speed: Annotated[float, Field(ge=0.25, le=4)] | None = None
    """How many times as fast as usual."""
    manner: Annotated[Text, Field(max_length=4_000)] | None = None
    """How to speak, in words, for models that heed it."""


async def create_transcription(call: Call[TranscriptionBody, Nothing]) -> Transcript:
    body = call.body
    named = body.recording
    part = FilePart(file_id=named) if named.startswith("file_") else FilePart(blob=named)
    return await call.runtime.voice.heard_by(call.who, part, language=body.language)


async def create_speech(call: Call[SpeechBody, Nothing]) -> Response:
    body, voice = call.body, call.runtime.voice
    order = voice.order(
        body.text, voice=body.voice, format=body.format, speed=body.speed, manner=body.manner
    )
    pieces = await begun(voice.speak_for(call.who, order))
    return Sound(pieces, SPEECH_TYPES[order.format])


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="POST",
        path="/api/transcriptions",
        summary="What is said in a recording; asked of a model once",
        handler=create_transcription,
        action="transcriptions.use",
        body=TranscriptionBody,
        answer=Transcript,
        tag="voice",
    ),
    Operation(
        method="POST",
        path="/api/speech",
        summary="A text, read aloud",
        handler=create_speech,
        action="speech.use",
        body=SpeechBody,
        media_type="audio/mpeg",
        tag="voice",
    ),
)
