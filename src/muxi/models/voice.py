"""The protocols of models that hear and of models that speak. Used by the runtime's `voice`.

Both take one thing and give one thing. A live conversation is another protocol, over a connection
that stays open; what it shares with these are the recordings and the pieces of sound.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from muxi.core.usage import Usage
from muxi.core.voice import Recording, SpeechOrder, Transcript


class Transcriber(Protocol):
    """Writes down what is said in recordings."""

    @property
    def name(self) -> str:
        """`provider/model`."""
        ...

    async def transcribe(self, recording: Recording) -> Transcript:
        """What is said, with the usage that the provider told.

        Raises:
            ModelError: The provider could not do it.
        """
        ...

    async def close(self) -> None:
        """Release connections. It is not used afterwards."""
        ...


class Speaker(Protocol):
    """Reads texts aloud."""

    @property
    def name(self) -> str:
        """`provider/model`."""
        ...

    def speak(self, order: SpeechOrder) -> AsyncGenerator[bytes | Usage]:
        """Sound as it comes and, where the provider tells it, what it took.

        Closing the generator ends the call.

        Raises:
            ModelError: The provider could not do it.
        """
        ...

    async def close(self) -> None:
        """Release connections. It is not used afterwards."""
        ...
