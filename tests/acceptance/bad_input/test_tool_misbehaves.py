"""Tools that fail, hang or flood, and models that call them wrongly. The thread goes on."""

from __future__ import annotations

import pytest

from muxi.core.events import ToolCompleted
from muxi.core.messages import ToolResultPart
from tests.support.hostile import KEY
from tests.support.unlucky import Unlucky, ending


async def _result(unlucky: Unlucky, question: str) -> ToolResultPart:
    """What the model was told of its call, in a thread that then goes on."""
    async with unlucky.served() as muxi:
        thread, events = await muxi.answer(question)
        assert ending(events).status == "completed", ending(events).problem
        (done,) = [event for event in events if isinstance(event, ToolCompleted)]
        _, events = await muxi.answer("hello", thread_id=thread)
        assert ending(events).status == "completed"
        said = [message.text for message in await muxi.client.messages(thread)]
        assert (said[0], said[-2]) == (question, "hello")
        return done.result


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("call raises {}", "RuntimeError: refused: Authorization: Bearer [secret]"),
        ("call hangs {}", "took longer than 0.2 s"),
        ('call odd {"kind": "object"}', "neither text nor JSON"),
        ('call odd {"kind": "lock"}', "neither text nor JSON"),
        ('call odd {"kind": "none of these"}', "KeyError"),
        ("call calculator 17*23", "not a JSON object: 17*23"),
        ('call calculator ["17*23"]', "not a JSON object"),
        ('call calculator {"expression": "1', "not a JSON object"),
        ('call calculator {"expression": "1", "base": 2}', "`base`: unknown key"),
        ('call calculator {"expression": 5}', "expected"),
        ("call calculator {}", "expression"),
        ("call no_such_tool {}", "There is no tool called no_such_tool. Tools: calculator, "),
    ],
)
async def test_a_bad_call_is_an_answer_that_the_model_can_act_on(
    question: str, words: str, unlucky: Unlucky
) -> None:
    result = await _result(unlucky, question)
    assert result.outcome == "error"
    assert words in result.text
    assert KEY not in result.text


@pytest.mark.parametrize(
    ("kind", "text"), [("half", "a\ufffdb\x00c"), ("nan", '"NaN"'), ("number", "1" + "0" * 400)]
)
async def test_odd_values_become_text(kind: str, text: str, unlucky: Unlucky) -> None:
    result = await _result(unlucky, f'call odd {{"kind": "{kind}"}}')
    assert (result.outcome, result.text) == ("ok", text)


async def test_fifty_megabytes_are_cut_with_a_notice(unlucky: Unlucky) -> None:
    result = await _result(unlucky, "call huge {}")
    assert result.outcome == "ok"
    assert len(result.text) < 1_100_000
    assert "50,000,000 characters" in result.text


async def test_a_model_that_calls_for_ever_is_stopped_by_the_limit(unlucky: Unlucky) -> None:
    async with unlucky.served() as muxi:
        for question in ('loop calculator {"expression": "1+1"}', "loop no_such_tool {}"):
            thread, events = await muxi.answer(question)
            assert ending(events).status == "limited"
            problem = ending(events).problem
            assert problem is not None
            assert problem.code == "limit_reached"
            assert problem.hint
            _, events = await muxi.answer("hello", thread_id=thread)
            assert ending(events).status == "completed"


async def test_a_call_without_a_name_is_the_provider_s_mistake(unlucky: Unlucky) -> None:
    async with unlucky.served() as muxi:
        thread, events = await muxi.answer("call  {}")
        problem = ending(events).problem
        assert problem is not None
        assert problem.code == "model_protocol_error"
        _, events = await muxi.answer("hello", thread_id=thread)
        assert ending(events).status == "completed"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("raises: tools.py:gone", "tools.py has no gone"),
        ("raises: gone.py:raises", "there is no file"),
        ("raises: no_such_module:raises", "cannot be imported"),
        ("raises: broken.py:raises", "ZeroDivisionError"),
        ("raises: tools.py:os", "is not a function"),
    ],
)
async def test_a_tool_that_cannot_be_had_is_told_before_anything_is_asked(
    line: str, words: str, unlucky: Unlucky
) -> None:
    (unlucky.folder / "broken.py").write_text("1 / 0\n")
    file = unlucky.folder / "muxi.yaml"
    file.write_text(file.read_text().replace("raises: tools.py:raises", line))
    async with unlucky.served() as muxi:
        response = await muxi.http.post(f"{muxi.url}/api/runs", json={"input": "hello"})
        problem = await response.json(content_type=None)
        assert response.status == 422
        assert problem["code"] == "config_error"
        assert words in problem["detail"]
    assert unlucky.provider.asked == []
