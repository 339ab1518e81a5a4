"""A client's request for a chat completion, in our words. Called by the server."""

from __future__ import annotations

import json
from typing import Any, Literal, cast

from pydantic import JsonValue

from muxi.core.errors import InvalidInput
from muxi.core.messages import (
    AnyPart,
    AudioPart,
    ImagePart,
    RefusalPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from muxi.core.requests import ModelSettings, NamedTool, OutputSchema, ToolChoice, ToolSpec
from muxi.core.terms import Terms
from muxi.wire.chat_completions.body import (
    AllowedChoice,
    AssistantMessage,
    AudioContent,
    ChatRequest,
    Effort,
    Format,
    FunctionChoice,
    FunctionTool,
    ImageContent,
    Instruction,
    RefusalContent,
    SchemaFormat,
    TextContent,
    ToolMessage,
    UserContent,
)
from muxi.wire.conversation import Conversation
from muxi.wire.inline import attached, decoded, linked

_EFFORTS: dict[Effort, Literal["off", "low", "medium", "high"]] = {
    "none": "off",
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}


def conversation_of(body: ChatRequest) -> Conversation:
    """The messages of a request.

    Raises:
        InvalidInput: They make no conversation that somebody could answer.
    """
    conversation = Conversation()
    for number, message in enumerate(body.messages):
        where = f"messages.{number}"
        if isinstance(message, Instruction):
            conversation.instructions.append(_text(message.content))
        elif isinstance(message, AssistantMessage):
            conversation.say("assistant", _answered(message), where=where)
        elif isinstance(message, ToolMessage):
            content = [TextPart(text=_text(message.content))]
            result = ToolResultPart(call_id=message.tool_call_id, name="", content=[*content])
            conversation.answer(result, where=where)
        else:
            conversation.say("user", _said(message.content, where), where=where)
    conversation.close("messages")
    return conversation


def terms_of(body: ChatRequest, conversation: Conversation) -> Terms:
    """What is asked of the run beside the conversation.

    Raises:
        pydantic.ValidationError: Nobody could keep to it.
    """
    tools, choice = _offered(body)
    return Terms(
        instructions="\n\n".join(conversation.instructions),
        tools=tuple(map(_tool, tools)),
        tool_choice=choice,
        output=None if body.response_format is None else output_of(body.response_format),
        settings=_settings(body),
        # The client holds the conversation, and stores nothing here unless it says so.
        passing=not body.store,
        kept=_labels(body),
    )


def effort_of(effort: Effort | None) -> Literal["off", "low", "medium", "high"] | None:
    """How much a model is to think."""
    return None if effort is None else _EFFORTS[effort]


def output_of(wanted: Format) -> OutputSchema | None:
    """The shape that the answer is to have; None for text."""
    if isinstance(wanted, SchemaFormat):
        shape = wanted.json_schema
        return OutputSchema(
            name=shape.name,
            json_schema=shape.schema_,
            strict=bool(shape.strict),
            description=shape.description,
        )
    if wanted.type == "json_object":
        return OutputSchema(name="object", json_schema={"type": "object"}, strict=False)
    return None


def call_of(id: str, name: str, arguments: str) -> ToolCallPart:
    """A call as a model has made it, whose arguments may be anything."""
    try:
        value: Any = json.loads(arguments) if arguments.strip() else {}
    except ValueError:
        value = None
    if not isinstance(value, dict):
        return ToolCallPart(id=id, name=name, malformed=arguments)
    return ToolCallPart(id=id, name=name, arguments=cast("dict[str, Any]", value))


def _settings(body: ChatRequest) -> ModelSettings:
    stop = (body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ())
    return ModelSettings(
        temperature=body.temperature,
        top_p=body.top_p,
        max_tokens=body.max_completion_tokens or body.max_tokens,
        stop=stop,
        seed=body.seed,
        reasoning=effort_of(body.reasoning_effort),
        parallel_tool_calls=body.parallel_tool_calls,
    )


def _offered(body: ChatRequest) -> tuple[list[FunctionTool], ToolChoice]:
    tools, choice = list(body.tools or ()), body.tool_choice
    if choice == "required" and not tools:
        raise InvalidInput("A call is required, and there are no `tools`.", param="tool_choice")
    if isinstance(choice, FunctionChoice):
        return tools, NamedTool(name=choice.function.name)
    if isinstance(choice, AllowedChoice):
        allowed = {tool.function.name for tool in choice.allowed_tools.tools}
        return [tool for tool in tools if tool.function.name in allowed], choice.allowed_tools.mode
    return tools, choice or "auto"


def _tool(tool: FunctionTool) -> ToolSpec:
    function = tool.function
    spec = ToolSpec(
        name=function.name,
        description=function.description or "",
        strict=bool(function.strict),
    )
    if function.parameters:
        spec.parameters = function.parameters
    return spec


def _labels(body: ChatRequest) -> dict[str, JsonValue]:
    labels: dict[str, JsonValue] = {}
    if body.metadata:
        labels["metadata"] = {**body.metadata}
    user = body.safety_identifier or body.user
    if user is not None:
        labels["user"] = user
    return labels


def _answered(message: AssistantMessage) -> list[AnyPart]:
    parts: list[AnyPart] = []
    if isinstance(message.content, str):
        parts.append(TextPart(text=message.content))
    for part in message.content if isinstance(message.content, list) else ():
        if isinstance(part, RefusalContent):
            parts.append(RefusalPart(text=part.refusal))
        else:
            parts.append(TextPart(text=part.text))
    if message.refusal:
        parts.append(RefusalPart(text=message.refusal))
    parts = [part for part in parts if getattr(part, "text", "")]
    for call in message.tool_calls or ():
        parts.append(call_of(call.id, call.function.name, call.function.arguments))
    return parts


def _said(content: str | list[UserContent], where: str) -> list[AnyPart]:
    if isinstance(content, str):
        return [TextPart(text=content)] if content else []
    return [_part(part, f"{where}.content.{number}") for number, part in enumerate(content)]


def _part(part: UserContent, where: str) -> AnyPart:
    if isinstance(part, TextContent):
        return TextPart(text=part.text)
    if isinstance(part, ImageContent):
        return linked(ImagePart, part.image_url.url, where=where, otherwise="image/*")
    if isinstance(part, AudioContent):
        audio = part.input_audio
        media_type = "audio/wav" if audio.format == "wav" else "audio/mpeg"
        return AudioPart(media_type=media_type, data=decoded(audio.data, where=where))
    file = part.file
    return attached(  # pyright: ignore[reportReturnType] -- every kind of media is a part
        id=file.file_id, data=file.file_data, name=file.filename, where=where
    )


def _text(content: str | list[TextContent]) -> str:
    return content if isinstance(content, str) else "\n".join(part.text for part in content)
