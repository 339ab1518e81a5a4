"""Streams of chat completions into our events. Called by `models.chat_completions`.

Knows nothing of HTTP: it is fed with events of a stream and raises what is wrong with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, cast

import msgspec

from muxi.core.errors import ModelConnectionError, ModelProtocolError
from muxi.core.events import ModelEvent, ReasoningDelta, ResponseCompleted, TextDelta
from muxi.core.growing import GrowingText
from muxi.core.json_shapes import is_array
from muxi.core.messages import (
    AnyPart,
    ReasoningPart,
    RefusalPart,
    StopReason,
    TextPart,
    ToolCallPart,
)
from muxi.core.usage import Usage
from muxi.wire.chat_completions.calls import Calls
from muxi.wire.chat_completions.chunks import Choice, Chunk, Delta, UsageReport
from muxi.wire.chat_completions.quirks import Quirks
from muxi.wire.chat_completions.request import FORMAT
from muxi.wire.failures import failure, read_complaint
from muxi.wire.json_text import read_json
from muxi.wire.reading import Reader
from muxi.wire.sse import SseEvent

_STOPS: dict[str, StopReason] = {
    "stop": "stop",
    "end_turn": "stop",
    "eos": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
_BROKEN = frozenset({"error", "insufficient_system_resource"})

_read = Reader(Chunk)


class ChatDecoder:
    """The state of one answer. See `muxi.wire.decoder.Decoder`.

    Args:
        provider: For the name of the model that the answer reports.
        model: The name that was asked for.
        quirks: The provider's dialect.
    """

    __slots__ = (
        "_calls",
        "_details",
        "_finish",
        "_model",
        "_order",
        "_provider",
        "_quirks",
        "_reasoning",
        "_refusal",
        "_response_id",
        "_text",
        "_usage",
        "done",
    )

    def __init__(self, *, provider: str, model: str, quirks: Quirks) -> None:
        self.done = False
        self._provider = provider
        self._model = model
        self._quirks = quirks
        self._text = GrowingText()
        self._reasoning = GrowingText()
        self._refusal: list[str] = []
        self._details: list[dict[str, Any]] = []
        self._calls = Calls()
        # Places of the parts, in the order in which each first appeared.
        self._order: dict[str, int] = {}
        self._finish: str | None = None
        self._usage: UsageReport | None = None
        self._response_id: str | None = None

    def feed(self, event: SseEvent) -> Iterable[ModelEvent]:
        data = event.data
        if data[:6] == b"[DONE]":
            if self._finish is None and not self._order:
                raise ModelProtocolError("The stream is done without an answer.")
            return [self._completed()]
        if not data or data.isspace():
            return ()
        chunk = _read(data)
        if event.event == "error" or _is_error(chunk):
            raise failure(read_complaint(read_json(data)))
        self._note(chunk)
        out: list[ModelEvent] = []
        for choice in chunk.choices or ():
            # Others are further answers to the same question, which nobody asked for.
            if choice.index == 0:
                self._choose(choice, out)
        if chunk.object == "chat.completion" and self._finish is not None:
            out.append(self._completed())
        return out

    def end(self) -> Iterable[ModelEvent]:
        # Several servers close the stream after the reason to finish and never say [DONE].
        if self._finish is None:
            raise ModelConnectionError("The stream ended in the middle of the answer.")
        return [self._completed()]

    def _note(self, chunk: Chunk) -> None:
        if chunk.usage is not None:
            self._usage = chunk.usage
        elif chunk.x_groq is not None:
            if chunk.x_groq.error:
                raise failure(read_complaint(chunk.x_groq.error))
            self._usage = chunk.x_groq.usage or self._usage
        if chunk.model:
            self._model = chunk.model
        if chunk.id:
            self._response_id = chunk.id

    def _choose(self, choice: Choice, out: list[ModelEvent]) -> None:
        if choice.error is not None:
            raise failure(read_complaint(choice.error))
        delta = choice.delta or choice.message
        if delta is not None:
            self._take(delta, out)
        if choice.finish_reason:
            if choice.finish_reason in _BROKEN:
                raise failure(read_complaint("The provider broke off the answer."))
            self._finish = choice.finish_reason

    def _take(self, delta: Delta, out: list[ModelEvent]) -> None:
        thought = delta.reasoning_content or delta.reasoning
        if thought:
            out.append(self._think(thought))
        if delta.reasoning_details:
            self._details.extend(delta.reasoning_details)
        content = delta.content
        if content:
            if isinstance(content, str):
                self._text.add(content)
                out.append(TextDelta(index=self._place("text"), text=content))
            else:
                self._take_pieces(content, out)
        if delta.refusal:
            self._refusal.append(delta.refusal)
            out.append(TextDelta(index=self._place("refusal"), text=delta.refusal))
        for call in delta.tool_calls or ():
            out.extend(self._calls.take(call, self._place))

    def _take_pieces(self, content: list[Any], out: list[ModelEvent]) -> None:
        """Content as typed pieces: `text`, and Mistral's `thinking` with texts inside."""
        for piece in content:
            for kind, text in _texts(piece):
                if kind == "thinking":
                    out.append(self._think(text))
                else:
                    self._text.add(text)
                    out.append(TextDelta(index=self._place("text"), text=text))

    def _think(self, text: str) -> ReasoningDelta:
        self._reasoning.add(text)
        return ReasoningDelta(index=self._place("reasoning"), text=text)

    def _place(self, kind: str) -> int:
        place = self._order.get(kind)
        if place is None:
            place = self._order[kind] = len(self._order)
        return place

    def _completed(self) -> ResponseCompleted:
        self.done = True
        if self._details:
            self._place("reasoning")
        calls = self._calls.parts()
        parts = [calls[kind] if kind in calls else self._part(kind) for kind in self._order]
        return ResponseCompleted(
            parts=parts,
            usage=self._consumed(),
            stop_reason=self._stop(parts),
            model=f"{self._provider}/{self._model}",
            response_id=self._response_id,
        )

    def _part(self, kind: str) -> AnyPart:
        if kind == "text":
            return TextPart(text=str(self._text))
        if kind == "refusal":
            return RefusalPart(text="".join(self._refusal))
        kept: dict[str, Any] = {}
        if self._details:
            kept["reasoning_details"] = _joined(self._details)
        return ReasoningPart(text=str(self._reasoning), provider={FORMAT: kept})

    def _stop(self, parts: list[AnyPart]) -> StopReason:
        stop = _STOPS.get(self._finish or "stop", "stop")
        if stop in ("stop", "tool_calls"):
            # Servers disagree on what to say beside a call, so the call itself decides.
            if any(isinstance(part, ToolCallPart) for part in parts):
                return "tool_calls"
            return "refusal" if self._refusal else "stop"
        return stop

    def _consumed(self) -> Usage:
        report = self._usage
        if report is None:
            return Usage(requests=1, cost=None)
        prompt, completion = report.prompt_tokens or 0, report.completion_tokens or 0
        details, cached = report.prompt_tokens_details, report.prompt_cache_hit_tokens
        thoughts = report.completion_tokens_details
        reasoning = (thoughts.reasoning_tokens if thoughts else 0) or 0
        if reasoning and report.total_tokens == prompt + completion + reasoning:
            # Some providers count reasoning beside the completion, not in it.
            completion += reasoning
        cost = report.cost if self._quirks.usage_cost else None
        return Usage(
            requests=1,
            input_tokens=prompt,
            output_tokens=completion,
            cached_tokens=(details.cached_tokens if details else cached) or cached or 0,
            cache_write_tokens=(details.cache_write_tokens if details else 0) or 0,
            reasoning_tokens=reasoning,
            cost=Decimal(str(cost)) if isinstance(cost, int | float) else None,
        )


def _texts(piece: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(piece, dict):
        return
    fields = cast("dict[str, Any]", piece)
    text, inner = fields.get("text"), fields.get("thinking")
    if isinstance(text, str) and text:
        yield "text", text
    if isinstance(inner, str) and inner:
        yield "thinking", inner
    for nested in inner if is_array(inner) else ():
        yield from (("thinking", text) for _, text in _texts(nested))


def _is_error(chunk: Chunk) -> bool:
    if chunk.error is not msgspec.UNSET and chunk.error is not None:
        return True
    if chunk.choices is not None or chunk.usage is not None:
        return False
    return chunk.object == "error" or bool(chunk.message) or chunk.detail is not msgspec.UNSET


def _joined(details: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """OpenRouter's pieces of reasoning, those of one block put together, as it wants them back."""
    blocks: list[dict[str, Any]] = []
    for piece in details:
        last = blocks[-1] if blocks else None
        same = last is not None and all(last.get(k) == piece.get(k) for k in ("type", "index"))
        if last is None or not same or piece.get("index") is None:
            blocks.append(dict(piece))
            continue
        for name, value in piece.items():
            known = last.get(name)
            if name in ("text", "summary", "data") and isinstance(known, str) and value:
                last[name] = known + value
            elif value is not None:
                last[name] = value
    return blocks
