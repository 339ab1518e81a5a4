"""The messages of a thread as items, under the ids that answers have told. Called by the server.

The agent's own calls are items together with their results, as in an answer; calls of a client and
their results are items each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from muxi.core.forgetting import FORGOTTEN
from muxi.core.messages import (
    AnyPart,
    ImagePart,
    MediaPart,
    Message,
    ReasoningPart,
    RefusalPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from muxi.wire.encoded import to_json
from muxi.wire.media import shown_at
from muxi.wire.responses.output import SERVER, Item, digits, error_of

_SPOKEN = (TextPart, RefusalPart, MediaPart)
IsClients = Callable[[Message, str], bool]
"""Whether a tool of that name was the client's when a message was written."""


@dataclass(frozen=True, slots=True)
class Told:
    """An item, and where it is kept."""

    item: Item
    message: Message
    parts: Sequence[AnyPart]
    """The parts of the message of which it consists."""

    @property
    def id(self) -> str:
        """By what the client knows it."""
        return self.item["id"]


def told_of(messages: Sequence[Message], is_clients: IsClients) -> list[Told]:
    """The items of messages that follow one another; nothing of what was forgotten."""
    results = {part.call_id: part for message in messages for part in _results(message)}
    return [
        told
        for message in messages
        if FORGOTTEN not in message.metadata
        for told in _told(message, is_clients, results)
    ]


def exchange_of(told: Told, messages: Sequence[Message]) -> list[str]:
    """The ids of the messages that stand or fall with an item: its own, and those that hold the
    calls of its results or the results of its calls."""
    calls = {
        part.id if isinstance(part, ToolCallPart) else part.call_id
        for part in told.message.parts
        if isinstance(part, ToolCallPart | ToolResultPart)
    }
    return [
        message.id
        for message in messages
        if message.id == told.message.id
        or any(part.call_id in calls for part in _results(message))
        or any(call.id in calls for call in message.tool_calls)
    ]


def _told(
    message: Message, is_clients: IsClients, results: dict[str, ToolResultPart]
) -> Iterator[Told]:
    for index, part in enumerate(message.parts):
        if isinstance(part, ReasoningPart) and part.text:
            yield Told(_thought(message, index, part), message, [part])
    spoken = [part for part in message.parts if isinstance(part, _SPOKEN)]
    if spoken:
        yield Told(_message(message, spoken), message, spoken)
    for part in message.parts:
        if isinstance(part, ToolCallPart):
            known = is_clients(message, part.name)
            item = _call(part) if known else _own_call(part, results.get(part.id))
            yield Told(item, message, [part])
        elif isinstance(part, ToolResultPart) and is_clients(message, part.name):
            yield Told(_result(part), message, [part])


def _results(message: Message) -> Iterable[ToolResultPart]:
    return [part for part in message.parts if isinstance(part, ToolResultPart)]


def _message(message: Message, spoken: Iterable[AnyPart]) -> Item:
    whole = message.status == "complete" and message.stop_reason != "length"
    return {
        "type": "message",
        "id": message.id,
        "role": message.role,
        "status": "completed" if whole else "incomplete",
        "content": [_content(part, message.role) for part in spoken],
    }


def _content(part: AnyPart, role: str) -> Item:
    if isinstance(part, RefusalPart):
        return {"type": "refusal", "refusal": part.text}
    if isinstance(part, TextPart) and role == "assistant":
        return {"type": "output_text", "text": part.text, "annotations": [], "logprobs": []}
    if isinstance(part, ImagePart):
        return {"type": "input_image", "image_url": shown_at(part), "detail": "auto"}
    if isinstance(part, MediaPart):
        return {"type": "input_file", "file_url": shown_at(part), "filename": part.name}
    return {"type": "input_text", "text": getattr(part, "text", "")}


def _thought(message: Message, index: int, part: ReasoningPart) -> Item:
    return {
        "type": "reasoning",
        "id": f"rs_{digits(message.id)}_{index}",
        "summary": [],
        "content": [{"type": "reasoning_text", "text": part.text}],
        "encrypted_content": None,
        "status": "completed",
    }


def _call(part: ToolCallPart) -> Item:
    return {
        "type": "function_call",
        "id": f"fc_{digits(part.id)}",
        "call_id": part.id,
        "name": part.name,
        "arguments": _arguments(part),
        "status": "completed",
    }


def _result(part: ToolResultPart) -> Item:
    return {
        "type": "function_call_output",
        "id": f"fco_{digits(part.call_id)}",
        "call_id": part.call_id,
        "output": part.text,
        "status": "completed",
    }


def _own_call(part: ToolCallPart, result: ToolResultPart | None) -> Item:
    good = result is not None and result.outcome == "ok"
    return {
        "type": "mcp_call",
        "id": f"mcp_{part.id}",
        "server_label": SERVER,
        "name": part.name,
        "arguments": _arguments(part),
        "output": result.text if result is not None and good else None,
        "error": None if result is None or good else error_of(result),
        "status": "in_progress" if result is None else "completed" if good else "failed",
        "approval_request_id": None,
    }


def _arguments(part: ToolCallPart) -> str:
    return part.malformed or to_json(part.arguments).decode()
