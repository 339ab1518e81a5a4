"""What an AG-UI front end sends: `RunAgentInput` and what it consists of.

Read by the door. Unknown members are passed over, as the protocol asks; what it describes and is
malformed is a mistake.
"""

from __future__ import annotations

from base64 import b64decode
from typing import Annotated, Any, Literal

from pydantic import AliasGenerator, BaseModel, ConfigDict, Field, JsonValue
from pydantic.alias_generators import to_camel

from muxi.core.errors import InvalidInput
from muxi.core.messages import (
    AnyPart,
    AudioPart,
    FilePart,
    ImagePart,
    MediaPart,
    Text,
    TextPart,
)

_MEDIA: dict[str, tuple[type[MediaPart], str]] = {
    "image": (ImagePart, "image/png"),
    "audio": (AudioPart, "audio/wav"),
    "video": (FilePart, "video/mp4"),
    "document": (FilePart, "application/octet-stream"),
}
"""Our kind of each part, and the media type of one that does not say."""

Id = Annotated[str, Field(min_length=1, max_length=256)]


class _Wire(BaseModel):
    model_config = ConfigDict(
        alias_generator=AliasGenerator(validation_alias=to_camel), populate_by_name=True
    )


class Source(_Wire):
    """Where the bytes of a part come from."""

    type: Literal["data", "url", "file"]
    value: str
    """Base 64, an address, or the id of a file that was uploaded here."""
    mime_type: str | None = None


class TextContent(_Wire):
    type: Literal["text"]
    text: Text


class MediaContent(_Wire):
    type: Literal["image", "audio", "video", "document"]
    source: Source


Content = str | list[Annotated[TextContent | MediaContent, Field(discriminator="type")]]


class FunctionCall(_Wire):
    name: str
    arguments: str


class CallOfTool(_Wire):
    id: Id
    function: FunctionCall


class AgUiMessage(_Wire):
    """A message of any role; which members it has depends on the role."""

    id: Id
    role: Literal["developer", "system", "assistant", "user", "tool", "activity", "reasoning"]
    content: Content | dict[str, JsonValue] | None = None
    tool_calls: list[CallOfTool] = Field(default_factory=list[CallOfTool])
    tool_call_id: str | None = None
    error: str | None = None


class OfferedTool(_Wire):
    """A tool that the front end has: the model may call it, and the front end makes the call."""

    name: str = Field(min_length=1, max_length=64)
    description: str = ""
    parameters: dict[str, Any] | None = None


class ContextItem(_Wire):
    description: str
    value: str


class ResumeEntry(_Wire):
    interrupt_id: Id
    status: Literal["resolved", "cancelled"]
    payload: JsonValue = None


class RunAgentInput(_Wire):
    """A request to run an agent, or to go on with a run that waits."""

    thread_id: Id
    run_id: Id
    parent_run_id: str | None = None
    state: JsonValue = None
    messages: list[AgUiMessage] = Field(max_length=10_000)
    tools: list[OfferedTool] = Field(default_factory=list[OfferedTool], max_length=200)
    context: list[ContextItem] = Field(default_factory=list[ContextItem], max_length=200)
    forwarded_props: JsonValue = None
    resume: list[ResumeEntry] = Field(default_factory=list[ResumeEntry], max_length=1_000)


def parts_of(content: Content | dict[str, JsonValue] | None) -> list[AnyPart]:
    """The content of a message as our parts.

    Raises:
        InvalidInput: The bytes of a part are not base 64.
    """
    if isinstance(content, str):
        return [TextPart(text=content)] if content else []
    if not isinstance(content, list):
        return []
    return [
        TextPart(text=part.text) if isinstance(part, TextContent) else _media(part)
        for part in content
    ]


def _media(part: MediaContent) -> AnyPart:
    kind, otherwise = _MEDIA[part.type]
    source = part.source
    media_type = source.mime_type or otherwise
    if source.type == "url":
        made = kind(media_type=media_type, url=source.value)
    elif source.type == "file":
        made = kind(media_type=media_type, file_id=source.value)
    else:
        made = kind(media_type=media_type, data=_bytes(source.value))
    return made  # pyright: ignore[reportReturnType] -- the kinds of `_MEDIA` are parts


def _bytes(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise InvalidInput("The bytes of a part of a message are not base 64.") from None
