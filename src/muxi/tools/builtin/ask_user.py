"""The tool `ask_user`: what only the person knows. The run waits for the answer and goes on."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import Field

from muxi.config.tool_settings import AskUserTool
from muxi.core.context import RunContext
from muxi.core.errors import InputNeeded, ToolArgumentsInvalid
from muxi.core.manifests import ToolManifest
from muxi.core.questions import Question
from muxi.tools.builtin.setup import Setup
from muxi.tools.function import Examples, FunctionTool, tool
from muxi.tools.json_schema import mistake

MANIFEST = ToolManifest(
    name="ask_user",
    version="1.0.0",
    summary="Asks the person something and waits for the answer, however long that takes.",
    tools=("ask_user",),
    notes="The run is suspended meanwhile and holds no process; it goes on after a restart too.",
)

EXAMPLES: Examples = (
    ("Book me a table somewhere nice.", {"question": "For which day and how many people?"}),
    (
        "Delete the old branch.",
        {"question": "Which branch is the old one?", "choices": ["feature-a", "feature-b"]},
    ),
)

Words = Annotated[str, Field(min_length=1, max_length=4_000)]
Choice = Annotated[str, Field(min_length=1, max_length=500)]
Choices = Annotated[list[Choice], Field(max_length=50)]


def make_ask_user() -> FunctionTool[..., Any]:
    """A tool that asks the person who uses the agent."""

    @tool(
        title="Ask the user",
        read_only=True,
        destructive=False,
        open_world=False,
        idempotent=True,
        examples=EXAMPLES,
    )
    async def ask_user(
        ctx: RunContext[Any],
        question: Words,
        choices: Choices | None = None,
        answer_schema: dict[str, Any] | None = None,
    ) -> str:
        """Ask the user something that you need to know and cannot find out otherwise.

        Args:
            question: One clear question.
            choices: The answers to choose from, if there are only a few.
            answer_schema: JSON Schema of the answer, if it must have a certain form.
        """
        if ctx.answer is None:
            raise InputNeeded(Question(message=question, json_schema=_form(choices, answer_schema)))
        said = ctx.answer.only
        if said.action == "accept":
            return said.value if isinstance(said.value, str) else json.dumps(said.value)
        if said.action == "decline":
            return "The user does not want to answer this question."
        return "The user has not answered in time. Go on without an answer, or stop."

    return ask_user


def ask_user_tools(settings: AskUserTool, setup: Setup) -> list[FunctionTool[..., Any]]:
    """The tool; it has no settings."""
    return [make_ask_user()]


def _form(choices: list[str] | None, schema: dict[str, Any] | None) -> dict[str, Any] | None:
    if choices and schema:
        raise ToolArgumentsInvalid("Give `choices` or `answer_schema`, not both.")
    if choices:
        return {"type": "string", "enum": list(dict.fromkeys(choices))}
    wrong = None if schema is None else mistake(schema)
    if wrong is not None:
        raise ToolArgumentsInvalid(f"`answer_schema` is no JSON Schema: {wrong}")
    return schema
