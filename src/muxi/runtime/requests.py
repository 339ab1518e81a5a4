"""What a door asks of the runtime. Parsed by doors, taken by `runs`."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field, field_validator

from muxi.core.messages import (
    AnyPart,
    MediaPart,
    Message,
    Role,
    Text,
    TextPart,
    UnknownPart,
    user_message,
)
from muxi.core.terms import Terms
from muxi.core.threads import CLIENT_ID, Thread
from muxi.core.usage import Limits

_TITLE = 60
"""Characters of the first message that become the title of its thread."""

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
    parent_id: str | None = Field(
        default=None,
        description="The message to answer to, for a fork; `root` to begin the thread anew.",
    )

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

    def new_thread(self) -> Thread:
        """The thread to begin, if none is continued; whoever stores it is its owner."""
        title = " ".join(self.text[: 4 * _TITLE].split())[:_TITLE]
        return Thread(title=title or None, agent=self.agent)

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
                if isinstance(part, MediaPart) and not part.is_one:
                    raise ValueError("a part has one of `data`, `url`, `blob` and `file_id`")
        return value


class ClientRequest(RunRequest):
    """What the client of a protocol asks that sends the whole conversation along."""

    role: Role = "user"
    """`tool` if the conversation ends with results of calls that no waiting run has asked for."""
    history: list[Message] = Field(default_factory=list[Message])
    """What was said before and is not in the thread yet, oldest first."""
    client_id: str | None = None
    """What the client calls the message."""
    begins: Thread | None = None
    """The thread to begin, where the client names its conversations."""

    def message(self, author: str | None) -> Message:
        """See `RunRequest`."""
        if self.role == "user":
            said = super().message(author)
        else:
            assert not isinstance(self.input, str), "results are parts"
            said = Message(role=self.role, parts=self.input)
        if self.client_id is not None:
            said.metadata[CLIENT_ID] = self.client_id
        return said

    def new_thread(self) -> Thread:
        """See `RunRequest`."""
        thread = super().new_thread()
        if self.begins is not None:
            thread.id, thread.metadata = self.begins.id, self.begins.metadata
        return thread

    def past(self) -> Sequence[Message]:
        """See `RunRequest`."""
        return self.history

    @field_validator("input")
    @classmethod
    def _sayable(cls, value: str | list[AnyPart]) -> str | list[AnyPart]:
        if not value:
            raise ValueError("say something: the input is empty")
        return value
