"""The events of a Responses stream, as far as we read them. Part of the decoder of answers."""

from __future__ import annotations

from msgspec import Raw, Struct

from muxi.wire.reading import Reader


class Kind(Struct):
    """What every event has, and what else tells a whole answer from an event."""

    type: str = ""
    object: str = ""


class Delta(Struct):
    """A piece of a text; which of an item's texts is told by the index that its kind has."""

    output_index: int
    delta: str
    content_index: int = 0
    summary_index: int = 0


class Piece(Struct):
    """A part of a message, or a summary or text of reasoning."""

    type: str = ""
    text: str = ""
    refusal: str = ""


class Item(Struct):
    """An output item of any type that we read."""

    type: str
    id: str | None = None
    call_id: str | None = None
    name: str = ""
    arguments: str = ""
    phase: str | None = None
    encrypted_content: str | None = None
    content: list[Piece] | None = None
    summary: list[Piece] | None = None


class ItemKind(Struct):
    type: str


class ItemEvent(Struct):
    output_index: int
    item: Raw


class InputDetails(Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class OutputDetails(Struct):
    reasoning_tokens: int | None = None


class UsageReport(Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: InputDetails | None = None
    output_tokens_details: OutputDetails | None = None


class Incomplete(Struct):
    reason: str | None = None


class ErrorReport(Struct):
    code: str | int | None = None
    message: str | None = None
    type: str | None = None


class Answer(Struct):
    id: str | None = None
    model: str | None = None
    status: str | None = None
    error: ErrorReport | None = None
    incomplete_details: Incomplete | None = None
    output: list[Raw] | None = None
    usage: UsageReport | None = None


class AnswerEvent(Struct):
    response: Answer


read_kind = Reader(Kind)
read_delta = Reader(Delta)
read_item_kind = Reader(ItemKind)
read_item = Reader(Item)
read_item_event = Reader(ItemEvent)
read_answer = Reader(Answer)
read_answer_event = Reader(AnswerEvent)
