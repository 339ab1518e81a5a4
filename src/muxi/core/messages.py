"""Messages and the parts they are made of: what people, agents and tools say to each other.

A message is written once and not changed; a thread is a tree of them. Nothing here knows how a
provider or a database writes a message: `wire` and `storage` do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, JsonValue, PrivateAttr, Tag

from muxi.core.ids import new_id
from muxi.core.keeping import Original
from muxi.core.record import Record, clean, now
from muxi.core.usage import Usage


def _clean_text(value: Any) -> Any:
    return clean(value) if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_clean_text)]
"""A string in which lone surrogates have become U+FFFD, so that it can always be encoded."""

Role = Literal["system", "user", "assistant", "tool"]


class Part(Record):
    """What all parts share."""

    provider: dict[str, JsonValue] | None = None
    """Values that a provider wants back with this part, by wire format, such as a signature."""


class TextPart(Part):
    type: Literal["text"] = "text"
    text: Text


class RefusalPart(Part):
    """The model declined, in its own words."""

    type: Literal["refusal"] = "refusal"
    text: Text


class ReasoningPart(Part):
    """Thoughts of the model, as far as the provider shows them."""

    type: Literal["reasoning"] = "reasoning"
    text: Text = ""


class MediaPart(Part):
    """Bytes by value, by address, or by reference to a stored blob or to a file that was sent.

    Exactly one of the four; a message that is stored has a blob in place of bytes and of a file.
    """

    media_type: str = "application/octet-stream"
    """Internet media type, such as `image/png`; that of the file, if there is one."""
    data: bytes | None = None
    url: str | None = None
    blob: str | None = None
    """Content hash of a stored blob, `sha256:...`."""
    file_id: str | None = None
    """Id of a file that was sent to the server before, `file_...`."""
    name: str | None = None
    """File name to show, without folders."""
    # Private, so that nobody can send one.
    _original: Original | None = PrivateAttr(default=None)

    @property
    def is_one(self) -> bool:
        """Whether it has its bytes in one of the four ways."""
        ways = (self.data, self.url, self.blob, self.file_id)
        return sum(each is not None for each in ways) == 1

    @property
    def original(self) -> Original | None:
        """Where its bytes come from, if a provider that can may keep them."""
        return self._original

    def out_of(self, original: Original) -> Self:
        """The same part, whose provider may keep the bytes."""
        copy = self.model_copy()
        copy.__pydantic_private__ = {"_original": original}
        return copy


class ImagePart(MediaPart):
    type: Literal["image"] = "image"


class AudioPart(MediaPart):
    type: Literal["audio"] = "audio"


class FilePart(MediaPart):
    type: Literal["file"] = "file"


class KeptPart(MediaPart):
    """What the provider that is asked keeps already, in place of its bytes.

    It stands in what is sent to a provider and nowhere else: no reader makes one.
    """

    type: Literal["kept"] = "kept"
    kind: Literal["image", "audio", "file"]
    id: str
    """The provider's own."""


class ToolCallPart(Part):
    """The model asks for a tool."""

    type: Literal["tool_call"] = "tool_call"
    id: str
    name: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    malformed: str | None = None
    """What the model wrote, when that was not a JSON object; `arguments` is then empty."""


class ToolResultPart(Part):
    """What came of a tool call."""

    type: Literal["tool_result"] = "tool_result"
    call_id: str
    name: str
    content: list[ToolContent] = Field(default_factory=list["ToolContent"])
    outcome: Literal["ok", "error", "denied", "cancelled"] = "ok"
    seconds: float | None = None
    """How long the call took; None when it was not made."""

    @property
    def text(self) -> str:
        """The text of the result, without images and files."""
        return "\n".join(part.text for part in self.content if isinstance(part, TextPart))


class UnknownPart(Part):
    """A part of a kind that this version does not know; kept and written back unchanged."""

    type: str


_PARTS: dict[str, type[Part]] = {
    "text": TextPart,
    "refusal": RefusalPart,
    "reasoning": ReasoningPart,
    "image": ImagePart,
    "audio": AudioPart,
    "file": FilePart,
    "tool_call": ToolCallPart,
    "tool_result": ToolResultPart,
}
_TOOL_CONTENT = ("text", "image", "audio", "file")


def _kind(value: Any) -> str | None:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] -- raw input of any shape
    if not isinstance(kind, str):
        return None
    return kind if kind in _PARTS else "unknown"


def _tool_content_kind(value: Any) -> str | None:
    kind = _kind(value)
    return kind if kind is None or kind in _TOOL_CONTENT else "unknown"


ToolContent = Annotated[
    Annotated[TextPart, Tag("text")]
    | Annotated[ImagePart, Tag("image")]
    | Annotated[AudioPart, Tag("audio")]
    | Annotated[FilePart, Tag("file")]
    | Annotated[UnknownPart, Tag("unknown")],
    Discriminator(_tool_content_kind),
]
"""What a tool may give back to a model."""

AnyPart = Annotated[
    Annotated[TextPart, Tag("text")]
    | Annotated[RefusalPart, Tag("refusal")]
    | Annotated[ReasoningPart, Tag("reasoning")]
    | Annotated[ImagePart, Tag("image")]
    | Annotated[AudioPart, Tag("audio")]
    | Annotated[FilePart, Tag("file")]
    | Annotated[ToolCallPart, Tag("tool_call")]
    | Annotated[ToolResultPart, Tag("tool_result")]
    | Annotated[UnknownPart, Tag("unknown")],
    Discriminator(_kind),
]

StopReason = Literal["stop", "length", "tool_calls", "refusal", "content_filter", "cancelled"]
"""Why a model ended its answer, in one vocabulary for all providers."""


class Message(Record):
    """One contribution to a thread. `parent_id` makes a thread a tree; siblings are forks."""

    id: str = Field(default_factory=lambda: new_id("msg"))
    role: Role
    parts: list[AnyPart]
    author: str | None = None
    """User id, agent name or tool name."""
    thread_id: str | None = None
    run_id: str | None = None
    parent_id: str | None = None
    created_at: datetime = Field(default_factory=now)
    status: Literal["complete", "partial"] = "complete"
    """`partial` when the answer was cut short by a cancel, a limit or an error."""
    model: str | None = None
    stop_reason: StopReason | None = None
    usage: Usage | None = None
    metadata: dict[str, JsonValue] = Field(default_factory=dict)

    @property
    def text(self) -> str:
        """The message's text parts, joined; without reasoning, calls and media."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))

    @property
    def tool_calls(self) -> list[ToolCallPart]:
        return [part for part in self.parts if isinstance(part, ToolCallPart)]


ToolResultPart.model_rebuild()


def media(parts: Iterable[Part]) -> Iterator[MediaPart]:
    """The media among `parts`, those inside of tool results too."""
    for part in parts:
        if isinstance(part, MediaPart):
            yield part
        elif isinstance(part, ToolResultPart):
            yield from media(part.content)


def has_media(message: Message) -> bool:
    """Whether there are media in it. All messages of a run are asked at each of its turns."""
    for part in message.parts:
        kind = type(part)
        if kind is not TextPart and kind is not ToolCallPart and any(media((part,))):
            return True
    return False


UserInput = str | Message | Sequence[AnyPart]
"""What a run accepts as input: a text, parts, or a whole message."""


def user_message(content: UserInput, *, author: str | None = None) -> Message:
    """`content` as a message of role `user`; a `Message` is returned as it is."""
    if isinstance(content, Message):
        return content
    parts: Iterable[AnyPart] = [TextPart(text=content)] if isinstance(content, str) else content
    return Message(role="user", parts=list(parts), author=author)
