"""Messages of a thread as UI messages, and those of a front end as ours. Used by the door.

A run is one UI message of the assistant, under the id of the run: its answers are steps of it and
the results of its calls lie in the parts of the calls.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

from muxi.core.errors import InvalidInput
from muxi.core.events import Approval, ApprovalDecision
from muxi.core.messages import (
    AnyPart,
    AudioPart,
    FilePart,
    ImagePart,
    MediaPart,
    Message,
    ReasoningPart,
    RefusalPart,
    TextPart,
    ToolCallPart,
    ToolContent,
    ToolResultPart,
)
from muxi.core.threads import CLIENT_ID
from muxi.wire.aisdk.request import TOOL, UiMessage, UiPart
from muxi.wire.encoded import to_json
from muxi.wire.json_text import read_json
from muxi.wire.media import shown_at

_BLOBS = "/api/blobs/"
_SENT = re.compile(r"/api/files/([^/?#]+)/content")
_KINDS: dict[str, type[ImagePart | AudioPart]] = {"image": ImagePart, "audio": AudioPart}


def output_of(content: Sequence[ToolContent]) -> Any:
    """The output of a call: JSON if the tool gave an object or a list as its text, else the text;
    a list of parts if it gave anything else."""
    if all(isinstance(part, TextPart) for part in content):
        text = "\n".join(part.text for part in content if isinstance(part, TextPart))
        return _json(text)
    told: list[Any] = []
    for part in content:
        if isinstance(part, TextPart):
            told.append({"type": "text", "text": part.text})
        elif isinstance(part, MediaPart):
            told.append(file_of(part))
    return told


def file_of(part: MediaPart) -> dict[str, Any]:
    """An image, sound or file as a part of a message."""
    told = {"type": "file", "mediaType": part.media_type, "url": shown_at(part)}
    return told if part.name is None else {**told, "filename": part.name}


def input_of(message: UiMessage) -> list[AnyPart]:
    """What a person says: texts and files.

    Raises:
        InvalidInput: A file cannot be read.
    """
    parts: list[AnyPart] = []
    for part in message.parts:
        if part.type == "text" and part.text:
            parts.append(TextPart(text=part.text))
        elif part.type == "file":
            parts.append(_file(part))
    return parts


def history_of(messages: Iterable[UiMessage]) -> list[Message]:
    """A conversation that the front end holds and no thread does, as our messages.

    Raises:
        InvalidInput: A file in it cannot be read.
    """
    told: list[Message] = []
    for message in messages:
        metadata: dict[str, Any] = {CLIENT_ID: message.id}
        if message.role == "user":
            parts = input_of(message)
            if parts:
                told.append(Message(role="user", parts=parts, metadata=metadata))
        elif message.role == "assistant":
            for answer in _steps(message):
                told.extend(_answer(answer, metadata))
    return told


def result_of(part: UiPart) -> ToolResultPart | None:
    """What the front end says came of a call; None if it says nothing of it."""
    if part.state == "output-available":
        text = part.output if isinstance(part.output, str) else _text(part.output)
        outcome = "ok"
    elif part.state == "output-error":
        text, outcome = part.error_text or "The call failed at the front end.", "error"
    else:
        return None
    return ToolResultPart.model_validate(
        {
            "call_id": part.tool_call_id or "",
            "name": part.tool or "",
            "content": [TextPart(text=text)],
            "outcome": outcome,
        }
    )


def decision_of(part: UiPart, approval: Approval) -> ApprovalDecision | None:
    """What a person says in a part to a question about its call; None if nothing."""
    said = part.approval
    if approval.question is None:
        if said is None or said.id != approval.id or said.approved is None:
            return None
        kind = "approve" if said.approved else "deny"
        return ApprovalDecision(decision=kind, reason=said.reason or None)
    if part.state == "output-available":
        return ApprovalDecision(decision="answer", answer=part.output)
    if part.state == "output-error":
        return ApprovalDecision(decision="deny", reason=part.error_text)
    return None


def ui_messages(
    messages: Sequence[Message], asked: Sequence[Approval] = ()
) -> list[dict[str, Any]]:
    """The messages of a thread as a front end keeps them; `asked` is what its run waits for."""
    told: list[dict[str, Any]] = []
    calls: dict[str, dict[str, Any]] = {}
    for message in messages:
        if message.role == "user":
            theirs = message.metadata.get(CLIENT_ID)
            own = theirs if isinstance(theirs, str) else message.id
            told.append({"id": own, "role": "user", "parts": _said(message.parts)})
        elif message.role == "assistant":
            answer = _continued(told, message)
            answer["parts"].append({"type": "step-start"})
            answer["parts"].extend(_given(message.parts, calls))
        elif message.role == "tool":
            for part in message.parts:
                if isinstance(part, ToolResultPart) and part.call_id in calls:
                    calls[part.call_id].update(_outcome(part))
    for approval in asked:
        if approval.question is None and approval.call_id in calls:
            state = {"id": approval.id, "requestReason": approval.reason}
            calls[approval.call_id].update(state="approval-requested", approval=state)
    return told


def _continued(told: list[dict[str, Any]], message: Message) -> dict[str, Any]:
    """The UI message that `message` belongs to: that of its run."""
    theirs = message.metadata.get(CLIENT_ID)
    own = message.run_id or (theirs if isinstance(theirs, str) else message.id)
    if not told or told[-1]["id"] != own:
        told.append({"id": own, "role": "assistant", "parts": []})
    return told[-1]


def _said(parts: Sequence[AnyPart]) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    for part in parts:
        if isinstance(part, TextPart):
            told.append({"type": "text", "text": part.text})
        elif isinstance(part, MediaPart):
            told.append(file_of(part))
    return told


def _given(parts: Sequence[AnyPart], calls: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    for part in parts:
        if isinstance(part, TextPart | RefusalPart) and part.text:
            told.append({"type": "text", "text": part.text, "state": "done"})
        elif isinstance(part, ReasoningPart) and part.text:
            told.append({"type": "reasoning", "text": part.text, "state": "done"})
        elif isinstance(part, MediaPart):
            told.append(file_of(part))
        elif isinstance(part, ToolCallPart):
            call: dict[str, Any] = {
                "type": f"{TOOL}{part.name}",
                "toolCallId": part.id,
                "state": "input-available",
                "input": part.arguments if part.malformed is None else part.malformed,
            }
            calls[part.id] = call
            told.append(call)
    return told


def _outcome(part: ToolResultPart) -> dict[str, Any]:
    if part.outcome == "ok":
        return {"state": "output-available", "output": output_of(part.content)}
    return {"state": "output-error", "errorText": part.text or part.outcome}


def _steps(message: UiMessage) -> Iterable[list[UiPart]]:
    """The parts of an answer, step by step."""
    step: list[UiPart] = []
    for part in message.parts:
        if part.type == "step-start":
            if step:
                yield step
            step = []
        else:
            step.append(part)
    if step:
        yield step


def _answer(parts: Sequence[UiPart], metadata: dict[str, Any]) -> Iterable[Message]:
    said: list[AnyPart] = []
    results: list[AnyPart] = []
    for part in parts:
        if part.type == "text" and part.text:
            said.append(TextPart(text=part.text))
        elif part.type == "file":
            said.append(_file(part))
        elif part.tool and part.tool_call_id and (result := result_of(part)) is not None:
            arguments = part.input if isinstance(part.input, dict) else {}
            said.append(ToolCallPart(id=part.tool_call_id, name=part.tool, arguments=arguments))
            results.append(result)
    if said:
        yield Message(role="assistant", parts=said, metadata=metadata)
    if results:
        yield Message(role="tool", parts=results)


def _file(part: UiPart) -> AnyPart:
    if part.url is None or part.media_type is None:
        raise InvalidInput("A file in a message has no `url` or no `mediaType`.")
    kind = _KINDS.get(part.media_type.partition("/")[0], FilePart)
    media_type = part.media_type if "/" in part.media_type else f"{part.media_type}/*"
    if sent := _SENT.fullmatch(part.url):
        return kind(media_type=media_type, file_id=sent[1], name=part.filename)
    if part.url.startswith(_BLOBS):
        return kind(media_type=media_type, blob=part.url.removeprefix(_BLOBS), name=part.filename)
    if not part.url.startswith("data:"):
        return kind(media_type=media_type, url=part.url, name=part.filename)
    return kind(media_type=media_type, data=_data(part.url), name=part.filename)


def _data(url: str) -> bytes:
    """The bytes in a `data:` URL (RFC 2397)."""
    head, comma, body = url.removeprefix("data:").partition(",")
    if comma:
        raw = unquote_to_bytes(body)
        if not head.endswith(";base64"):
            return raw
        try:
            return b64decode(raw, validate=True)
        except ValueError:
            pass
    raise InvalidInput("A file in a message has a `data:` URL that cannot be read.")


def _json(text: str) -> Any:
    if not text.startswith(("{", "[")):
        return text
    try:
        return read_json(text)
    except ValueError:
        return text


def _text(value: Any) -> str:
    return to_json(value).decode()
