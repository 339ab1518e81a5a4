"""Recordings that agents have written down, and what they say aloud."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support.served import served
from support.sound_studio import SOUND, WORDS, SoundStudio, recording, sound_studio

from muxi.core.events import Event, RunCompleted, ToolCompleted
from muxi.core.messages import AudioPart, TextPart
from muxi.models.scripted import ScriptedModel, call


@pytest.fixture
async def studio() -> AsyncIterator[SoundStudio]:
    async with sound_studio() as made:
        yield made


def speaking(studio: SoundStudio) -> dict[str, Any]:
    models = {
        "ear": studio.model("openai/whisper-1"),
        "mouth": studio.model("openai/tts-1"),
    }
    return {
        "models": models,
        "media": {
            "transcription": {"model": "ear", "price": "0.006"},
            "speech": {"model": "mouth", "price": "15"},
        },
        "agents": {"a": {"name": "a", "tools": ["audio"], "limits": {"cost": 1}}},
    }


def result(events: list[Event]) -> ToolCompleted:
    return next(event for event in events if isinstance(event, ToolCompleted))


async def test_a_file_and_the_newest_recording_are_written_down(
    tmp_path: Path, studio: SoundStudio
) -> None:
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace" / "memo.wav").write_bytes(recording())
    named = call("transcribe_audio", recording="memo.wav", language="en")
    model = ScriptedModel([named, "Done.", call("transcribe_audio"), "Done."])
    async with served(tmp_path, model, **speaking(studio)) as muxi:
        _, events = await muxi.answer("What do I say in memo.wav?")
        assert result(events).result.text == f"[0:00:00] {WORDS}"
        assert studio.heard() == recording()
        assert studio.forms[0]["language"] == ["en"]
        end = events[-1]
        assert isinstance(end, RunCompleted)
        assert str(end.usage.cost).rstrip("0") == "0.003"
        said = AudioPart(media_type="audio/wav", data=recording(2))
        run = await muxi.client.start_run([TextPart(text="And here?"), said])
        assert result(await muxi.follow(run.id)).result.text == f"[0:00:00] {WORDS}"
        assert studio.heard(1) == recording(2)


async def test_a_text_is_said_and_heard_by_the_user(tmp_path: Path, studio: SoundStudio) -> None:
    model = ScriptedModel([call("speak", text="Good morning", manner="Softly"), "Said."])
    async with served(tmp_path, model, **speaking(studio)) as muxi:
        _, events = await muxi.answer("Say good morning")
        told = result(events).result
        assert told.outcome == "ok", told.text
        sound = told.content[0]
        assert isinstance(sound, AudioPart)
        assert sound.data is None, "events carry no bytes"
        async with muxi.http.get(f"{muxi.url}/api/blobs/{sound.blob}") as response:
            assert await response.read() == SOUND
        assert studio.spoken[0]["instructions"] == "Softly"
        end = events[-1]
        assert isinstance(end, RunCompleted)
        assert end.usage.cost is not None
        assert float(end.usage.cost) == pytest.approx(12 * 15 / 1e6)


async def test_what_cannot_be_heard_is_told_to_the_model(
    tmp_path: Path, studio: SoundStudio
) -> None:
    model = ScriptedModel([call("transcribe_audio"), "None.", call("speak", text="Hi"), "No."])
    settings = speaking(studio)
    settings["media"] = {"transcription": settings["media"]["transcription"]}
    async with served(tmp_path, model, **settings) as muxi:
        _, events = await muxi.answer("What do I say?")
        assert "no recording in this conversation" in result(events).result.text
        _, events = await muxi.answer("Say hi")
        assert "no model that reads aloud" in result(events).result.text
