"""Streams of generateContent into our events. Called by `models.gemini`.

Knows nothing of HTTP: it is fed with events of a stream and raises what is wrong with them. The
format has no last event: an answer is complete when a reason to finish came and the stream ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from muxi.core.errors import ModelConnectionError, ModelRejected, ModelUnavailable
from muxi.core.events import (
    ModelEvent,
    ReasoningDelta,
    ResponseCompleted,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from muxi.core.growing import GrowingText
from muxi.core.ids import new_id
from muxi.core.messages import (
    AnyPart,
    AudioPart,
    FilePart,
    ImagePart,
    ReasoningPart,
    RefusalPart,
    StopReason,
    TextPart,
    ToolCallPart,
    UnknownPart,
)
from muxi.core.usage import Usage
from muxi.wire.encoded import to_json
from muxi.wire.failures import failure, read_complaint
from muxi.wire.gemini import events
from muxi.wire.gemini.contents import FORMAT, OWN_ID
from muxi.wire.json_text import read_json
from muxi.wire.sse import SseEvent

_STOPS: dict[str, StopReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
}
_FAILED = frozenset({"MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "UNEXPECTED_TOOL_CALL"})
"""The model wrote what its own service cannot read; another attempt often succeeds."""
_REFUSED = frozenset({"MISSING_THOUGHT_SIGNATURE", "TOO_MANY_TOOL_CALLS"})


class _Text:
    """A text, or a thought, as far as it has come."""

    __slots__ = ("place", "said", "signature", "thought")

    def __init__(self, place: int, signature: str | None, *, thought: bool) -> None:
        self.place = place
        self.thought = thought
        self.signature = signature
        self.said = GrowingText()

    def part(self) -> AnyPart:
        text, provider = str(self.said), _signed(self.signature)
        if self.thought:
            return ReasoningPart(text=text, provider=provider)
        return TextPart(text=text, provider=provider)


class GeminiDecoder:
    """The state of one answer. See `muxi.wire.decoder.Decoder`.

    Args:
        provider: For the name of the model that the answer reports.
        model: The name that was asked for.
    """

    __slots__ = (
        "_blocked",
        "_finish",
        "_model",
        "_parts",
        "_provider",
        "_response_id",
        "_usage",
        "_why",
        "done",
    )

    def __init__(self, *, provider: str, model: str) -> None:
        self.done = False
        self._provider = provider
        self._model = model
        self._parts: list[_Text | AnyPart] = []
        self._finish: str | None = None
        self._blocked = False
        self._why: str | None = None
        self._usage = events.UsageReport()
        self._response_id: str | None = None

    def feed(self, event: SseEvent) -> Iterable[ModelEvent]:
        data = event.data
        if not data or data[:6] == b"[DONE]":
            return ()
        if data[:1] == b"[":
            # Without `alt=sse` the chunks come as one JSON array.
            out: list[ModelEvent] = []
            for number, chunk in enumerate(events.read_chunks(data)):
                self._take(chunk, lambda number=number: read_json(data)[number], out)
            return out
        taken: list[ModelEvent] = []
        self._take(events.read_chunk(data), lambda: read_json(data), taken)
        return taken

    def end(self) -> Iterable[ModelEvent]:
        if self._finish is None and not self._blocked:
            raise ModelConnectionError("The stream ended in the middle of the answer.")
        self.done = True
        parts = [part.part() if isinstance(part, _Text) else part for part in self._parts]
        if self._why and not any(isinstance(part, TextPart) for part in parts):
            parts.append(RefusalPart(text=self._why))
        return [
            ResponseCompleted(
                parts=parts,
                usage=self._consumed(),
                stop_reason=self._stop(parts),
                model=f"{self._provider}/{self._model}",
                response_id=self._response_id,
            )
        ]

    def _take(self, chunk: events.Chunk, whole: Callable[[], Any], out: list[ModelEvent]) -> None:
        """Take one chunk; `whole` gives it with the fields that we do not know."""
        if chunk.error is not None:
            raise failure(read_complaint({"error": chunk.error}))
        self._model = chunk.model_version or self._model
        self._response_id = chunk.response_id or self._response_id
        self._take_usage(chunk.usage_metadata)
        feedback = chunk.prompt_feedback
        if feedback is not None and feedback.block_reason:
            self._blocked = True
            self._why = feedback.block_reason_message
        for place, candidate in enumerate(chunk.candidates or ()):
            if candidate.index != 0:
                continue
            parts = candidate.content.parts if candidate.content else None
            for number, part in enumerate(parts or ()):
                if not self._take_part(part, out):
                    raw = whole()["candidates"][place]["content"]["parts"][number]
                    self._keep(raw)
            self._take_reason(candidate)

    def _take_reason(self, candidate: events.Candidate) -> None:
        reason = candidate.finish_reason
        if not reason:
            return
        words = candidate.finish_message or f"The model stopped: {reason}."
        if reason in _FAILED:
            raise ModelUnavailable(words, provider_code=reason)
        if reason in _REFUSED:
            raise ModelRejected(words, provider_code=reason)
        self._finish = reason
        if _STOPS.get(reason) == "content_filter":
            self._why = candidate.finish_message

    def _take_part(self, part: events.Part, out: list[ModelEvent]) -> bool:
        """Take one part; False when it is of a kind that we only keep."""
        signature = part.thought_signature
        if part.function_call is not None:
            self._take_call(part.function_call, signature, out)
        elif part.inline_data is not None:
            self._parts.append(_media(part.inline_data, signature))
        elif part.text is not None or signature is not None:
            self._take_text(part.text or "", signature, out, thought=part.thought)
        else:
            return False
        return True

    def _keep(self, raw: dict[str, Any]) -> None:
        kind = next((name for name in raw if name not in ("thought", "thoughtSignature")), None)
        if kind is not None:
            part = UnknownPart(type=f"{FORMAT}.{kind}", provider={FORMAT: {"part": raw}})
            self._parts.append(part)

    def _take_text(
        self, text: str, signature: str | None, out: list[ModelEvent], *, thought: bool
    ) -> None:
        if not text and not signature:
            return
        last = self._parts[-1] if self._parts else None
        if (
            not isinstance(last, _Text)
            or last.thought is not thought
            or last.signature is not None
            or signature is not None
        ):
            # What is signed stands alone: a signature covers the part that it came with.
            last = _Text(len(self._parts), signature, thought=thought)
            self._parts.append(last)
        if text:
            last.said.add(text)
            kind = ReasoningDelta if thought else TextDelta
            out.append(kind(index=last.place, text=text))

    def _take_call(
        self, call: events.FunctionCall, signature: str | None, out: list[ModelEvent]
    ) -> None:
        place = len(self._parts)
        call_id = call.id or (
            f"{OWN_ID}{self._response_id}-{place}" if self._response_id else new_id("gemini-call")
        )
        arguments = call.args or {}
        part = ToolCallPart(
            id=call_id, name=call.name, arguments=arguments, provider=_signed(signature)
        )
        self._parts.append(part)
        out.append(ToolCallStarted(index=place, call_id=call_id, name=call.name))
        text = to_json(arguments).decode()
        out.append(ToolCallDelta(index=place, call_id=call_id, text=text))

    def _take_usage(self, report: events.UsageReport | None) -> None:
        if report is None:
            return
        for name in report.__struct_fields__:
            value = getattr(report, name)
            if value is not None:
                setattr(self._usage, name, value)

    def _stop(self, parts: list[AnyPart]) -> StopReason:
        if self._finish is None:
            return "content_filter"
        stop = _STOPS.get(self._finish, "stop")
        if stop == "stop" and any(isinstance(part, ToolCallPart) for part in parts):
            return "tool_calls"
        return stop

    def _consumed(self) -> Usage:
        report = self._usage
        thoughts = report.thoughts_token_count or 0
        prompt, tools = report.prompt_token_count or 0, report.tool_use_prompt_token_count or 0
        return Usage(
            requests=1,
            input_tokens=prompt + tools,
            output_tokens=(report.candidates_token_count or 0) + thoughts,
            cached_tokens=report.cached_content_token_count or 0,
            reasoning_tokens=thoughts,
            cost=None,
        )


def _signed(signature: str | None) -> dict[str, Any] | None:
    return {FORMAT: {"thoughtSignature": signature}} if signature else None


def _media(blob: events.Blob, signature: str | None) -> AnyPart:
    kind = blob.mime_type.partition("/")[0]
    part = {"image": ImagePart, "audio": AudioPart}.get(kind, FilePart)
    return part(media_type=blob.mime_type, data=blob.data, provider=_signed(signature))
