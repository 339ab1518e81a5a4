"""What `useChat` sends: the conversation as UI messages, and what it wants of the server.

Read by the door. Front ends put fields and parts of their own into both; those are passed over.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator
from pydantic.alias_generators import to_camel

from muxi.core.messages import Text

Id = Annotated[str, Field(min_length=1, max_length=256)]

TOOL = "tool-"
"""How the types of parts begin that are calls of a tool whose name follows."""


class _Wire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class ApprovalState(_Wire):
    """Leave for a call, as far as somebody has asked and answered."""

    id: Id
    approved: bool | None = None
    reason: str | None = Field(None, max_length=10_000)


class UiPart(_Wire):
    """A part of any type; which members it has depends on the type."""

    type: Annotated[str, Field(max_length=256)]
    text: Text | None = None
    url: str | None = None
    media_type: str | None = None
    filename: str | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None
    state: str | None = None
    input: JsonValue = None
    output: JsonValue = None
    error_text: str | None = None
    approval: ApprovalState | None = None
    provider_executed: bool = False

    @property
    def tool(self) -> str | None:
        """The tool of a call; None for other parts."""
        if self.type == "dynamic-tool":
            return self.tool_name
        return self.type.removeprefix(TOOL) if self.type.startswith(TOOL) else None


class UiMessage(_Wire):
    id: Id
    role: Literal["system", "user", "assistant"]
    parts: list[UiPart] = Field(max_length=10_000)


class OfferedTool(_Wire):
    """A tool that the front end has: the model may call it, and the front end makes the call."""

    name: str = Field(min_length=1, max_length=64)
    description: str = ""
    parameters: dict[str, Any] | None = None


class ChatRequest(_Wire):
    """The body of a request of `DefaultChatTransport`, with what muxi takes beside it."""

    id: Id
    """The chat: a thread of muxi, or whatever the front end calls the conversation."""
    messages: list[UiMessage] = Field(default_factory=list[UiMessage], max_length=10_000)
    """The whole conversation, or as much of it as the front end sends."""
    message: UiMessage | None = None
    """In place of `messages`: only the last one."""
    trigger: Literal["submit-message", "regenerate-message"] = "submit-message"
    message_id: str | None = None
    """The message that is edited, answered anew or gone on with."""
    agent: str | None = None
    """Beside the protocol: the agent that is to answer; the thread's own if it is left out."""
    tools: list[OfferedTool] = Field(default_factory=list[OfferedTool], max_length=128)
    """Beside the protocol: tools that the front end calls itself."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.message is not None:
            self.messages = [self.message]
        if not self.messages:
            raise ValueError("say something: there are no messages")
        return self
