"""What a tool may ask a person while it works, and what they say.

A tool that can wait raises `InputNeeded`: the run is suspended, holds no process, and the tool is
called again with `ctx.answer`. One that must stay where it is, such as a server that asks in the
middle of a call, awaits `ctx.ask`.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, JsonValue

from muxi.core.record import Record


class Question(Record):
    """Something that a tool wants to know of a person, or of the program that speaks for one."""

    message: str
    json_schema: dict[str, Any] | None = None
    """JSON Schema (2020-12) that the answer must fit; None for any text."""
    asked: Literal["person", "client"] = "person"
    """`client`: a call that the program which began the run is to make, and give its result."""
    url: str | None = None
    """A page that the person is to visit instead of answering here; nothing but consent comes
    back."""


class Answer(Record):
    """What a person said to a question, in the terms of MCP's elicitation."""

    action: Literal["accept", "decline", "cancel"]
    """`decline`: they do not want to tell. `cancel`: nobody answered in time, or nobody can."""
    value: JsonValue = None
    """What they said, which fits the question's schema; None unless the action is `accept`."""


class Answered(Record):
    """What a tool that raised `InputNeeded` is given when it is called again, as `ctx.answer`."""

    answers: dict[str, Answer]
    """The answers, by the names that the questions had."""
    state: JsonValue = None
    """What the tool left for itself."""
    round: int = Field(1, ge=1)
    """How many times this call has asked so far."""

    @property
    def only(self) -> Answer:
        """The answer, when there was one question."""
        (answer,) = self.answers.values()
        return answer
