"""Models that write down recordings, behind OpenAI's and Google's formats.

Made by `resolve.transcriber`. A recording goes out whole, and its transcript comes back whole.
"""

from __future__ import annotations

from typing import Any, Final

import aiohttp
import msgspec

from muxi.core.errors import ModelError, ModelProtocolError, ModelRejected
from muxi.core.usage import Usage
from muxi.core.voice import Recording, Segment, Transcript
from muxi.models.google_answer import GoogleAnswer
from muxi.models.google_names import path_of
from muxi.models.specialist import Specialist
from muxi.wire.encoded import to_json
from muxi.wire.media import base64_of

_PATIENCE: Final = 600.0
"""Seconds of silence: an hour of talk may take minutes."""
_PLAIN_ONLY: Final = ("gpt-", "voxtral")
"""Models of OpenAI's format that tell no times where they are asked for them its way."""
_ENDINGS: Final = {
    "audio/mpeg": "mp3",
    "audio/mp4": "m4a",
    "audio/aac": "aac",
    "audio/ogg": "ogg",
    "audio/opus": "ogg",
    "audio/webm": "webm",
    "audio/wav": "wav",
    "audio/flac": "flac",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/mpeg": "mpeg",
}
"""By the ending of its name, many servers tell what a recording is."""


class _Span(msgspec.Struct):
    start: float = 0.0
    end: float = 0.0
    text: str = ""
    word: str = ""


class _Used(msgspec.Struct):
    input_tokens: int = 0
    output_tokens: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float | None = None
    prompt_audio_seconds: float | None = None


class _Answer(msgspec.Struct):
    text: str
    language: str | None = None
    duration: float | None = None
    segments: list[_Span] | None = None
    words: list[_Span] | None = None
    usage: _Used | None = None


class _Hosted(Specialist):
    """One model that hears."""

    def _unfit(self) -> ModelProtocolError:
        return ModelProtocolError(f"{self.name} did not send a transcript.", model=self.name)


class OpenAITranscriber(_Hosted):
    """https://platform.openai.com/docs/api-reference/audio, and all that is compatible."""

    async def transcribe(self, recording: Recording) -> Transcript:
        """See `muxi.models.voice.Transcriber`."""
        timed = not self.model.startswith(_PLAIN_ONLY)
        try:
            data = await self._send(recording, timed=timed)
        except ModelRejected as error:
            # Some compatible servers know the plain form of answers only.
            if not timed or "response_format" not in error.message:
                raise
            data = await self._send(recording, timed=False)
        try:
            answer = msgspec.json.decode(data, type=_Answer)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise self._unfit() from error
        used = answer.usage or _Used()
        heard = used.seconds if used.seconds is not None else used.prompt_audio_seconds
        return Transcript(
            text=answer.text.strip(),
            language=answer.language,
            seconds=answer.duration if answer.duration is not None else heard,
            segments=[_segment(each) for each in answer.segments or ()],
            words=[_segment(each) for each in answer.words or ()],
            model=self.name,
            usage=Usage(
                requests=1,
                input_tokens=used.input_tokens or used.prompt_tokens,
                output_tokens=used.output_tokens or used.completion_tokens,
                cost=None,
            ),
        )

    async def _send(self, recording: Recording, *, timed: bool) -> bytes:
        form = aiohttp.FormData()
        form.add_field(
            "file",
            recording.data,
            filename=_file_name(recording),
            content_type=recording.media_type,
        )
        form.add_field("model", self.model)
        form.add_field("response_format", "verbose_json" if timed else "json")
        for name, value in (("language", recording.language), ("prompt", recording.prompt)):
            if value:
                form.add_field(name, value)
        if timed and recording.words:
            for each in ("segment", "word"):
                form.add_field("timestamp_granularities[]", each)
        body = form()
        return await self._endpoint.post_json(
            "/audio/transcriptions",
            await body.as_bytes(),
            model=self.name,
            headers={"Content-Type": body.content_type},
            idle=_PATIENCE,
        )


_ASKED: Final = (
    "Write down every word that is spoken in this recording, in the language in which it is spoken."
    " Write nothing else. If nothing is spoken, write nothing."
)


class GoogleTranscriber(_Hosted):
    """https://ai.google.dev/gemini-api/docs/audio: a model is shown the recording, and asked."""

    async def transcribe(self, recording: Recording) -> Transcript:
        """See `muxi.models.voice.Transcriber`."""
        asked = _ASKED
        if recording.language:
            asked += f" The language is mostly {recording.language} (ISO 639)."
        if recording.prompt:
            asked += f" These words may occur, or were said before: {recording.prompt}"
        inline = {"mimeType": recording.media_type, "data": base64_of(recording.data)}
        body: dict[str, Any] = {
            "contents": [{"role": "user", "parts": [{"inlineData": inline}, {"text": asked}]}],
            "generationConfig": {"temperature": 0},
        }
        data = await self._endpoint.post_json(
            path_of(self.model, "generateContent"),
            to_json(body),
            model=self.name,
            idle=_PATIENCE,
        )
        try:
            answer = msgspec.json.decode(data, type=GoogleAnswer)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise self._unfit() from error
        if (why := answer.declined) is not None:
            raise self._declined(why)
        return Transcript(text=answer.text.strip(), model=self.name, usage=answer.usage)

    def _declined(self, why: str) -> ModelError:
        return ModelRejected(f"{self.name} wrote nothing down: {why}", model=self.name)


def _segment(span: _Span) -> Segment:
    return Segment(start=span.start, end=span.end, text=(span.text or span.word).strip())


def _file_name(recording: Recording) -> str:
    ending = _ENDINGS.get(recording.media_type, "bin")
    stem = (recording.name or "recording").rpartition("/")[2].rpartition(".")[0] or "recording"
    return f"{stem}.{ending}" if ending != "bin" else recording.name or "recording.bin"
