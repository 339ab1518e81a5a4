"""Streams of the Messages format into our events. Called by `models.anthropic`.

Knows nothing of HTTP: it is fed with events of a stream and raises what is wrong with them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from muxi.core.errors import ModelConnectionError, ModelProtocolError
from muxi.core.events import (
    ModelEvent,
    ReasoningDelta,
    ResponseCompleted,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from muxi.core.growing import GrowingText
from muxi.core.messages import (
    AnyPart,
    ReasoningPart,
    RefusalPart,
    StopReason,
    TextPart,
    ToolCallPart,
    UnknownPart,
)
from muxi.core.usage import Usage
from muxi.wire.anthropic import events
from muxi.wire.anthropic.blocks import FORMAT
from muxi.wire.failures import failure, read_complaint
from muxi.wire.json_text import read_json
from muxi.wire.reading import read_arguments
from muxi.wire.sse import SseEvent

_STOPS: dict[str, StopReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "refusal",
}
_READ = frozenset({"text", "thinking", "redacted_thinking", "tool_use"})


class _Block:
    """One block of the answer, as far as it has come."""

    __slots__ = ("id", "kind", "name", "place", "raw", "said", "signature", "start")

    def __init__(self, start: events.Block, raw: dict[str, Any] | None) -> None:
        self.kind = start.type
        self.start = start
        self.raw = raw
        self.id = start.id
        self.name = start.name
        self.signature = start.signature
        self.said = GrowingText()
        self.place: int | None = None
        """Place among our parts; None while there is nothing to show."""

    def part(self) -> AnyPart:
        text = str(self.said)
        if self.kind == "text":
            return TextPart(text=text)
        if self.kind == "thinking":
            # A text that its signature does not cover is never asked back.
            provider: Any = {FORMAT: {"signature": self.signature}} if self.signature else None
            return ReasoningPart(text=text, provider=provider)
        if self.kind == "redacted_thinking":
            return ReasoningPart(provider={FORMAT: {"redacted": self.start.data}})
        arguments, malformed = read_arguments(text)
        if not text:
            arguments = self.start.input
        if self.kind == "tool_use":
            return ToolCallPart(
                id=self.id, name=self.name, arguments=arguments, malformed=malformed
            )
        block = dict(self.raw or {})
        if text:
            block["input"] = arguments
        return UnknownPart(type=f"{FORMAT}.{self.kind}", provider={FORMAT: {"block": block}})


class MessagesDecoder:
    """The state of one answer. See `muxi.wire.decoder.Decoder`.

    Args:
        provider: For the name of the model that the answer reports.
        model: The name that was asked for.
    """

    __slots__ = (
        "_blocks",
        "_model",
        "_parts",
        "_provider",
        "_response_id",
        "_started",
        "_stop",
        "_usage",
        "_why",
        "done",
    )

    def __init__(self, *, provider: str, model: str) -> None:
        self.done = False
        self._provider = provider
        self._model = model
        self._started = False
        self._blocks: dict[int, _Block] = {}
        self._parts: list[_Block] = []
        self._stop: str | None = None
        self._why: str | None = None
        self._usage = events.UsageReport()
        self._response_id: str | None = None

    def feed(self, event: SseEvent) -> Iterable[ModelEvent]:
        data = event.data
        if event.event == "ping" or not data:
            return ()
        if event.event == "error":
            raise failure(read_complaint(_words(data)))
        kind = events.read_kind(data).type
        if kind == "content_block_delta":
            return self._delta(events.read_block_delta(data))
        if kind == "content_block_start":
            self._check_started()
            started = events.read_block_started(data)
            return self._start(started.index, started.content_block)
        if kind == "message_start":
            self._begin(events.read_answer_started(data).message)
        elif kind == "message_delta":
            self._check_started()
            change = events.read_answer_delta(data)
            self._take_stop(change.delta)
            self._take_usage(change.usage)
        elif kind == "message_stop":
            self._check_started()
            return [self._completed()]
        elif kind == "error":
            raise failure(read_complaint(read_json(data)))
        elif kind == "message":
            return self._whole(events.read_answer(data))
        return ()

    def end(self) -> Iterable[ModelEvent]:
        if self._stop is None:
            raise ModelConnectionError("The stream ended in the middle of the answer.")
        return [self._completed()]

    def _check_started(self) -> None:
        if not self._started:
            raise ModelProtocolError("The stream does not begin with the start of a message.")

    def _begin(self, answer: events.Answer) -> None:
        self._started = True
        self._response_id = answer.id
        self._model = answer.model or self._model
        self._take_stop(answer)
        self._take_usage(answer.usage)

    def _whole(self, answer: events.Answer) -> list[ModelEvent]:
        """An answer in one piece, from a server that does not stream."""
        self._begin(answer)
        out: list[ModelEvent] = []
        for index, block in enumerate(answer.content):
            out.extend(self._start(index, block))
        out.append(self._completed())
        return out

    def _start(self, index: int, raw: msgspec.Raw) -> list[ModelEvent]:
        kind = events.read_block_kind(raw).type
        if kind in _READ:
            block = _Block(events.read_block(raw), None)
        else:
            block = _Block(events.Block(kind), msgspec.json.decode(raw))
        self._blocks[index] = block
        if kind == "text":
            return self._text(block, block.start.text)
        place = self._place(block)
        if kind == "tool_use":
            return [ToolCallStarted(index=place, call_id=block.id, name=block.name)]
        if kind == "thinking":
            return self._thought(block, block.start.thinking)
        return []

    def _delta(self, event: events.BlockDelta) -> Iterable[ModelEvent]:
        block = self._blocks.get(event.index)
        if block is None:
            raise ModelProtocolError("The stream goes on with a block that it did not start.")
        delta = event.delta
        kind = delta.type
        if kind == "text_delta":
            return self._text(block, delta.text) if block.kind == "text" else ()
        if kind == "thinking_delta":
            return self._thought(block, delta.thinking) if block.kind == "thinking" else ()
        if kind == "signature_delta":
            block.signature = delta.signature
        elif kind == "input_json_delta" and delta.partial_json:
            block.said.add(delta.partial_json)
            if block.kind == "tool_use":
                place = self._place(block)
                return [ToolCallDelta(index=place, call_id=block.id, text=delta.partial_json)]
        return ()

    def _text(self, block: _Block, text: str) -> list[ModelEvent]:
        if not text:
            return []
        block.said.add(text)
        return [TextDelta(index=self._place(block), text=text)]

    def _thought(self, block: _Block, text: str) -> list[ModelEvent]:
        if not text:
            return []
        block.said.add(text)
        return [ReasoningDelta(index=self._place(block), text=text)]

    def _place(self, block: _Block) -> int:
        if block.place is None:
            block.place = len(self._parts)
            self._parts.append(block)
        return block.place

    def _take_stop(self, stop: events.Stop) -> None:
        self._stop = stop.stop_reason or self._stop
        if stop.stop_details is not None:
            self._why = stop.stop_details.explanation

    def _take_usage(self, report: events.UsageReport | None) -> None:
        if report is None:
            return
        for name in report.__struct_fields__:
            value = getattr(report, name)
            if value is not None:
                setattr(self._usage, name, value)

    def _completed(self) -> ResponseCompleted:
        self.done = True
        parts = [block.part() for block in self._parts]
        stop = _STOPS.get(self._stop or "end_turn", "stop")
        if stop == "refusal" and self._why:
            parts.append(RefusalPart(text=self._why))
        return ResponseCompleted(
            parts=parts,
            usage=self._consumed(),
            stop_reason=stop,
            model=f"{self._provider}/{self._model}",
            response_id=self._response_id,
        )

    def _consumed(self) -> Usage:
        report = self._usage
        cached = report.cache_read_input_tokens or 0
        written = report.cache_creation_input_tokens or 0
        details = report.output_tokens_details
        return Usage(
            requests=1,
            input_tokens=(report.input_tokens or 0) + cached + written,
            output_tokens=report.output_tokens or 0,
            cached_tokens=cached,
            cache_write_tokens=written,
            reasoning_tokens=(details.thinking_tokens if details else 0) or 0,
            cost=None,
        )


def _words(data: bytes) -> Any:
    try:
        return read_json(data)
    except ValueError:
        return data.decode("utf-8", "replace")
