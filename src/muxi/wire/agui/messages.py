"""Messages of a thread as AG-UI messages, and those of a front end as ours. Used by the door."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from typing import Any

from muxi.core.messages import (
    AnyPart,
    AudioPart,
    ImagePart,
    MediaPart,
    Message,
    Part,
    ReasoningPart,
    RefusalPart,
    TextPart,
    ToolCallPart,
    ToolContent,
    ToolResultPart,
)
from muxi.core.threads import CLIENT_ID
from muxi.wire.agui.request import AgUiMessage, parts_of
from muxi.wire.encoded import to_json
from muxi.wire.media import shown_at
from muxi.wire.reading import read_arguments


def result_id(call_id: str) -> str:
    """The id of the message that a result becomes."""
    return f"{call_id}:result"


def snapshot_of(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The messages of a thread as a front end keeps them."""
    told: list[dict[str, Any]] = []
    for message in messages:
        if message.role == "assistant":
            told.extend(_answer(message))
        elif message.role == "tool":
            told.extend(_results(message.parts))
        elif message.role == "user":
            told.append(
                {"id": id_of(message), "role": "user", "content": _user_content(message.parts)}
            )
        else:
            told.append({"id": id_of(message), "role": "system", "content": message.text})
    return told


def id_of(message: Message) -> str:
    """The id by which the front end knows a message: its own, if it has sent it."""
    theirs = message.metadata.get(CLIENT_ID)
    return theirs if isinstance(theirs, str) else message.id


def content_of(content: Sequence[ToolContent]) -> str | list[dict[str, Any]]:
    """The content of a result: a text, or parts if it has anything else."""
    if all(isinstance(part, TextPart) for part in content):
        return "\n".join(part.text for part in content if isinstance(part, TextPart))
    return _parts(content)


def media_of(part: MediaPart) -> dict[str, Any]:
    """An image, sound or file as a part."""
    kind = "document"
    if isinstance(part, ImagePart):
        kind = "image"
    elif isinstance(part, AudioPart):
        kind = "audio"
    elif part.media_type.startswith("video/"):
        kind = "video"
    return {"type": kind, "source": _source(part)}


def history_of(messages: Iterable[AgUiMessage]) -> list[Message]:
    """A conversation that the front end holds and no thread does, as our messages.

    Raises:
        InvalidInput: A part of it cannot be read.
    """
    told: list[Message] = []
    names: dict[str, str] = {}
    for message in messages:
        if message.role == "tool":
            _add_result(told, message, names)
        elif message.role in ("user", "assistant"):
            parts = parts_of(message.content)
            for call in message.tool_calls:
                names[call.id] = call.function.name
                arguments, malformed = read_arguments(call.function.arguments)
                part = ToolCallPart(id=call.id, name=call.function.name, arguments=arguments)
                part.malformed = malformed
                parts.append(part)
            if parts:
                role = "user" if message.role == "user" else "assistant"
                told.append(Message(role=role, parts=parts, metadata={CLIENT_ID: message.id}))
    return told


def result_of(message: AgUiMessage, name: str) -> ToolResultPart:
    """What the front end says came of a call."""
    content = [part for part in parts_of(message.content) if not isinstance(part, ToolCallPart)]
    if message.error:
        content.append(TextPart(text=message.error))
    return ToolResultPart.model_validate(
        {
            "call_id": message.tool_call_id or "",
            "name": name,
            "content": content,
            "outcome": "error" if message.error else "ok",
        }
    )


def _add_result(told: list[Message], message: AgUiMessage, names: dict[str, str]) -> None:
    name = names.get(message.tool_call_id or "")
    if name is None:
        return
    part = result_of(message, name)
    if told and told[-1].role == "tool":
        told[-1].parts.append(part)
    else:
        told.append(Message(role="tool", parts=[part]))


def _answer(message: Message) -> Iterable[dict[str, Any]]:
    for index, part in enumerate(message.parts):
        if isinstance(part, ReasoningPart) and part.text:
            yield {"id": f"{message.id}:{index}", "role": "reasoning", "content": part.text}
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {
                "name": call.name,
                "arguments": call.malformed or to_json(call.arguments).decode(),
            },
        }
        for call in message.tool_calls
    ]
    text = "".join(p.text for p in message.parts if isinstance(p, TextPart | RefusalPart))
    told: dict[str, Any] = {"id": id_of(message), "role": "assistant"}
    if text:
        told["content"] = text
    if calls:
        told["toolCalls"] = calls
    if text or calls:
        yield told


def _results(parts: Sequence[AnyPart]) -> Iterable[dict[str, Any]]:
    for part in parts:
        if isinstance(part, ToolResultPart):
            told: dict[str, Any] = {
                "id": result_id(part.call_id),
                "role": "tool",
                "toolCallId": part.call_id,
                "content": content_of(part.content),
            }
            if part.outcome != "ok":
                told["error"] = part.text or part.outcome
            yield told


def _user_content(parts: Sequence[AnyPart]) -> str | list[dict[str, Any]]:
    if all(isinstance(part, TextPart) for part in parts):
        return "".join(part.text for part in parts if isinstance(part, TextPart))
    return _parts(parts)


def _parts(parts: Sequence[Part]) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    for part in parts:
        if isinstance(part, TextPart):
            told.append({"type": "text", "text": part.text})
        elif isinstance(part, MediaPart):
            told.append(media_of(part))
    return told


def _source(part: MediaPart) -> dict[str, Any]:
    if part.data is not None:
        value = b64encode(part.data).decode()
        return {"type": "data", "value": value, "mimeType": part.media_type}
    return {"type": "url", "value": shown_at(part), "mimeType": part.media_type}
