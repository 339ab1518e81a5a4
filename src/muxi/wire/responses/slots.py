"""Parts of an answer of the Responses format while they come. Part of the decoder of answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from muxi.core.events import (
    ModelEvent,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from muxi.core.messages import (
    AnyPart,
    ReasoningPart,
    RefusalPart,
    TextPart,
    ToolCallPart,
    UnknownPart,
)
from muxi.wire.reading import read_arguments
from muxi.wire.responses.events import Item, Piece
from muxi.wire.responses.items import FORMAT

_BREAK = "\n\n"
"""Between two sections of reasoning."""


class Slot:
    """One part: `text`, `refusal`, `reasoning`, `call`, or `other` for items kept as they are."""

    __slots__ = (
        "_item",
        "_pieces",
        "_section",
        "_started",
        "_text",
        "kind",
        "phase",
        "place",
        "raw",
    )

    def __init__(self, kind: str, place: int) -> None:
        self.kind = kind
        self.place = place
        self.phase: str | None = None
        self.raw: dict[str, Any] | None = None
        self._item = Item(kind)
        self._pieces: list[str] = []
        self._text: str | None = None
        self._section: int | None = None
        self._started = False

    def start(self, item: Item) -> list[ModelEvent]:
        """The event that announces a call; none when it was announced before."""
        self._item = item
        if self._started:
            return []
        self._started = True
        return [ToolCallStarted(index=self.place, call_id=item.call_id or "", name=item.name)]

    def add(self, text: str, *, section: int | None = None) -> list[ModelEvent]:
        """The event for a piece that came."""
        if not text:
            return []
        if section != self._section:
            if self._pieces:
                text = _BREAK + text
            self._section = section
        self._pieces.append(text)
        if self.kind == "reasoning":
            return [ReasoningDelta(index=self.place, text=text)]
        if self.kind == "call":
            call_id = self._item.call_id or ""
            return [ToolCallDelta(index=self.place, call_id=call_id, text=text)]
        return [TextDelta(index=self.place, text=text)]

    def settle(self, text: str) -> list[ModelEvent]:
        """Take the whole text; its event, if no piece of it came before."""
        out = [] if self._pieces else self.add(text)
        self._text = text
        return out

    def settle_call(self, item: Item) -> list[ModelEvent]:
        return [*self.start(item), *self.settle(item.arguments)]

    def settle_reasoning(self, item: Item) -> list[ModelEvent]:
        self._item = item
        texts = [*_texts(item.summary), *_texts(item.content)]
        # Some servers send the item without the texts that they streamed.
        return self.settle(_BREAK.join(texts)) if texts else []

    def part(self) -> AnyPart:
        text = "".join(self._pieces) if self._text is None else self._text
        if self.kind == "text":
            return TextPart(text=text, provider=self._kept_phase())
        if self.kind == "refusal":
            return RefusalPart(text=text, provider=self._kept_phase())
        if self.kind == "call":
            return self._call(text)
        if self.kind == "reasoning":
            return ReasoningPart(text=text, provider=self._kept_reasoning())
        raw = self.raw or {}
        return UnknownPart(type=f"{FORMAT}.{raw.get('type')}", provider={FORMAT: {"item": raw}})

    def _call(self, text: str) -> ToolCallPart:
        arguments, malformed = read_arguments(text)
        return ToolCallPart(
            id=self._item.call_id or "",
            name=self._item.name,
            arguments=arguments,
            malformed=malformed,
        )

    def _kept_phase(self) -> dict[str, Any] | None:
        return {FORMAT: {"phase": self.phase}} if self.phase else None

    def _kept_reasoning(self) -> dict[str, Any] | None:
        item = self._item
        if item.encrypted_content is None or item.id is None:
            return None
        summary = [{"type": "summary_text", "text": text} for text in _texts(item.summary)]
        return {
            FORMAT: {
                "id": item.id,
                "summary": summary,
                "encrypted_content": item.encrypted_content,
            }
        }


def _texts(pieces: Iterable[Piece] | None) -> list[str]:
    return [piece.text for piece in pieces or () if piece.text]
