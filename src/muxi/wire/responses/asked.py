"""A client's request in the Responses format, in our words. Called by the server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

from pydantic import JsonValue

from muxi.core.errors import InvalidInput
from muxi.core.events import ApprovalDecision
from muxi.core.messages import (
    AnyPart,
    FilePart,
    ImagePart,
    MediaPart,
    Message,
    RefusalPart,
    TextPart,
    ToolResultPart,
)
from muxi.core.requests import ModelSettings, NamedTool, OutputSchema, ToolChoice, ToolSpec
from muxi.core.terms import Terms
from muxi.wire.chat_completions.asked import call_of, effort_of
from muxi.wire.conversation import Conversation
from muxi.wire.inline import attached, linked
from muxi.wire.responses.body import (
    AllowedChoice,
    ApprovalItem,
    CallItem,
    CompactionItem,
    Content,
    FunctionChoice,
    FunctionTool,
    InputFile,
    InputImage,
    InputText,
    Item,
    MessageItem,
    OutputRefusal,
    OutputText,
    ReferenceItem,
    ResponseRequest,
    ResultContent,
    ResultItem,
    SchemaFormat,
    TextSettings,
)
from muxi.wire.responses.compaction import told_by


def converse(
    conversation: Conversation,
    items: Sequence[Item],
    *,
    at: str = "input",
    referred: Mapping[str, Message] = MappingProxyType({}),
) -> None:
    """Add the items of a request to what was said before.

    Args:
        conversation: What was said before.
        items: What is added.
        at: Where in the request they are.
        referred: What references mean, by the ids of the items: messages of just those parts.

    Raises:
        InvalidInput: They make no conversation that somebody could answer.
    """
    for number, item in enumerate(items):
        where = f"{at}.{number}"
        if isinstance(item, MessageItem):
            parts = _said(item.content, where)
            if item.role in ("system", "developer"):
                conversation.instructions.append(_words(parts, where))
            else:
                conversation.say(item.role, parts, where=where)
        elif isinstance(item, CallItem):
            conversation.call([call_of(item.call_id, item.name, item.arguments)])
        elif isinstance(item, ResultItem):
            result = ToolResultPart(call_id=item.call_id, name="")
            result.content = [*_result(item.output, where)]
            conversation.answer(result, where=where)
        elif isinstance(item, CompactionItem):
            text = told_by(item.encrypted_content, where)
            conversation.say("user", [TextPart(text=text)], where=where)
        elif isinstance(item, ReferenceItem) and item.id in referred:
            _say_again(conversation, referred[item.id], where)
    conversation.close(at)


def _say_again(conversation: Conversation, said: Message, where: str) -> None:
    """Add what a reference means."""
    results = [part for part in said.parts if isinstance(part, ToolResultPart)]
    if said.tool_calls:
        conversation.call(said.tool_calls)
    for result in results:
        conversation.answer(result, where=where)
    if not (said.tool_calls or results):
        conversation.say(said.role, said.parts, where=where)


def decisions_of(items: Sequence[Item]) -> dict[str, ApprovalDecision]:
    """What the user says to calls that wait for leave, by the ids of the questions."""
    return {
        item.approval_request_id: ApprovalDecision(
            decision="approve" if item.approve else "deny", reason=item.reason
        )
        for item in items
        if isinstance(item, ApprovalItem)
    }


def terms_of(
    body: ResponseRequest, conversation: Conversation, kept: dict[str, JsonValue]
) -> Terms:
    """What is asked of the run beside the input.

    Raises:
        InvalidInput: A call is required, and there is nothing to call.
        pydantic.ValidationError: Nobody could keep to it.
    """
    tools, choice = _offered(body)
    said = [body.instructions or "", *conversation.instructions]
    return Terms(
        instructions="\n\n".join(filter(None, said)),
        tools=tuple(map(_tool, tools)),
        tool_choice=choice,
        output=None if body.text is None else _output(body.text),
        settings=ModelSettings(
            temperature=body.temperature,
            top_p=body.top_p,
            max_tokens=body.max_output_tokens,
            reasoning=effort_of(None if body.reasoning is None else body.reasoning.effort),
            parallel_tool_calls=body.parallel_tool_calls,
        ),
        kept=kept,
    )


def echo_of(body: ResponseRequest, settings: ModelSettings) -> dict[str, Any]:
    """What an answer repeats of its request; `settings` are those that the agent has itself."""
    text: dict[str, Any] = {"format": {"type": "text"}}
    if body.text is not None:
        text |= body.text.model_dump(mode="json", by_alias=True, exclude_none=True)
    choice = body.tool_choice
    temperature = settings.temperature if body.temperature is None else body.temperature
    top_p = settings.top_p if body.top_p is None else body.top_p
    return {
        "instructions": body.instructions,
        "tools": [_told(tool) for tool in body.tools or ()],
        "tool_choice": (
            choice.model_dump(mode="json")
            if isinstance(choice, FunctionChoice | AllowedChoice)
            else choice or "auto"
        ),
        "truncation": "auto",
        "parallel_tool_calls": body.parallel_tool_calls is not False,
        "text": text,
        "top_p": 1.0 if top_p is None else top_p,
        "temperature": 1.0 if temperature is None else temperature,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "top_logprobs": 0,
        "reasoning": (
            None
            if body.reasoning is None
            else {"effort": body.reasoning.effort, "summary": body.reasoning.summary}
        ),
        "user": body.user,
        "max_output_tokens": body.max_output_tokens,
        "max_tool_calls": body.max_tool_calls,
        "store": body.store is not False,
        "background": bool(body.background),
        "service_tier": "default",
        "metadata": body.metadata or {},
        "safety_identifier": body.safety_identifier,
        "prompt_cache_key": body.prompt_cache_key,
    }


def _offered(body: ResponseRequest) -> tuple[list[FunctionTool], ToolChoice]:
    tools, choice = list(body.tools or ()), body.tool_choice
    if choice == "required" and not tools:
        raise InvalidInput("A call is required, and there are no `tools`.", param="tool_choice")
    if isinstance(choice, FunctionChoice):
        return tools, NamedTool(name=choice.name)
    if isinstance(choice, AllowedChoice):
        allowed = {tool.name for tool in choice.tools}
        return [tool for tool in tools if tool.name in allowed], choice.mode
    return tools, choice or "auto"


def _tool(tool: FunctionTool) -> ToolSpec:
    spec = ToolSpec(
        name=tool.name,
        description=tool.description or "",
        strict=tool.strict is not False,
    )
    if tool.parameters:
        spec.parameters = tool.parameters
    return spec


def _told(tool: FunctionTool) -> dict[str, Any]:
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
        "strict": tool.strict is not False,
    }


def _output(text: TextSettings) -> OutputSchema | None:
    shape = text.format
    if isinstance(shape, SchemaFormat):
        return OutputSchema(
            name=shape.name,
            json_schema=shape.schema_,
            strict=bool(shape.strict),
            description=shape.description,
        )
    if shape is not None and shape.type == "json_object":
        return OutputSchema(name="object", json_schema={"type": "object"}, strict=False)
    return None


def _said(content: str | list[Content], where: str) -> list[AnyPart]:
    if isinstance(content, str):
        return [TextPart(text=content)] if content else []
    parts: list[AnyPart] = []
    for number, part in enumerate(content):
        place = f"{where}.content.{number}"
        if isinstance(part, OutputRefusal):
            parts.append(RefusalPart(text=part.refusal))
        elif isinstance(part, InputText | OutputText):
            parts.append(TextPart(text=part.text))
        else:
            parts.append(_media(part, place))
    return parts


def _result(output: str | list[ResultContent], where: str) -> list[TextPart | ImagePart | FilePart]:
    if isinstance(output, str):
        return [TextPart(text=output)]
    return [
        TextPart(text=part.text)
        if isinstance(part, InputText)
        else _media(part, f"{where}.output.{number}")
        for number, part in enumerate(output)
    ]


def _media(part: InputImage | InputFile, where: str) -> ImagePart | FilePart:
    kind: type[ImagePart | FilePart] = ImagePart if isinstance(part, InputImage) else FilePart
    url = part.image_url if isinstance(part, InputImage) else part.file_url
    otherwise: Literal["image/*", "application/octet-stream"] = (
        "image/*" if isinstance(part, InputImage) else "application/octet-stream"
    )
    if url is not None:
        return linked(kind, url, where=where, otherwise=otherwise)
    data, name = (part.file_data, part.filename) if isinstance(part, InputFile) else (None, None)
    found = attached(id=part.file_id, data=data, name=name, where=where)
    return _as(kind, found)


def _as(kind: type[ImagePart | FilePart], found: MediaPart) -> ImagePart | FilePart:
    """An upload as what the message wants it to be: a picture, or a file."""
    values = found.model_dump(exclude={"type", "data"})
    return kind(**values, data=found.data)


def _words(parts: Sequence[AnyPart], where: str) -> str:
    texts = [part.text for part in parts if isinstance(part, TextPart)]
    if len(texts) < len(parts):
        raise InvalidInput(f"{where}: Instructions are text.", param=where)
    return "\n".join(texts)
