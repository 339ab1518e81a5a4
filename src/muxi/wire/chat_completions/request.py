"""Our questions as chat completions. Called by `models.chat_completions`.

What does not change between two turns of a conversation is encoded once. Nothing here loads a
blob: media must hold their bytes or an address.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from muxi.core.messages import (
    AnyPart,
    AudioPart,
    FilePart,
    ImagePart,
    KeptPart,
    MediaPart,
    Message,
    ReasoningPart,
    RefusalPart,
    Role,
    TextPart,
    ToolCallPart,
    ToolContent,
    ToolResultPart,
)
from muxi.core.once import Once
from muxi.core.requests import ModelRequest, ModelSettings, NamedTool, OutputSchema, ToolSpec
from muxi.wire.chat_completions.quirks import Quirks
from muxi.wire.encoded import to_json
from muxi.wire.media import address, encoded, file_name, note
from muxi.wire.merged_schema import offered
from muxi.wire.strict_schema import strict_form

FORMAT = "chat_completions"
"""Key of this format in `Part.provider`."""

_AUDIO = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/mpeg": "mp3", "audio/mp3": "mp3"}
MEDIA = (
    *("image/png", "image/jpeg", "image/gif", "image/webp"),
    *(*_AUDIO, "application/pdf"),
)
"""Media types that have a part of their own."""
_MARK = {"type": "ephemeral"}


class _Written(NamedTuple):
    """One of our messages, as none, one or several of theirs, joined by commas."""

    body: bytes
    after_results: bytes = b""
    """A message that must wait until all results of the calls before it are given."""
    is_results: bool = False
    """Whether it is results of calls."""


class RequestEncoder:
    """Writes requests for one model. Keeps what it wrote of messages and tools that live on.

    Args:
        model: The provider's name of the model.
        quirks: The provider's dialect.
    """

    def __init__(self, model: str, quirks: Quirks) -> None:
        self._model = model
        self._quirks = quirks
        self._marks = quirks.cache_marks != () and model.startswith(quirks.cache_marks)
        self._message = Once(partial(_write, quirks))
        self._tool = Once(partial(_tool, quirks))

    def encode(self, request: ModelRequest) -> bytes:
        """`request` as the body of a POST that asks for a stream.

        Raises:
            InvalidInput: A part refers to a blob that nobody loaded.
        """
        quirks, settings = self._quirks, request.settings
        body: dict[str, Any] = {
            "model": self._model,
            "messages": self._messages(request),
            "stream": True,
        }
        if quirks.stream_usage:
            body["stream_options"] = {"include_usage": True}
        tools = request.tools
        if tools:
            body.update(_choice(request, quirks))
            named = request.tool_choice
            if isinstance(named, NamedTool) and not quirks.tool_named:
                tools = tuple(tool for tool in tools if tool.name == named.name)
            body["tools"] = msgspec.Raw(b"[%b]" % b",".join(self._tool.each(tools)))
        if request.output is not None and quirks.output != "instructions":
            body["response_format"] = _response_format(request.output, quirks)
        body.update(_sampling(settings, quirks))
        body.update(settings.extra)
        return to_json(body)

    def _messages(self, request: ModelRequest) -> msgspec.Raw:
        pieces: list[bytes] = []
        instructions = _instructions(request, self._quirks)
        marks = self._marks and request.settings.cache_prompt
        if instructions:
            content: Any = instructions
            if marks:
                content = [{"type": "text", "text": instructions, "cache_control": _MARK}]
            pieces.append(to_json({"role": "system", "content": content}))
        waiting = b""
        for body, after, is_results in self._message.each(request.messages):
            if waiting and not is_results:
                pieces.append(waiting)
                waiting = b""
            if body:
                pieces.append(body)
            if after:
                waiting = b"%b,%b" % (waiting, after) if waiting else after
        if marks and request.messages and request.messages[-1].role == "user":
            pieces[-1] = _marked(request.messages[-1], self._quirks)
        if waiting:
            pieces.append(waiting)
        return msgspec.Raw(b"[%b]" % b",".join(pieces))


def by_id(role: Role, part: MediaPart) -> bool:
    """Whether the format can name `part` by the id under which the provider keeps it."""
    pdf = isinstance(part, FilePart) and part.media_type == "application/pdf"
    return pdf and role != "assistant"


def _write(quirks: Quirks, message: Message) -> _Written:
    if message.role == "assistant":
        return _Written(_assistant(message, quirks))
    if message.role == "tool":
        return _results(message, quirks)
    return _Written(to_json({"role": message.role, "content": _content(message.parts, quirks)}))


def _content(parts: Sequence[AnyPart | ToolContent], quirks: Quirks) -> str | list[dict[str, Any]]:
    if len(parts) == 1 and isinstance(parts[0], TextPart):
        return parts[0].text
    content: list[dict[str, Any]] = []
    for part in parts:
        if isinstance(part, TextPart | RefusalPart):
            content.append({"type": "text", "text": part.text})
        elif isinstance(part, ImagePart):
            content.append({"type": "image_url", "image_url": {"url": address(part)}})
        elif isinstance(part, AudioPart):
            content.append(_audio(part))
        elif isinstance(part, FilePart):
            content.append(_file(part, quirks))
        elif isinstance(part, KeptPart):
            content.append({"type": "file", "file": {"file_id": part.id}})
    return content


def _audio(part: AudioPart) -> dict[str, Any]:
    kind = _AUDIO.get(part.media_type)
    if kind is None or part.url is not None:
        return {"type": "text", "text": note(part)}
    return {"type": "input_audio", "input_audio": {"data": encoded(part), "format": kind}}


def _file(part: FilePart, quirks: Quirks) -> dict[str, Any]:
    kind = part.media_type
    if part.data is not None and (kind.startswith("text/") or kind == "application/json"):
        text = part.data.decode("utf-8", "replace")
        return {"type": "text", "text": f"File {part.name}:\n{text}" if part.name else text}
    if part.url is not None and not quirks.file_urls:
        return {"type": "text", "text": note(part)}
    return {"type": "file", "file": {"filename": file_name(part), "file_data": address(part)}}


def _assistant(message: Message, quirks: Quirks) -> bytes:
    text = "".join(part.text for part in message.parts if isinstance(part, TextPart | RefusalPart))
    calls = [_call(part, quirks) for part in message.tool_calls]
    if not text and not calls:
        return b""
    # Some servers refuse an assistant without content, others one whose content is empty.
    out: dict[str, Any] = {"role": "assistant", "content": text or None}
    out.update(_replayed(message, text, quirks, with_calls=bool(calls)))
    if calls:
        out["tool_calls"] = calls
    return to_json(out)


def _replayed(message: Message, text: str, quirks: Quirks, *, with_calls: bool) -> dict[str, Any]:
    """The reasoning of an earlier answer in the form in which the provider wants it back."""
    if quirks.replay == "none":
        return {}
    ours = [part for part in message.parts if isinstance(part, ReasoningPart)]
    own = [part for part in ours if part.provider and FORMAT in part.provider]
    thoughts = "".join(part.text for part in own)
    if quirks.replay == "chunks":
        if not thoughts:
            return {}
        thinking = {"type": "thinking", "thinking": [{"type": "text", "text": thoughts}]}
        return {"content": [thinking, *([{"type": "text", "text": text}] if text else [])]}
    if quirks.replay == "reasoning_details":
        details: list[Any] = []
        for part in own:
            details.extend(_kept(part).get("reasoning_details") or ())
        return {"reasoning_details": details} if details else {}
    # Where thoughts are demanded, an empty one must stand for none beside a call.
    return {quirks.replay: thoughts} if thoughts or with_calls else {}


def _kept(part: ReasoningPart | ToolCallPart) -> dict[str, Any]:
    kept = (part.provider or {}).get(FORMAT)
    return kept if isinstance(kept, dict) else {}


def _call(part: ToolCallPart, quirks: Quirks) -> dict[str, Any]:
    arguments = to_json(part.arguments).decode() if part.malformed is None else part.malformed
    call: dict[str, Any] = {
        "id": _call_id(part.id, quirks),
        "type": "function",
        "function": {"name": part.name, "arguments": arguments},
    }
    call.update(_kept(part))
    return call


def _call_id(call_id: str, quirks: Quirks) -> str:
    if not quirks.short_call_ids or (len(call_id) == 9 and call_id.isascii() and call_id.isalnum()):
        return call_id
    return sha256(call_id.encode("utf-8", "replace")).hexdigest()[:9]


def _results(message: Message, quirks: Quirks) -> _Written:
    answers: list[bytes] = []
    media: list[dict[str, Any]] = []
    for part in message.parts:
        if not isinstance(part, ToolResultPart):
            continue
        attached = [item for item in part.content if isinstance(item, MediaPart)]
        text = part.text
        if attached:
            # Tools answer in text only here; a message of the user brings the rest.
            media.append({"type": "text", "text": f"Attached to the result of {part.name}:"})
            content = _content(attached, quirks)
            media.extend(content if isinstance(content, list) else [])
            text = text or "The result is attached to the next message."
        answers.append(
            to_json(
                {
                    "role": "tool",
                    "tool_call_id": _call_id(part.call_id, quirks),
                    "content": text,
                }
            )
        )
    after = to_json({"role": "user", "content": media}) if media else b""
    return _Written(b",".join(answers), after, is_results=True)


def _marked(message: Message, quirks: Quirks) -> bytes:
    content = _content(message.parts, quirks)
    if isinstance(content, str):
        content = list[dict[str, Any]]([{"type": "text", "text": content}])
    if content:
        content[-1] = {**content[-1], "cache_control": _MARK}
    return to_json({"role": "user", "content": content})


def _instructions(request: ModelRequest, quirks: Quirks) -> str:
    if request.output is None or quirks.output == "json_schema":
        return request.instructions
    schema = to_json(request.output.json_schema).decode()
    demand = f"Answer with one JSON object and nothing else. It must fit this JSON Schema: {schema}"
    return f"{request.instructions}\n\n{demand}" if request.instructions else demand


def _tool(quirks: Quirks, tool: ToolSpec) -> bytes:
    function: dict[str, Any] = {"name": tool.name, "parameters": offered(tool.parameters)}
    if tool.description:
        function["description"] = tool.description
    if quirks.strict_tools and tool.strict:
        strict = strict_form(tool.parameters, may_require=False)
        if strict is not None:
            function["parameters"] = strict
            function["strict"] = True
    return to_json({"type": "function", "function": function})


def _choice(request: ModelRequest, quirks: Quirks) -> dict[str, Any]:
    out: dict[str, Any] = {}
    choice, parallel = request.tool_choice, request.settings.parallel_tool_calls
    if isinstance(choice, NamedTool):
        named = {"type": "function", "function": {"name": choice.name}}
        out["tool_choice"] = named if quirks.tool_named else quirks.tool_required
    elif choice == "required":
        out["tool_choice"] = quirks.tool_required
    elif choice == "none":
        out["tool_choice"] = "none"
    if parallel is not None and quirks.parallel_tools:
        out["parallel_tool_calls"] = parallel
    return out


def _response_format(output: OutputSchema, quirks: Quirks) -> dict[str, Any]:
    if quirks.output == "json_object":
        return {"type": "json_object"}
    strict = strict_form(output.json_schema, may_require=True) if output.strict else None
    schema: dict[str, Any] = {
        "name": output.name,
        "schema": output.json_schema if strict is None else strict,
        "strict": strict is not None,
    }
    if output.description:
        schema["description"] = output.description
    return {"type": "json_schema", "json_schema": schema}


def _sampling(settings: ModelSettings, quirks: Quirks) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if settings.temperature is not None:
        out["temperature"] = settings.temperature
    if settings.top_p is not None:
        out["top_p"] = settings.top_p
    if settings.max_tokens is not None:
        out[quirks.max_tokens] = settings.max_tokens
    if settings.stop:
        out["stop"] = settings.stop
    if settings.seed is not None and quirks.seed is not None:
        out[quirks.seed] = settings.seed
    if settings.reasoning is not None:
        out.update(_effort(settings.reasoning, quirks))
    return out


def _effort(wish: str | int, quirks: Quirks) -> dict[str, Any]:
    if quirks.reasoning == "object":
        if isinstance(wish, int):
            return {"reasoning": {"max_tokens": wish}}
        return {"reasoning": {"enabled": False} if wish == "off" else {"effort": wish}}
    if quirks.reasoning == "template":
        return {"chat_template_kwargs": {"enable_thinking": wish not in ("off", 0)}}
    if quirks.reasoning == "none":
        return {}
    level = _level(wish) if isinstance(wish, int) else wish
    if quirks.reasoning == "thinking":
        if level == "off":
            return {"thinking": {"type": "disabled"}}
        return {"thinking": {"type": "enabled"}, "reasoning_effort": level}
    if level == "off":
        return {} if quirks.reasoning_off is None else {"reasoning_effort": quirks.reasoning_off}
    return {"reasoning_effort": level}


def _level(budget: int) -> str:
    """The effort nearest to a budget in tokens, which this format cannot say."""
    if budget <= 0:
        return "off"
    return "low" if budget <= 4096 else "medium" if budget <= 16384 else "high"
