"""Recordings and speech over the API, within budgets, and only for who may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support.served import served
from support.sound_studio import SOUND, WORDS, SoundStudio, recording, sound_studio

from muxi.client.client import Client
from muxi.core.errors import AccessDenied, BudgetExceeded, InvalidInput, ModelRejected, NotFound
from muxi.core.messages import AudioPart


@pytest.fixture
async def studio() -> AsyncIterator[SoundStudio]:
    async with sound_studio() as made:
        yield made


def declared(studio: SoundStudio, **price: Any) -> dict[str, Any]:
    models = {
        "ear": studio.model("openai/whisper-1"),
        "mouth": studio.model("openai/tts-1"),
        "gemini-ear": studio.model("google/gemini-2.5-flash"),
        "gemini-mouth": studio.model("google/gemini-2.5-flash-tts"),
    }
    media = {"transcription": {"model": "ear", **price}, "speech": {"model": "mouth"}}
    return {"models": models, "media": media}


async def test_a_file_is_written_down_once_for_its_user_alone(
    tmp_path: Path, studio: SoundStudio
) -> None:
    async with served(tmp_path, [], **declared(studio)) as muxi:
        file = await muxi.client.files.send(recording(), name="memo.wav")
        made = await muxi.client.voice.transcribe(file.id)
        assert (made.text, made.language, made.seconds) == (WORDS, "english", 30.0)
        assert made.segments[0].text == WORDS
        assert made.model == "openai/whisper-1"
        again = await muxi.client.voice.transcribe(file.id)
        assert again.text == WORDS
        assert len(studio.forms) == 1
        await muxi.client.voice.transcribe(file.id, language="de")
        assert studio.forms[1]["language"] == ["de"]
        async with Client(muxi.url, token=muxi.token, user="ann") as ann:
            for named in (file.id, file.hash or ""):
                with pytest.raises(NotFound):
                    await ann.voice.transcribe(named)
        with pytest.raises(InvalidInput):
            await muxi.client.voice.transcribe("../memo.wav")


async def test_a_text_is_read_aloud_as_the_project_says(
    tmp_path: Path, studio: SoundStudio
) -> None:
    async with served(tmp_path, [], **declared(studio)) as muxi:
        assert await muxi.client.voice.speak("Good morning", speed=1.5) == SOUND
        assert studio.spoken[0]["voice"] == "alloy"
        assert studio.spoken[0]["speed"] == 1.5
        with pytest.raises(InvalidInput):
            await muxi.client.voice.speak("Hi", format="midi")  # pyright: ignore[reportArgumentType] -- that it is refused is what is tested
        studio.refusal = "Too long."
        with pytest.raises(ModelRejected, match="Too long"):
            await muxi.client.voice.speak("Hi")
    async with served(tmp_path / "bare", []) as muxi:
        with pytest.raises(match="reads aloud"):
            await muxi.client.voice.speak("Hi")


async def test_google_hears_and_speaks_in_its_own_format(
    tmp_path: Path, studio: SoundStudio
) -> None:
    settings = declared(studio)
    speech = {"model": "gemini-mouth", "voice": "Kore", "format": "wav"}
    settings["media"] = {"transcription": {"model": "gemini-ear"}, "speech": speech}
    async with served(tmp_path, [], **settings) as muxi:
        file = await muxi.client.files.send(recording(), name="memo.wav")
        made = await muxi.client.voice.transcribe(file.id, language="en")
        assert made.text == WORDS
        assert made.usage.input_tokens == 32
        assert made.usage.cost is not None, "the catalogue knows what its tokens cost"
        assert studio.heard_by_google() == recording()
        assert "mostly en" in studio.asked[0]["contents"][0]["parts"][1]["text"]
        said = await muxi.client.voice.speak("Good morning", manner="Say cheerfully")
        assert said[:4] + said[8:16] == b"RIFFWAVEfmt "
        assert len(said) == 44 + 480
        asked = studio.asked[1]
        assert asked["contents"][0]["parts"][0]["text"] == "Say cheerfully: Good morning"
        voice = asked["generationConfig"]["speechConfig"]["voiceConfig"]["prebuiltVoiceConfig"]
        assert voice == {"voiceName": "Kore"}
        with pytest.raises(ModelRejected, match="wav or pcm"):
            await muxi.client.voice.speak("Hi", format="mp3")


async def test_what_is_heard_is_reserved_and_counted(tmp_path: Path, studio: SoundStudio) -> None:
    budgets = {"day": {"every": "day", "cost": "0.005", "per": "user"}}
    project = declared(studio, price="0.006")
    async with served(tmp_path, [], **project, budgets=budgets) as muxi:
        file = await muxi.client.files.send(recording(), name="memo.wav")
        made = await muxi.client.voice.transcribe(file.id)
        assert made.usage.cost == Decimal("0.003"), "half a minute, as the provider says"
        spent = await muxi.client.budgets.usage()
        assert spent.items[0].cost == Decimal("0.003")
        long = await muxi.client.files.send(recording(60), name="long.wav")
        with pytest.raises(BudgetExceeded):
            await muxi.client.voice.transcribe(long.id)
        assert len(studio.forms) == 1


async def test_a_key_of_another_scope_may_neither(tmp_path: Path, studio: SoundStudio) -> None:
    async with served(tmp_path, [], **declared(studio)) as muxi:
        key = await muxi.client.keys.create(name="narrow", scopes=["files.*"])
        async with Client(muxi.url, token=key.key) as narrow:
            for call in (narrow.voice.speak("Hi"), narrow.voice.transcribe(f"file_{'0' * 32}")):
                with pytest.raises(AccessDenied):
                    await call
        assert studio.spoken == []


async def test_sound_in_a_thread_is_written_down_by_its_hash(
    tmp_path: Path, studio: SoundStudio
) -> None:
    async with served(tmp_path, ["Heard."], **declared(studio)) as muxi:
        run = await muxi.client.start_run([AudioPart(media_type="audio/wav", data=recording())])
        await muxi.follow(run.id)
        (part,) = (await muxi.client.messages(run.thread_id))[0].parts
        assert isinstance(part, AudioPart)
        made = await muxi.client.voice.transcribe(part.blob or "")
        assert made.text == WORDS
