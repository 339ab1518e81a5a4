"""`ask_user` waits for a person, in a script too, and tells the model what they said."""

from __future__ import annotations

from typing import Any

import pytest

from muxi import Agent
from muxi.core.context import RunContext
from muxi.core.errors import InputNeeded, ToolArgumentsInvalid
from muxi.core.events import ApprovalDecision
from muxi.core.messages import ToolResultPart
from muxi.models.scripted import ScriptedModel, call
from muxi.tools.builtin.ask_user import make_ask_user

WHERE = call("ask_user", question="Where to?", choices=["Rome", "Oslo", "Rome"])


async def _said(decision: ApprovalDecision, ask: Any = WHERE) -> str:
    model = ScriptedModel([ask, "Noted."])
    agent = Agent("guide", model, tools=[make_ask_user()])
    waiting = await agent.run("Plan my trip")
    (asked,) = waiting.approvals
    assert waiting.status == "waiting"
    assert asked.question is not None
    assert waiting.usage.tool_calls == 1
    done = await agent.resume(waiting, {asked.id: decision})
    assert (done.text, done.usage.tool_calls) == ("Noted.", 1)
    result = model.requests[-1].messages[-1].parts[0]
    assert isinstance(result, ToolResultPart)
    return result.text


async def test_the_model_is_told_what_the_person_says() -> None:
    assert await _said(ApprovalDecision(decision="answer", answer="Rome")) == "Rome"


async def test_an_answer_with_a_form_is_told_as_json() -> None:
    ask = call("ask_user", question="How many?", answer_schema={"type": "integer"})
    assert await _said(ApprovalDecision(decision="answer", answer=3), ask) == "3"


async def test_who_does_not_answer_does_not_stop_the_run() -> None:
    assert "does not want" in await _said(ApprovalDecision(decision="deny"))
    assert "in time" in await _said(ApprovalDecision(decision="expired"))


async def test_choices_become_the_form_of_the_answer() -> None:
    with pytest.raises(InputNeeded) as caught:
        await make_ask_user().run(WHERE.arguments, RunContext(deps=None))
    (question,) = caught.value.questions.values()
    assert question.message == "Where to?"
    assert question.json_schema == {"type": "string", "enum": ["Rome", "Oslo"]}


@pytest.mark.parametrize(
    "arguments",
    [
        {"question": ""},
        {"question": "q", "choices": [""]},
        {"question": "q", "choices": ["a"], "answer_schema": {"type": "string"}},
        {"question": "q", "answer_schema": {"type": "nonsense"}},
        {"question": "q", "answer_schema": {"$ref": "http://example.org/schema"}},
        {"question": "q", "answer_schema": {"$ref": "#/nowhere"}},
    ],
)
async def test_questions_that_nobody_could_answer_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ToolArgumentsInvalid):
        await make_ask_user().run(arguments, RunContext(deps=None))
