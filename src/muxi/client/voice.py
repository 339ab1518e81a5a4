"""Recordings into words, and words into speech, over the API. Reached as `client.voice`."""

from __future__ import annotations

from muxi.client.calls import SLOW, Call, read
from muxi.core.voice import SpeechFormat, Transcript


class Voice:
    """The project's models that hear and speak."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def transcribe(self, recording: str, *, language: str | None = None) -> Transcript:
        """What is said in a recording.

        Args:
            recording: Id of a file that was sent before, or hash of what a message holds.
            language: What is mostly spoken, ISO 639.

        Raises:
            NotFound: There is no such recording, or no model that does it.
            ModelError: The model could not do it.
            BudgetExceeded: A budget has nothing left for it.
        """
        body = {"recording": recording, "language": language}
        data = await self._call("POST", "/api/transcriptions", body=body, seconds=SLOW)
        return read(Transcript, data)

    async def speak(
        self,
        text: str,
        *,
        voice: str | None = None,
        format: SpeechFormat | None = None,
        speed: float | None = None,
        manner: str | None = None,
    ) -> bytes:
        """A text, read aloud.

        Args:
            text: What is to be said.
            voice: By the provider's name for it; by default the project's.
            format: How it is encoded; by default as the project says.
            speed: How many times as fast as usual.
            manner: How to speak, in words, for models that heed it.

        Raises:
            NotFound: The project has no model that does it.
            ModelError: The model could not do it.
            BudgetExceeded: A budget has nothing left for it.
        """
        body = {"text": text, "voice": voice, "format": format, "speed": speed, "manner": manner}
        return await self._call("POST", "/api/speech", body=body, seconds=SLOW)
