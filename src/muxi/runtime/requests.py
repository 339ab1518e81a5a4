"""What a door asks of the runtime. Parsed by doors, taken by `runs`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator

from muxi.core.messages import AnyPart, Text, TextPart, UnknownPart
from muxi.core.usage import Limits

_FROM_PEOPLE = ("text", "image", "audio", "file")


class Bounds(Limits, extra="forbid"):
    """Limits in which a misspelt one is a mistake."""


class RunRequest(BaseModel):
    """Start a run: who should answer what, and where."""

    model_config = ConfigDict(extra="forbid")

    id: str | None = Field(None, pattern=r"^run_[0-9a-f]{32}$")
    """The run's own id, if the caller made one up to find the run by."""
    input: Text | list[AnyPart]
    """The user's message: a text, or parts of type text, image, audio and file."""
    agent: str | None = None
    """Name of the agent; the thread's, or else the project's own, if it is left out."""
    thread_id: str | None = None
    """The thread to continue; a new one is begun if it is left out."""
    parent_id: str | None = Field(None, description="The message to answer to, for a fork.")

    limits: Bounds | None = None
    """Bounds on this run beside those of its agent; the narrower ones count."""

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
