"""Recordings, speech and pictures: the section `media`. Read by `project`.

Data only: `runtime` makes models of it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from muxi.config.model_settings import Section
from muxi.core.voice import SpeechFormat

_Name = Annotated[str, StringConstraints(min_length=1)]


class TranscriptionSettings(Section):
    """Who writes down what is said in recordings. In the file, text alone stands for `model`."""

    model: _Name
    """`provider/model`, such as `openai/gpt-4o-mini-transcribe`, or a name of `models`."""
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] | None = None
    """What is mostly spoken, as an ISO 639 code such as `en`; by default the model finds out."""
    price: Annotated[Decimal, Field(ge=0)] | None = None
    """US dollars for a minute; where cost is limited, nothing is transcribed unless it is known."""


class SpeechSettings(Section):
    """Who reads texts aloud. In the file, text alone stands for `model`."""

    model: _Name
    """`provider/model`, such as `openai/gpt-4o-mini-tts`, or a name of `models`."""
    voice: _Name = "alloy"
    """The voice, by the provider's name for it."""
    format: SpeechFormat = "mp3"
    """How it is encoded."""
    price: Annotated[Decimal, Field(ge=0)] | None = None
    """US dollars for a million characters; where cost is limited, nothing is read aloud unless it
    is known."""


class MediaSettings(Section):
    """Models for recordings and pictures, whose words other models are given too."""

    transcription: TranscriptionSettings | None = None
    """Who writes down what is said in recordings."""
    speech: SpeechSettings | None = None
    """Who reads texts aloud."""
    vision: _Name | None = None
    """The model that describes pictures to models that do not see: `provider/model`, or a name of
    `models`."""
    keep_at_provider: Literal["never", "auto"] = "never"
    """`auto`: large pictures, recordings and documents are sent once to providers that keep files,
    and named by their id from then on; they stay there until they are deleted here, for 30 days at
    the most. `never`: they are sent with each request, and nothing of them is stored there."""
