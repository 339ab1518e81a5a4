"""What a project says of approvals: which calls are made, refused, or put to a person first.

Data only; `runtime.policy` decides by it.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from muxi.config.model_settings import Seconds, Section

Verdict = Literal["allow", "ask", "deny"]
Pattern = Annotated[str, Field(min_length=1)]
Patterns = Pattern | Annotated[list[Pattern], Field(min_length=1)]
"""Texts in which `*` stands for anything, `?` for one character and `[ab]` for one of these."""


TOOLS_OF_ROOMS = ("remember", "recall", "forget", "set_fact", "search_knowledge")
"""Tools that memory and knowledge bring along, which no project lists."""


def _regular(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise PydanticCustomError(
            "regular_expression", "a regular expression: {error}", {"error": str(error)}
        ) from None
    return text


class Bounds(Section):
    """Numbers between two others."""

    above: float | None = None
    """It is greater than this."""
    below: float | None = None
    """It is less than this."""

    @model_validator(mode="after")
    def _says_something(self) -> Bounds:
        if not self.model_fields_set:
            raise PydanticCustomError("incomplete", "it needs `above` or `below`")
        return self


class Condition(Section):
    """What holds of an argument. Text alone stands for `like`, a number or a switch for itself, a
    list for any of what is in it."""

    like: Patterns | None = None
    """The whole text is like one of these, in which `*` stands for anything."""
    matches: Annotated[str, Field(min_length=1), AfterValidator(_regular)] | None = None
    """A regular expression that the whole text matches."""
    above: float | None = None
    """It is a number greater than this."""
    below: float | None = None
    """It is a number less than this."""

    @model_validator(mode="after")
    def _says_something(self) -> Condition:
        if not self.model_fields_set:
            words = "it needs one of `like`, `matches`, `above` and `below`"
            raise PydanticCustomError("incomplete", words)
        return self


def _form(value: object) -> str:
    return "condition" if isinstance(value, dict | Condition) else "value"


Value = bool | int | float | Pattern
AnyCondition = Annotated[
    Annotated[Value | Annotated[list[Value], Field(min_length=1)], Tag("value")]
    | Annotated[Condition, Tag("condition")],
    Discriminator(_form),
]
"""What holds of an argument: text that it is like, a value that it is, one of several, or more."""


class ApprovalRule(Section):
    """A rule for tool calls. It applies if everything that it names fits."""

    tool: Patterns = "*"
    """The tool, or several; `*` stands for anything."""
    arguments: dict[Pattern, AnyCondition] = Field(default_factory=dict[str, AnyCondition])
    """What holds of arguments, by name; `options.path` goes into objects, `**` is any of them."""
    agent: Patterns = "*"
    """The agent that calls."""
    user: Patterns = "*"
    """The user in whose name."""
    cost: Bounds | None = None
    """US dollars that the run has cost so far, with the price of this call."""
    verdict: Verdict
    """`allow` makes the call, `ask` puts it to a person first, `deny` refuses it."""
    reason: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    """Why, for the person who is asked and for the model that is refused."""


class ApprovalSettings(Section):
    """Which tool calls are made, which are refused, and which a person is asked about."""

    rules: list[ApprovalRule] = Field(default_factory=list[ApprovalRule])
    """The first one that applies decides, also about tools and agents that want approval."""
    otherwise: Verdict = "allow"
    """What is done with other calls, unless the tool or the agent itself wants approval."""
    expire_after: Seconds | None = 604_800.0
    """Seconds after which a question closes as if it were denied; null for never. One week."""
