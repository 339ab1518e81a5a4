"""The official client lets recordings be written down and texts be read aloud."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import openai
import pytest
from support.openai import talking
from support.sound_studio import SOUND, WORDS, SoundStudio, recording, sound_studio

from muxi.core.messages import AudioPart
from muxi.models.scripted import ScriptedModel

MEMO = ("memo.wav", recording())


@pytest.fixture
async def studio() -> AsyncIterator[SoundStudio]:
    async with sound_studio() as made:
        yield made


def declared(studio: SoundStudio) -> dict[str, Any]:
    models = {
        "ear": studio.model("openai/whisper-1"),
        "mouth": studio.model("openai/gpt-4o-mini-tts"),
    }
    media = {"transcription": {"model": "ear", "price": "0.006"}, "speech": {"model": "mouth"}}
    return {"models": models, "media": media}


async def test_a_recording_is_written_down_in_every_format(
    tmp_path: Path, studio: SoundStudio
) -> None:
    async with talking(tmp_path, [], **declared(studio)) as (muxi, client, _):
        audio = client.audio.transcriptions
        plain = await audio.create(file=MEMO, model="whisper-1", language="en", prompt="Bread")
        assert plain.text == WORDS
        form = studio.forms[0]
        assert form["file"] == [("memo.wav", "audio/wav", recording())]
        assert (form["model"], form["language"], form["prompt"]) == (
            ["whisper-1"],
            ["en"],
            ["Bread"],
        )
        verbose = await audio.create(
            file=MEMO,
            model="whisper-1",
            response_format="verbose_json",
            timestamp_granularities=["word", "segment"],
        )
        assert (verbose.text, verbose.duration, verbose.language) == (WORDS, 30.0, "english")
        assert verbose.segments is not None
        assert (verbose.segments[0].end, verbose.segments[0].text) == (1.5, WORDS)
        assert verbose.words is not None
        assert verbose.words[0].word == "Buy"
        text = await audio.create(file=MEMO, model="ear", response_format="text")
        assert text == f"{WORDS}\n"
        srt = await audio.create(file=MEMO, model="ear", response_format="srt")
        assert srt == f"1\n00:00:00,000 --> 00:00:01,500\n{WORDS}\n"
        vtt = await audio.create(file=MEMO, model="ear", response_format="vtt")
        assert vtt == f"WEBVTT\n\n00:00:00.000 --> 00:00:01.500\n{WORDS}\n"
        stream = await audio.create(file=MEMO, model="ear", stream=True)
        events = [event async for event in stream]
        assert [event.type for event in events] == ["transcript.text.delta", "transcript.text.done"]
        assert events[-1].type == "transcript.text.done"
        assert events[-1].text == WORDS
        # Outside of any run it is usage of its own.
        spent = await muxi.client.budgets.usage()
        assert spent.items[0].cost == Decimal("0.018")


async def test_a_text_is_read_aloud(tmp_path: Path, studio: SoundStudio) -> None:
    async with talking(tmp_path, [], **declared(studio)) as (_, client, _):
        said = await client.audio.speech.create(
            input="Good morning", model="gpt-4o-mini-tts", voice="nova", instructions="Cheerful"
        )
        assert said.content == SOUND
        assert said.response.headers["Content-Type"] == "audio/mpeg"
        assert studio.spoken[0] == {
            "model": "gpt-4o-mini-tts",
            "input": "Good morning",
            "voice": "nova",
            "response_format": "mp3",
            "instructions": "Cheerful",
        }
        begun = client.audio.speech.with_streaming_response
        async with begun.create(input="Hi", model="mouth", voice="nova") as response:
            pieces = [piece async for piece in response.iter_bytes(1_000)]
        assert b"".join(pieces) == SOUND


async def test_mistakes_come_in_the_clients_own_words(tmp_path: Path, studio: SoundStudio) -> None:
    async with talking(tmp_path, [], **declared(studio)) as (_, client, _):
        with pytest.raises(openai.NotFoundError) as unknown:
            await client.audio.speech.create(input="Hi", model="other", voice="nova")
        assert unknown.value.code == "model_not_found"
        with pytest.raises(openai.BadRequestError):
            await client.audio.transcriptions.create(
                file=MEMO, model="ear", response_format="diarized_json"
            )
        studio.refusal = "No such voice."
        with pytest.raises(openai.APIStatusError, match="No such voice"):
            await client.audio.speech.create(input="Hi", model="mouth", voice="nobody")
    async with talking(tmp_path / "bare", []) as (_, client, _):
        with pytest.raises(openai.NotFoundError, match="no model that reads aloud"):
            await client.audio.speech.create(input="Hi", model="tts-1", voice="nova")


async def test_a_voice_message_is_answered(tmp_path: Path, studio: SoundStudio) -> None:
    """Audio of a chat completion reaches a model that hears as it is."""
    model = ScriptedModel(["Heard."])
    async with talking(tmp_path, model, **declared(studio)) as (_, client, _):
        audio: Any = {"data": b64encode(recording()).decode(), "format": "wav"}
        content: Any = [{"type": "input_audio", "input_audio": audio}]
        done = await client.chat.completions.create(
            model="a", messages=[{"role": "user", "content": content}]
        )
    assert done.choices[0].message.content == "Heard."
    (part,) = model.requests[0].messages[-1].parts
    assert isinstance(part, AudioPart)
    assert part.data == recording()
