"""Transcripts in the formats that clients ask for: JSON of OpenAI's API, text, and subtitles.

Used by the door `/v1/audio`. What a model did not tell is left out, never made up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from muxi.core.voice import Segment, Transcript
from muxi.wire.encoded import to_json


def usage_of(made: Transcript) -> dict[str, Any] | None:
    """What it took: tokens, or the length of the recording; None if neither was told."""
    used = made.usage
    if used.total_tokens:
        return {
            "type": "tokens",
            "input_tokens": used.input_tokens,
            "output_tokens": used.output_tokens,
            "total_tokens": used.total_tokens,
        }
    return None if made.seconds is None else {"type": "duration", "seconds": made.seconds}


def spoken(made: Transcript) -> Iterator[dict[str, Any]]:
    """The events of a transcript that is streamed; it came whole, and goes out whole."""
    yield {"type": "transcript.text.delta", "delta": made.text}
    yield {"type": "transcript.text.done", "text": made.text, "usage": usage_of(made)}


def _json(made: Transcript) -> bytes:
    return to_json({"text": made.text, "usage": usage_of(made)})


def _verbose(made: Transcript) -> bytes:
    told: dict[str, Any] = {
        "task": "transcribe",
        "language": made.language or "",
        "duration": made.seconds or 0.0,
        "text": made.text,
        "usage": usage_of(made),
    }
    if made.segments:
        told["segments"] = [
            {"id": number, "start": each.start, "end": each.end, "text": each.text}
            for number, each in enumerate(made.segments)
        ]
    if made.words:
        told["words"] = [
            {"word": each.text, "start": each.start, "end": each.end} for each in made.words
        ]
    return to_json(told)


def _text(made: Transcript) -> bytes:
    return f"{made.text}\n".encode()


def _srt(made: Transcript) -> bytes:
    """https://en.wikipedia.org/wiki/SubRip"""
    cues = [
        f"{number}\n{_clock(each.start, ',')} --> {_clock(each.end, ',')}\n{each.text}\n"
        for number, each in enumerate(_cues(made), 1)
    ]
    return "\n".join(cues).encode()


def _vtt(made: Transcript) -> bytes:
    """https://www.w3.org/TR/webvtt1/"""
    cues = [
        f"{_clock(each.start, '.')} --> {_clock(each.end, '.')}\n{each.text}\n"
        for each in _cues(made)
    ]
    return "\n".join(["WEBVTT\n", *cues]).encode()


def _cues(made: Transcript) -> list[Segment]:
    """The segments, none of whose texts has a blank line, which would end it."""
    whole = [Segment(start=0, end=made.seconds or 0, text=made.text)] if made.text else []
    return [
        each.model_copy(update={"text": " ".join(each.text.split())})
        for each in made.segments or whole
    ]


def _clock(seconds: float, mark: str) -> str:
    millis = round(seconds * 1_000)
    minutes, rest = divmod(millis, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{rest // 1_000:02d}{mark}{rest % 1_000:03d}"


WRITERS: dict[str, tuple[str, Callable[[Transcript], bytes]]] = {
    "json": ("application/json", _json),
    "verbose_json": ("application/json", _verbose),
    "text": ("text/plain", _text),
    "srt": ("application/x-subrip", _srt),
    "vtt": ("text/vtt", _vtt),
}
"""Media type and writer of each format."""
