"""`muxi approvals`: questions are listed, shown and answered, for people and for scripts."""

from __future__ import annotations

import json

import pytest

from tests.acceptance.approvals.conftest import Till

pytestmark = [pytest.mark.ci, pytest.mark.parametrize("till", ["sqlite"], indirect=True)]


async def test_a_question_is_listed_shown_and_answered(till: Till) -> None:
    waiting = await till.muxi("run", "ask me")
    assert waiting.code == 3
    assert "ask_user asks: Which colour?" in waiting.err
    listed = await till.muxi("approvals", "list")
    (asked,) = await till.asked()
    assert listed.out.split()[0] == asked["id"]
    assert "Which colour?" in listed.out
    shown = await till.muxi("approvals", "show", asked["id"])
    assert '"enum": ["red", "green"]' in shown.out
    assert f"muxi approvals answer {asked['id']} ANSWER" in shown.err
    wrong = await till.muxi("approvals", "answer", asked["id"], "blue")
    assert wrong.code == 2
    assert "its number from 1 to 2" in wrong.err
    misused = await till.muxi("approvals", "approve", asked["id"])
    assert misused.code == 2
    assert "answer it, or deny it" in misused.err
    done = await till.muxi("approvals", "answer", asked["id"], "2")
    assert (done.code, done.out) == (0, "Results: green\n")


async def test_a_denied_call_is_told_to_the_agent(till: Till) -> None:
    await till.muxi("run", "pay")
    (asked,) = await till.asked()
    done = await till.muxi("approvals", "deny", asked["id"], "--reason", "Too dear.", "--json")
    assert done.code == 0
    assert "Too dear." in done.events[-1]["text"]
    assert till.did("paid") == []


async def test_a_rule_outranks_a_person(till: Till) -> None:
    await till.muxi("run", "pay")
    (asked,) = await till.asked()
    much = json.dumps({"amount": 5000})
    done = await till.muxi("approvals", "approve", asked["id"], "--arguments", much)
    assert "Nobody may pay that much." in done.out
    assert till.did("paid") == []


async def test_leave_for_a_conversation_is_asked_once(till: Till) -> None:
    first = await till.muxi("run", "--json", "pay")
    thread = first.events[0]["thread_id"]
    (asked,) = await till.asked()
    await till.muxi("approvals", "approve", asked["id"], "--always")
    assert (await till.muxi("run", "-t", thread, "pay")).code == 0
    assert till.did("paid") == ["5", "5"]
    assert (await till.muxi("run", "pay")).code == 3


async def test_what_cannot_be_answered_is_told_in_words(till: Till) -> None:
    unknown = await till.muxi("approvals", "approve", "apr_nothing")
    assert (unknown.code, unknown.out) == (1, "")
    assert "There is no question apr_nothing." in unknown.err
    for wrong in ("[1]", "{", "7"):
        done = await till.muxi("approvals", "approve", "apr_x", "--arguments", wrong)
        assert done.code == 2
    await till.muxi("run", "pay")
    (asked,) = await till.asked()
    foreign = await till.muxi("approvals", "approve", asked["id"], "--user", "mallory")
    assert foreign.code == 1
    assert "no question" in foreign.err
    assert (await till.muxi("approvals", "list", "--user", "mallory")).out == ""
