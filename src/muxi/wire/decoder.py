"""What every decoder of a streamed answer looks like, so that one loop can drive them all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from muxi.core.events import ModelEvent
from muxi.wire.sse import SseEvent


class Decoder(Protocol):
    """The state of one answer. Fed with the events of a stream in order, then told of its end."""

    @property
    def done(self) -> bool:
        """Whether `ResponseCompleted` has been handed out; what follows is not read."""
        ...

    def feed(self, event: SseEvent) -> Iterable[ModelEvent]:
        """Our events for one event of the provider.

        Raises:
            ModelProtocolError: It is not what the format allows.
            ModelError: The provider reports an error inside the stream.
        """
        ...

    def end(self) -> Iterable[ModelEvent]:
        """Our events for the end of the stream, when `done` is still false.

        Raises:
            ModelConnectionError: The answer is not complete.
        """
        ...
