"""Recordings and speech: what is asked of models that hear and that speak, and what they give.

The port `Voice` is how tools reach them, made by `runtime`. It must never name a provider.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import Field

from muxi.core.messages import AudioPart, Text
from muxi.core.ports import Context
from muxi.core.record import Record
from muxi.core.usage import Usage

SpeechFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
"""How speech is encoded; `pcm` is 16 bits a sample, 24,000 a second, without a header."""

SPEECH_TYPES: dict[SpeechFormat, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
"""Media types of the formats of speech."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What is to be written down."""

    data: bytes
    media_type: str
    name: str | None = None
    language: str | None = None
    """What is mostly spoken, ISO 639; None: the model finds out."""
    prompt: str | None = None
    """Names and words that occur, or what was said before."""
    words: bool = False
    """Whether the times of single words are wanted, beside those of sentences."""


class Segment(Record):
    """A piece of a recording, and what is said in it."""

    start: float
    """Seconds from the beginning."""
    end: float
    text: Text


class Transcript(Record):
    """What is said in a recording."""

    text: Text
    language: str | None = None
    """What is spoken, as the model calls it."""
    seconds: float | None = None
    """How long the recording is; None where the model does not tell."""
    segments: list[Segment] = Field(default_factory=list[Segment])
    """Sentences and when they are said; none where the model does not tell."""
    words: list[Segment] = Field(default_factory=list[Segment])
    """Words and when they are said, if that was wanted and the model tells."""
    model: str = ""
    """`provider/model` that wrote it down."""
    usage: Usage = Field(default_factory=Usage)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechOrder:
    """What is to be read aloud, and how."""

    text: str
    voice: str
    format: SpeechFormat
    speed: float | None = None
    """How many times as fast as usual."""
    manner: str | None = None
    """How to speak, in words, for models that heed it."""


class Voice(Protocol):
    """Models that hear, and models that speak."""

    async def transcribe(self, ctx: Context, recording: Recording) -> Transcript:
        """What is said in a recording.

        Args:
            ctx: The run, to whose usage it is added.
            recording: With its bytes.

        Raises:
            NotFound: The project names nobody who does it.
            ModelError: The model could not do it.
            LimitReached: A budget has nothing left for it.
            PriceUnknown: Cost is limited, and the price is not known.
        """
        ...

    def order(self, text: str, *, manner: str | None = None) -> SpeechOrder:
        """What is to be read aloud, as the project says. Raises `NotFound` as `transcribe`."""
        ...

    def speak(self, ctx: Context, order: SpeechOrder) -> AsyncGenerator[bytes]:
        """Speech, in pieces as they come. Raises as `transcribe`."""
        ...

    async def with_bytes(self, ctx: Context, recording: AudioPart) -> AudioPart:
        """A recording of the conversation with its bytes. Raises `NotFound` and `StorageError`."""
        ...
