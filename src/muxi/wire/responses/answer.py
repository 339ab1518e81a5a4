"""Streams of the Responses format into our events. Called by `models.responses`.

Knows nothing of HTTP: it is fed with events of a stream and raises what is wrong with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from muxi.core.errors import ModelConnectionError, ModelProtocolError
from muxi.core.events import ModelEvent, ResponseCompleted
from muxi.core.messages import RefusalPart, StopReason, ToolCallPart
from muxi.core.usage import Usage
from muxi.wire.failures import failure, read_complaint
from muxi.wire.json_text import read_json
from muxi.wire.responses import events
from muxi.wire.responses.slots import Slot
from muxi.wire.sse import SseEvent

_TRANSIENT = frozenset({None, "server_error", "rate_limit_exceeded", "vector_store_timeout"})
"""Codes of failures that another attempt may not meet; all others blame the request."""
_FINAL = frozenset({"response.completed", "response.incomplete", "response.failed"})


class ResponsesDecoder:
    """The state of one answer. See `muxi.wire.decoder.Decoder`.

    Args:
        provider: For the name of the model that the answer reports.
        model: The name that was asked for.
    """

    __slots__ = ("_items", "_model", "_provider", "_readers", "_response_id", "_slots", "done")

    def __init__(self, *, provider: str, model: str) -> None:
        self.done = False
        self._provider = provider
        self._model = model
        self._response_id: str | None = None
        # The parts of each output item, by their number within it.
        self._items: dict[int, dict[int, Slot]] = {}
        self._slots: list[Slot] = []
        self._readers: dict[str, Callable[[bytes], Iterable[ModelEvent]]] = {
            "response.output_text.delta": self._text,
            "response.refusal.delta": self._refusal,
            "response.function_call_arguments.delta": self._arguments,
            "response.reasoning_summary_text.delta": self._summary,
            "response.reasoning_text.delta": self._thought,
            "response.output_item.added": self._added,
            "response.output_item.done": self._done,
            "response.created": self._created,
        }

    def feed(self, event: SseEvent) -> Iterable[ModelEvent]:
        data = event.data
        if not data or data[:6] == b"[DONE]":
            return ()
        head = events.read_kind(data)
        reader = self._readers.get(head.type)
        if reader is not None:
            return reader(data)
        if head.type in _FINAL:
            return self._ended(events.read_answer_event(data).response)
        if head.object == "response":
            # The server does not stream.
            return self._ended(events.read_answer(data))
        if head.type == "error" or event.event == "error" or (not head.type and b'"error"' in data):
            raise failure(read_complaint(read_json(data)))
        return ()

    def end(self) -> Iterable[ModelEvent]:
        raise ModelConnectionError("The stream ended in the middle of the answer.")

    def _text(self, data: bytes) -> list[ModelEvent]:
        return self._said(events.read_delta(data), "text")

    def _refusal(self, data: bytes) -> list[ModelEvent]:
        return self._said(events.read_delta(data), "refusal")

    def _said(self, piece: events.Delta, kind: str) -> list[ModelEvent]:
        if not piece.delta:
            return []
        return self._slot(piece.output_index, piece.content_index, kind).add(piece.delta)

    def _arguments(self, data: bytes) -> list[ModelEvent]:
        piece = events.read_delta(data)
        return self._slot(piece.output_index, 0, "call").add(piece.delta)

    def _summary(self, data: bytes) -> list[ModelEvent]:
        piece = events.read_delta(data)
        slot = self._slot(piece.output_index, 0, "reasoning")
        return slot.add(piece.delta, section=piece.summary_index)

    def _thought(self, data: bytes) -> list[ModelEvent]:
        piece = events.read_delta(data)
        slot = self._slot(piece.output_index, 0, "reasoning")
        # Reasoning in full comes after its summaries, of which there are never so many.
        return slot.add(piece.delta, section=1000 + piece.content_index)

    def _slot(self, item: int, number: int, kind: str) -> Slot:
        """The part of that number in that item, made when it first has something to show."""
        slots = self._items.get(item)
        if slots is None:
            raise ModelProtocolError("The stream goes on with an item that it did not start.")
        slot = slots.get(number)
        if slot is None:
            slot = slots[number] = Slot(kind, len(self._slots))
            self._slots.append(slot)
        if slot.kind != kind:
            raise ModelProtocolError("The stream mixes up the items of the answer.")
        return slot

    def _added(self, data: bytes) -> list[ModelEvent]:
        event = events.read_item_event(data)
        kind = events.read_item_kind(event.item).type
        index = event.output_index
        self._items.setdefault(index, {})
        if kind == "function_call":
            return self._slot(index, 0, "call").start(events.read_item(event.item))
        if kind == "reasoning":
            self._slot(index, 0, "reasoning")
        elif kind != "message":
            self._slot(index, 0, "other")
        return []

    def _done(self, data: bytes) -> list[ModelEvent]:
        event = events.read_item_event(data)
        return self._settle(event.output_index, event.item)

    def _settle(self, index: int, raw: msgspec.Raw) -> list[ModelEvent]:
        """Take the whole item, which is what counts where the pieces differ from it."""
        self._items.setdefault(index, {})
        kind = events.read_item_kind(raw).type
        if kind == "message":
            return self._settle_message(index, events.read_item(raw))
        if kind == "reasoning":
            return self._slot(index, 0, "reasoning").settle_reasoning(events.read_item(raw))
        if kind == "function_call":
            return self._slot(index, 0, "call").settle_call(events.read_item(raw))
        self._slot(index, 0, "other").raw = msgspec.json.decode(raw)
        return []

    def _settle_message(self, index: int, item: events.Item) -> list[ModelEvent]:
        out: list[ModelEvent] = []
        for number, piece in enumerate(item.content or ()):
            kind = "refusal" if piece.type == "refusal" else "text"
            text = piece.refusal or piece.text
            if text or number in self._items[index]:
                slot = self._slot(index, number, kind)
                slot.phase = item.phase
                out.extend(slot.settle(text))
        return out

    def _created(self, data: bytes) -> list[ModelEvent]:
        self._take_names(events.read_answer_event(data).response)
        return []

    def _take_names(self, answer: events.Answer) -> None:
        self._response_id = answer.id or self._response_id
        self._model = answer.model or self._model

    def _ended(self, answer: events.Answer) -> list[ModelEvent]:
        self._take_names(answer)
        if answer.status == "failed" or answer.error is not None:
            complaint = read_complaint(msgspec.to_builtins(answer.error or "The answer failed."))
            if complaint.code not in _TRANSIENT:
                complaint = complaint._replace(kind="invalid_request_error")
            raise failure(complaint)
        out: list[ModelEvent] = []
        for index, raw in enumerate(answer.output or ()):
            out.extend(self._settle(index, raw))
        self.done = True
        parts = [slot.part() for slot in self._slots]
        out.append(
            ResponseCompleted(
                parts=parts,
                usage=_consumed(answer.usage),
                stop_reason=_stop(
                    answer,
                    calls=any(isinstance(part, ToolCallPart) for part in parts),
                    refused=any(isinstance(part, RefusalPart) for part in parts),
                ),
                model=f"{self._provider}/{self._model}",
                response_id=self._response_id,
            )
        )
        return out


def _stop(answer: events.Answer, *, calls: bool, refused: bool) -> StopReason:
    if answer.status == "incomplete":
        details = answer.incomplete_details
        filtered = details is not None and details.reason == "content_filter"
        return "content_filter" if filtered else "length"
    if answer.status == "cancelled":
        return "cancelled"
    return "tool_calls" if calls else "refusal" if refused else "stop"


def _consumed(report: events.UsageReport | None) -> Usage:
    if report is None:
        return Usage(requests=1, cost=None)
    taken, given = report.input_tokens_details, report.output_tokens_details
    return Usage(
        requests=1,
        input_tokens=report.input_tokens or 0,
        output_tokens=report.output_tokens or 0,
        cached_tokens=(taken.cached_tokens if taken else 0) or 0,
        cache_write_tokens=(taken.cache_write_tokens if taken else 0) or 0,
        reasoning_tokens=(given.reasoning_tokens if given else 0) or 0,
        cost=None,
    )
