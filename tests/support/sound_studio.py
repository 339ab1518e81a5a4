"""A provider that hears and speaks in OpenAI's format and in Google's, and remembers what it heard.

For tests of recordings and speech: what it says of a recording depends on its bytes only.
"""

from __future__ import annotations

import io
import json
import wave
from base64 import b64decode, b64encode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

WORDS = "Buy milk and bread."
SOUND = b"ID3" + bytes(range(256)) * 40


def recording(seconds: float = 1.0) -> bytes:
    """A WAV file without anything to hear."""
    made = io.BytesIO()
    with wave.open(made, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8_000)
        writer.writeframes(bytes(int(16_000 * seconds)))
    return made.getvalue()


@dataclass
class SoundStudio:
    """What the provider was asked."""

    url: str = ""
    forms: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """Fields of each request to write something down; of files, what they are."""
    spoken: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    asked: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """Bodies in Google's format."""
    refusal: str | None = None
    """What the next requests are refused with."""

    async def transcribe(self, request: web.Request) -> web.Response:
        form: dict[str, Any] = {}
        for name, value in (await request.post()).items():
            is_file = isinstance(value, web.FileField)
            told = (value.filename, value.content_type, value.file.read()) if is_file else value
            form.setdefault(name, []).append(told)
        self.forms.append(form)
        if self.refusal is not None:
            return web.json_response({"error": {"message": self.refusal}}, status=400)
        if form["response_format"] == ["json"]:
            usage = {"type": "tokens", "input_tokens": 100, "output_tokens": 10}
            return web.json_response({"text": WORDS, "usage": usage})
        spans = [{"id": 0, "start": 0.0, "end": 1.5, "text": f" {WORDS}", "tokens": [1]}]
        told: dict[str, Any] = {"text": WORDS, "language": "english", "duration": 30.0}
        told |= {"task": "transcribe", "segments": spans}
        if "timestamp_granularities[]" in form:
            told["words"] = [{"word": "Buy", "start": 0.0, "end": 0.4}]
        return web.json_response(told)

    async def speak(self, request: web.Request) -> web.StreamResponse:
        self.spoken.append(await request.json())
        if self.refusal is not None:
            return web.json_response({"error": {"message": self.refusal}}, status=400)
        response = web.StreamResponse(headers={"Content-Type": "audio/mpeg"})
        await response.prepare(request)
        for at in range(0, len(SOUND), 1_000):
            await response.write(SOUND[at : at + 1_000])
        return response

    async def generate(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.asked.append(body)
        usage = {"promptTokenCount": 32, "candidatesTokenCount": 6}
        part: dict[str, Any] = {"text": WORDS}
        if body["generationConfig"].get("responseModalities") == ["AUDIO"]:
            kind = "audio/L16;codec=pcm;rate=24000"
            part = {"inlineData": {"mimeType": kind, "data": b64encode(bytes(480)).decode()}}
        candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}
        return web.json_response({"candidates": [candidate], "usageMetadata": usage})

    def heard(self, number: int = 0) -> bytes:
        """The bytes of a recording that came in OpenAI's format."""
        return self.forms[number]["file"][0][2]

    def heard_by_google(self, number: int = 0) -> bytes:
        inline = self.asked[number]["contents"][0]["parts"][0]["inlineData"]
        return b64decode(inline["data"])

    def model(self, name: str, **options: Any) -> dict[str, Any]:
        """An entry of `models` that leads here."""
        base = f"{self.url}/v1beta" if name.startswith("google/") else f"{self.url}/v1"
        return {"model": name, "base_url": base, **options}


@asynccontextmanager
async def sound_studio() -> AsyncGenerator[SoundStudio]:
    """Serve it while the context lasts."""
    made = SoundStudio()
    app = web.Application(client_max_size=64 << 20)
    app.router.add_post("/v1/audio/transcriptions", made.transcribe)
    app.router.add_post("/v1/audio/speech", made.speak)
    app.router.add_post("/v1beta/models/{model:.*}:generateContent", made.generate)
    async with TestServer(app) as server:
        made.url = str(server.make_url("")).rstrip("/")
        yield made


def dumped(value: object) -> str:
    """A request as text, to look into."""
    return json.dumps(value, default=repr)
