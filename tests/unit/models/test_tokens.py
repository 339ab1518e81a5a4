from __future__ import annotations

from decimal import Decimal

import pytest

from muxi.core.events import ResponseCompleted
from muxi.core.messages import (
    AudioPart,
    FilePart,
    ImagePart,
    Message,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    user_message,
)
from muxi.core.requests import ModelRequest, ToolSpec
from muxi.core.usage import Usage
from muxi.models.model import Price
from muxi.models.tokens import TokenEstimate

PROSE = user_message("Some plain words of prose that go on and on. " * 20)
CHINESE = user_message("今天天气很好我们去公园散步吧" * 20)


def settled(tokens: TokenEstimate, reported: Usage, *messages: Message) -> Usage:
    done = ResponseCompleted(
        parts=[TextPart(text="Fine.")], usage=reported, stop_reason="stop", model="p/m"
    )
    price = Price(input=Decimal(2), output=Decimal(10))
    tokens.settle(ModelRequest(messages=list(messages)), done, price)
    return done.usage


def test_what_the_provider_reports_corrects_the_estimate():
    tokens = TokenEstimate()
    first = tokens.count(PROSE)
    reported = first // 2
    for _ in range(60):
        settled(tokens, Usage(requests=1, input_tokens=reported, output_tokens=1), PROSE)
    assert reported <= tokens.count(PROSE) < 1.2 * reported


def test_a_report_above_the_estimate_is_believed_at_once():
    tokens = TokenEstimate()
    first = tokens.count(PROSE)
    settled(tokens, Usage(requests=1, input_tokens=2 * first, output_tokens=1), PROSE)
    assert tokens.count(PROSE) >= 2 * first


@pytest.mark.parametrize("said", [PROSE, CHINESE], ids=["prose", "Chinese"])
@pytest.mark.parametrize("reported", [0, 1, 5])
def test_a_provider_that_reports_almost_nothing_is_not_believed(said: Message, reported: int):
    tokens = TokenEstimate()
    for _ in range(200):
        settled(tokens, Usage(requests=1, input_tokens=reported, output_tokens=1), said)
    assert tokens.count(said) >= len(said.text.encode()) / 8


def test_what_was_learnt_of_prose_is_not_believed_of_other_scripts():
    tokens = TokenEstimate()
    before = tokens.count(CHINESE)
    for _ in range(60):
        usage = Usage(requests=1, input_tokens=tokens.count(PROSE) // 4, output_tokens=1)
        settled(tokens, usage, PROSE)
    assert tokens.count(CHINESE) > 0.9 * before
    for _ in range(60):
        settled(tokens, Usage(requests=1, input_tokens=before // 3, output_tokens=1), CHINESE)
    assert before // 3 <= tokens.count(CHINESE) < before // 2


def test_messages_count_together_no_fewer_than_one_by_one():
    tokens = TokenEstimate()
    alone = sum(map(tokens.count, (PROSE, CHINESE, PROSE)))
    assert alone <= tokens.count(PROSE, CHINESE, PROSE) <= alone + 3
    assert tokens.count() == 0


def test_a_provider_that_reports_nothing_gets_an_estimate_and_a_cost():
    usage = settled(TokenEstimate(), Usage(requests=1, cost=None), PROSE)
    assert usage.input_tokens > 100
    assert usage.output_tokens > 0
    assert usage.cost is not None
    assert usage.cost > 0


def test_a_cost_that_the_provider_reports_stands():
    usage = Usage(requests=1, input_tokens=9, output_tokens=9, cost=Decimal("0.5"))
    assert settled(TokenEstimate(), usage, PROSE).cost == Decimal("0.5")


def test_everything_in_a_message_counts():
    tokens = TokenEstimate()
    small = tokens.count(user_message(""))
    parts = [
        ImagePart(media_type="image/png", data=b"x"),
        AudioPart(media_type="audio/mpeg", data=b"x" * 4000),
        FilePart(media_type="application/pdf", data=b"x"),
        FilePart(media_type="text/plain", data=b"x" * 4000),
        ToolCallPart(id="c", name="add", arguments={"a": 1}),
        ToolCallPart(id="c", name="add", malformed="{"),
        ToolResultPart(call_id="c", name="add", content=[TextPart(text="3")]),
        TextPart(text="word"),
    ]
    for part in parts:
        assert tokens.count(Message(role="user", parts=[part])) > small


def test_tools_count_when_a_prompt_is_estimated():
    tool = ToolSpec(name="add", description="words " * 100)
    done = ResponseCompleted(parts=[], usage=Usage(), stop_reason="stop", model="p/m")
    TokenEstimate().settle(ModelRequest(messages=[], tools=(tool,)), done, None)
    assert done.usage.input_tokens > 100
    assert done.usage.cost == 0
