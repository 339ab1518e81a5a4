"""What a door asks of the runtime. Parsed by doors, taken by `runs`."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field, field_validator

from muxi.core.messages import AnyPart, Message, Role, Text, TextPart, UnknownPart, user_message
from muxi.core.terms import Terms
from muxi.core.usage import Limits

_FROM_PEOPLE = ("text", "image", "audio", "file")


class Bounds(Limits, extra="forbid"):
    """Limits in which a misspelt one is a mistake."""


class RunRequest(BaseModel):
    """Start a run: who should answer what, and where."""

    model_config = ConfigDict(extra="forbid")

    id: str | None = Field(default=None, pattern=r"^run_[0-9a-f]{32}$")
    """The run's own id, if the caller made one up to find the run by."""
    input: Text | list[AnyPart]
    """The user's message: a text, or parts of type text, image, audio and file."""
    agent: str | None = None
    """Name of the agent; the thread's, or else the project's own, if it is left out."""
    thread_id: str | None = None
    """The thread to continue; a new one is begun if it is left out."""
    parent_id: str | None = Field(default=None, description="The message to answer to, for a fork.")

    limits: Bounds | None = None
    """Bounds on this run beside those of its agent; the narrower ones count."""
    terms: Terms | None = None
    """What is asked of this run beside the input, such as tools that the caller calls itself."""

    def message(self, author: str | None) -> Message:
        """What is said to begin the run."""
        return user_message(self.input, author=author)

    def past(self) -> Sequence[Message]:
        """What was said before, where the caller holds the conversation and not a thread."""
        return ()

    @property
    def text(self) -> str:
        """The words of the input, without images and files."""
        if isinstance(self.input, str):
            return self.input
        return "".join(part.text for part in self.input if isinstance(part, TextPart))

    @field_validator("input")
    @classmethod
    def _sayable(cls, value: str | list[AnyPart]) -> str | list[AnyPart]:
        if not value:
            raise ValueError("say something: the input is empty")
        if isinstance(value, list):
            for part in value:
                if isinstance(part, UnknownPart) or part.type not in _FROM_PEOPLE:
                    raise ValueError(f"a person cannot send parts of type {part.type[:50]!r}")
        return value


class ClientRequest(RunRequest):
    """What the client of a protocol asks that sends the whole conversation along."""

    role: Role = "user"
    """`tool` if the conversation ends with results of calls that no waiting run has asked for."""
    history: list[Message] = Field(default_factory=list[Message])
    """What was said before, oldest first; a new thread begins with it."""

    def message(self, author: str | None) -> Message:
        """See `RunRequest`."""
        if self.role == "user":
            return super().message(author)
        assert not isinstance(self.input, str), "results are parts"
        return Message(role=self.role, parts=self.input)

    def past(self) -> Sequence[Message]:
        """See `RunRequest`."""
        return self.history

    @field_validator("input")
    @classmethod
    def _sayable(cls, value: str | list[AnyPart]) -> str | list[AnyPart]:
        if not value:
            raise ValueError("say something: the input is empty")
        return value
