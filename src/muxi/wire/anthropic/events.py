"""The events of a Messages stream, as far as we read them. Part of the decoder of answers."""

from __future__ import annotations

from typing import Any

from msgspec import Raw, Struct, field

from muxi.wire.reading import Reader


class Kind(Struct):
    """What every event has."""

    type: str = ""


class OutputDetails(Struct):
    thinking_tokens: int | None = None


class UsageReport(Struct):
    """Running totals; what an event leaves out keeps its value. Cached input is counted apart."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    output_tokens_details: OutputDetails | None = None


class StopDetails(Struct):
    explanation: str | None = None


class Stop(Struct):
    stop_reason: str | None = None
    stop_details: StopDetails | None = None


class Answer(Stop):
    """A message: empty at the start of a stream, whole when nothing was streamed."""

    id: str | None = None
    model: str | None = None
    content: list[Raw] = field(default_factory=list[Raw])
    usage: UsageReport | None = None


class AnswerStarted(Struct):
    message: Answer


class Block(Struct):
    """A block of any type as it starts."""

    type: str
    text: str = ""
    thinking: str = ""
    signature: str = ""
    data: str = ""
    id: str = ""
    name: str = ""
    input: dict[str, Any] = field(default_factory=dict[str, Any])


class BlockStarted(Struct):
    index: int
    content_block: Raw


class Delta(Struct):
    type: str
    text: str = ""
    thinking: str = ""
    signature: str = ""
    partial_json: str = ""


class BlockDelta(Struct):
    index: int
    delta: Delta


class AnswerDelta(Struct):
    delta: Stop
    usage: UsageReport | None = None


class AnyBlock(Struct):
    type: str


read_kind = Reader(Kind)
read_answer = Reader(Answer)
read_answer_started = Reader(AnswerStarted)
read_block_kind = Reader(AnyBlock)
read_block = Reader(Block)
read_block_started = Reader(BlockStarted)
read_block_delta = Reader(BlockDelta)
read_answer_delta = Reader(AnswerDelta)
