"""Our decoders and the official SDKs on the same bytes over real HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest

from muxi.core.errors import ModelError
from muxi.core.events import ReasoningDelta, ResponseCompleted, TextDelta, ToolCallDelta
from muxi.core.record import clean
from muxi.wire.joining import joined

from .composed import CASES
from .composed.case import Case
from .conftest import Ask
from .reading import Reading, ours

pytestmark = pytest.mark.filterwarnings("ignore:.* is not a valid FinishReason:UserWarning")

ALL = [
    pytest.param(format_, case, id=f"{format_}-{case.name}")
    for format_, cases in CASES.items()
    for case in cases
]
VALID = [each for each in ALL if each.values[1].error is None]
SAME = [each for each in VALID if not each.values[1].differs]
BROKEN = [each for each in ALL if each.values[1].error is not None]


async def _all(events: Any) -> list[Any]:
    return [event async for event in events]


@pytest.mark.parametrize(("format_", "case"), VALID)
async def test_deltas_add_up_to_the_parts_of_the_answer(ask: Ask, format_: str, case: Case) -> None:
    *deltas, done = await _all(ask(format_, case.name))
    assert isinstance(done, ResponseCompleted)
    texts: dict[int, str] = {}
    for event in deltas:
        if isinstance(event, TextDelta | ReasoningDelta | ToolCallDelta):
            texts[event.index] = texts.get(event.index, "") + event.text
    for index, text in texts.items():
        part = ours(done).parts[index]
        if part[0] in ("text", "refusal", "reasoning") and "surrogate" not in case.name:
            assert clean(text) == part[1]
        elif part[0] == "call" and part[2] != ("malformed", text):
            assert json.loads(text) == part[2]


@pytest.mark.parametrize(("format_", "case"), SAME)
async def test_a_valid_stream_gives_what_the_sdk_gives(
    ask: Ask, sdks: Any, format_: str, case: Case
) -> None:
    done = (await _all(ask(format_, case.name)))[-1]
    theirs = sdks.read[format_](case.name)
    mine = ours(done)
    if format_ == "chat_completions":
        # That SDK gathers an answer by kinds and forgets the order in which these came.
        mine.parts.sort(key=lambda part: _ORDER.index(part[0]))
    assert mine == theirs


_ORDER = ["reasoning", "text", "refusal", "call"]


@pytest.mark.parametrize(("format_", "case"), BROKEN)
async def test_a_broken_stream_gives_our_typed_error(ask: Ask, format_: str, case: Case) -> None:
    with pytest.raises(ModelError) as caught:
        await _all(ask(format_, case.name))
    error = caught.value
    assert type(error).__name__ == case.error
    assert error.details["provider"] == format_
    assert case.status == 200 or error.details["status"] == case.status


@pytest.mark.parametrize("format_", CASES)
async def test_a_stream_cut_at_every_byte_reads_the_same(ask: Ask, format_: str) -> None:
    whole = await _all(ask(format_, "rich"))
    # Pieces that come in one read are told as one.
    assert list(joined(await _all(ask(format_, "rich", size=1)))) == whole


@pytest.mark.ci
@pytest.mark.parametrize("format_", CASES)
def test_what_the_sdk_does_with_the_other_streams_is_as_recorded(
    sdks: Any, format_: str, pytestconfig: pytest.Config
) -> None:
    from . import behaviour

    if pytestconfig.getoption("--record-sdk-behaviour"):
        behaviour.record(sdks)
    if not behaviour.is_current(format_):
        pytest.skip("Another version of the SDK is recorded.")
    recorded = behaviour.recorded()[format_]
    names = {case.name for case in CASES[format_] if case.error is not None or case.differs}
    assert recorded.keys() == names
    assert {name: behaviour.of(sdks, format_, name) for name in names} == recorded


@pytest.mark.ci
@pytest.mark.parametrize("format_", CASES)
async def test_where_the_sdk_reads_a_valid_stream_otherwise_it_is_not_the_same(
    ask: Ask, sdks: Any, format_: str
) -> None:
    from . import behaviour

    for case in CASES[format_]:
        if case.differs:
            mine = ours((await _all(ask(format_, case.name)))[-1])
            theirs = behaviour.read(sdks, format_, case.name)
            assert not isinstance(theirs, Reading) or mine != theirs, case.name
