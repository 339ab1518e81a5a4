from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from muxi.core.errors import (
    ContextTooLong,
    ModelConnectionError,
    ModelError,
    ModelProtocolError,
    ModelRateLimited,
    ModelUnavailable,
)
from muxi.core.events import (
    ModelEvent,
    ReasoningDelta,
    ResponseCompleted,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from muxi.core.messages import ReasoningPart, RefusalPart, TextPart, ToolCallPart
from muxi.wire.chat_completions.answer import ChatDecoder
from muxi.wire.chat_completions.quirks import Quirks
from muxi.wire.chat_completions.request import FORMAT
from muxi.wire.sse import SseEvent

DONE = "[DONE]"


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": fields, "finish_reason": finish}
    return {
        "id": "r1",
        "object": "chat.completion.chunk",
        "model": "gpt-x-2026",
        "choices": [choice],
    }


def piece(
    index: int | None = None, id: str | None = None, name: str | None = None, text: Any = None
) -> dict[str, Any]:
    function = {k: v for k, v in {"name": name, "arguments": text}.items() if v is not None}
    whole = {"index": index, "id": id, "function": function}
    return {k: v for k, v in whole.items() if v is not None}


def decode(*chunks: Any, quirks: Quirks | None = None, end: bool = False) -> list[ModelEvent]:
    decoder = ChatDecoder(provider="openai", model="gpt-x", quirks=quirks or Quirks())
    out: list[ModelEvent] = []
    for chunk in chunks:
        data = chunk if isinstance(chunk, str) else json.dumps(chunk)
        out += decoder.feed(SseEvent("message", data.encode()))
    if end:
        out += decoder.end()
    assert decoder.done
    return out


def completed(*chunks: Any, **options: Any) -> ResponseCompleted:
    last = decode(*chunks, **options)[-1]
    assert isinstance(last, ResponseCompleted)
    return last


def calls(*pieces: dict[str, Any]) -> list[ToolCallPart]:
    chunks = [delta(tool_calls=[each]) for each in pieces]
    parts = completed(*chunks, delta("tool_calls"), DONE).parts
    assert all(isinstance(part, ToolCallPart) for part in parts)
    return [part for part in parts if isinstance(part, ToolCallPart)]


def test_text_comes_in_pieces_and_then_whole():
    events = decode(
        delta(role="assistant", content=""),
        delta(content="Hel"),
        delta(content="lo"),
        delta("stop"),
        DONE,
    )
    assert events[:-1] == [TextDelta(text="Hel"), TextDelta(text="lo")]
    last = events[-1]
    assert isinstance(last, ResponseCompleted)
    assert last.parts == [TextPart(text="Hello")]
    assert (last.stop_reason, last.model, last.response_id) == ("stop", "openai/gpt-x-2026", "r1")


def test_a_call_in_fragments_is_put_together():
    events = decode(
        delta(content="Let me see."),
        delta(tool_calls=[piece(0, "c1", "add", "")]),
        delta(tool_calls=[piece(0, text='{"a":')]),
        delta(tool_calls=[piece(0, text="1}")]),
        delta("tool_calls"),
        DONE,
    )
    assert events[1] == ToolCallStarted(index=1, call_id="c1", name="add")
    assert events[2] == ToolCallDelta(index=1, call_id="c1", text='{"a":')
    last = events[-1]
    assert isinstance(last, ResponseCompleted)
    assert last.parts[1] == ToolCallPart(id="c1", name="add", arguments={"a": 1})
    assert last.stop_reason == "tool_calls"


def test_parallel_calls_are_told_apart_by_their_index():
    found = calls(
        piece(0, "a", "x", '{"n":'),
        piece(1, "b", "y", "{"),
        piece(0, text="1}"),
        piece(1, text="}"),
    )
    assert [(call.id, call.name, call.arguments) for call in found] == [
        ("a", "x", {"n": 1}),
        ("b", "y", {}),
    ]


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([piece(0, "a", "x", "{}"), piece(0, "b", "x", "{}")], id="always index 0"),
        pytest.param([piece(None, "a", "x", "{}"), piece(None, "b", "x", "{}")], id="no index"),
        pytest.param([piece(None, None, "x", "{}"), piece(None, None, "x", "{}")], id="neither"),
        pytest.param([piece(0, None, "x", "{}"), piece(1, None, "x", "{}")], id="no ids"),
        pytest.param([piece(0, "a", "x", "{}"), piece(1, "a", "x", "{}")], id="one id for both"),
        pytest.param([piece(0, "", "x", "{}"), piece(1, "", "x", "{}")], id="empty ids"),
        pytest.param([piece(0, None, "x", "{}"), piece(0, None, "x", "{}")], id="whole, index 0"),
    ],
)
def test_two_calls_stay_two_however_a_server_numbers_them(pieces: list[dict[str, Any]]):
    found = calls(*pieces)
    assert [call.name for call in found] == ["x", "x"]
    assert found[0].id != found[1].id
    assert all(call.id for call in found)


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([piece(0, "a", "x", '{"n"'), piece(0, "a", "x", ":1}")], id="all repeated"),
        pytest.param([piece(0, "a", "x", '{"n"'), piece(0, "", "x", ":1}")], id="empty id later"),
        pytest.param(
            [piece(None, "a", "x", '{"n"'), piece(None, None, None, ":1}")], id="no index"
        ),
        pytest.param([piece(0, None, "x", '{"n"'), piece(0, "a", None, ":1}")], id="id comes late"),
        pytest.param(
            [piece(0, "a", "x", '{"n":1}'), piece(0, None, "x", "")], id="empty at the end"
        ),
        pytest.param([piece(0, "a", "x", {"n": 1})], id="an object for a text"),
        pytest.param([piece(0, "a", "x"), piece(0, text='{"n":1}')], id="name first"),
    ],
)
def test_one_call_stays_one_however_a_server_repeats_itself(pieces: list[dict[str, Any]]):
    found = calls(*pieces)
    assert [(call.name, call.arguments) for call in found] == [("x", {"n": 1})]


@pytest.mark.parametrize("text", ['{"a":', "[1]", "nonsense", '{"a": NaN}'])
def test_arguments_that_are_no_object_are_kept_as_they_were_written(text: str):
    (call,) = calls(piece(0, "a", "x", text))
    assert (call.arguments, call.malformed) == ({}, text)


def test_no_arguments_at_all_are_an_empty_object():
    (call,) = calls(piece(0, "a", "now"))
    assert (call.arguments, call.malformed) == ({}, None)


def test_a_call_without_a_name_is_no_answer():
    with pytest.raises(ModelProtocolError):
        calls(piece(0, "a", None, "{}"))


def test_a_server_that_says_stop_beside_a_call_means_the_call():
    last = completed(delta(tool_calls=[piece(0, "a", "x", "{}")]), delta("stop"), DONE)
    assert last.stop_reason == "tool_calls"


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_is_a_part_of_its_own(name: str):
    events = decode(delta(**{name: "hm"}), delta(content="So."), delta("stop"), DONE)
    assert events[0] == ReasoningDelta(index=0, text="hm")
    last = events[-1]
    assert isinstance(last, ResponseCompleted)
    assert last.parts == [
        ReasoningPart(text="hm", provider={FORMAT: {}}),
        TextPart(text="So."),
    ]


def test_pieces_of_one_block_of_reasoning_details_are_joined():
    first = {"type": "reasoning.text", "index": 0, "text": "a"}
    second = {"type": "reasoning.text", "index": 0, "text": "b", "signature": "s"}
    other = {"type": "reasoning.encrypted", "index": 1, "data": "x"}
    last = completed(
        delta(reasoning="a", reasoning_details=[first]),
        delta(reasoning="b", reasoning_details=[second]),
        delta(reasoning_details=[other]),
        delta("stop"),
        DONE,
    )
    (part,) = last.parts
    assert isinstance(part, ReasoningPart)
    assert part.provider == {
        FORMAT: {
            "reasoning_details": [
                {"type": "reasoning.text", "index": 0, "text": "ab", "signature": "s"},
                other,
            ]
        }
    }


def test_typed_pieces_of_content_are_read_too():
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    last = completed(
        delta(content=[thinking]),
        delta(content=[{"type": "text", "text": "So."}]),
        delta(content="!"),
        delta("stop"),
        DONE,
    )
    assert [getattr(part, "text", None) for part in last.parts] == ["hm", "So.!"]


def test_a_refusal_is_told_as_one():
    last = completed(delta(refusal="No"), delta(refusal="."), delta("stop"), DONE)
    assert last.parts == [RefusalPart(text="No.")]
    assert last.stop_reason == "refusal"


USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 64},
    "completion_tokens_details": {"reasoning_tokens": 5},
}


def usage_of(report: dict[str, Any], **options: Any) -> Any:
    return completed(
        delta(content="x"), delta("stop"), {"choices": [], "usage": report}, DONE, **options
    ).usage


def test_usage_after_the_last_choice_is_counted():
    usage = usage_of(USAGE)
    assert (usage.requests, usage.input_tokens, usage.output_tokens) == (1, 100, 20)
    assert (usage.cached_tokens, usage.reasoning_tokens) == (64, 5)
    assert usage.cost is None


def test_reasoning_counted_beside_the_completion_is_added_to_it():
    assert usage_of({**USAGE, "total_tokens": 125}).output_tokens == 25


def test_deepseeks_name_for_cached_tokens_is_known():
    report = {"prompt_tokens": 10, "completion_tokens": 1, "prompt_cache_hit_tokens": 8}
    assert usage_of(report).cached_tokens == 8


def test_a_reported_price_is_taken_where_it_is_one():
    report = {**USAGE, "cost": 0.00125}
    assert usage_of(report, quirks=Quirks(usage_cost=True)).cost == Decimal("0.00125")
    assert usage_of(report).cost is None


def test_usage_beside_each_chunk_counts_once():
    running = delta(content="x") | {"usage": {"prompt_tokens": 5, "completion_tokens": 1}}
    final = delta("stop") | {
        "x_groq": {"id": "r"},
        "usage": {"prompt_tokens": 5, "completion_tokens": 2},
    }
    assert completed(running, final, DONE).usage.total_tokens == 7


def test_groqs_usage_is_found_where_it_hides():
    final = delta("stop") | {"x_groq": {"usage": {"prompt_tokens": 3, "completion_tokens": 4}}}
    assert completed(delta(content="x"), final, DONE).usage.total_tokens == 7


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("length", "length"),
        ("model_length", "length"),
        ("content_filter", "content_filter"),
        ("eos", "stop"),
        ("something new", "stop"),
    ],
)
def test_reasons_to_stop_are_said_in_one_vocabulary(reason: str, expected: str):
    assert completed(delta(content="x"), delta(reason), DONE).stop_reason == expected


def test_a_stream_may_end_without_done_after_its_reason():
    assert completed(delta(content="x"), delta("stop"), end=True).parts == [TextPart(text="x")]


def test_a_stream_that_ends_before_its_reason_was_cut():
    with pytest.raises(ModelConnectionError):
        decode(delta(content="x"), end=True)


def test_done_without_an_answer_is_none():
    with pytest.raises(ModelProtocolError):
        decode(DONE)


@pytest.mark.parametrize(
    "data", ['{"choices": [', "<html>", '"text"', '{"choices": 5}', "[" * 9999]
)
def test_what_is_no_chunk_is_a_typed_error(data: str):
    with pytest.raises(ModelProtocolError):
        decode(data)


def test_unknown_fields_other_choices_and_empty_data_are_passed_over():
    other = {"choices": [{"index": 1, "delta": {"content": "no"}}], "new": {"x": 1}}
    first = {"choices": [], "prompt_filter_results": []}
    last = completed(first, "", "  ", other, delta(content="yes"), delta("stop"), DONE)
    assert last.parts == [TextPart(text="yes")]


def test_half_a_character_does_not_break_the_stream():
    last = completed('{"choices":[{"delta":{"content":"a\\ud83d"}}]}', delta("stop"), DONE)
    assert last.parts == [TextPart(text="a\ufffd")]


@pytest.mark.parametrize(
    ("chunk", "kind"),
    [
        ({"error": {"message": "slow", "code": "rate_limit_exceeded"}}, ModelRateLimited),
        ({"error": {"message": "upstream", "code": 502}}, ModelUnavailable),
        ({"error": {"message": "maximum context length is 10"}}, ContextTooLong),
        ({"error": "overloaded"}, ModelUnavailable),
        ({"object": "error", "message": "bad", "code": 400}, ModelError),
        ({"detail": "nope"}, ModelError),
        ({"choices": [{"error": {"message": "x", "code": 429}}]}, ModelRateLimited),
        (delta("error"), ModelUnavailable),
        ({"choices": [], "x_groq": {"error": "over capacity"}}, ModelUnavailable),
    ],
)
def test_an_error_in_the_stream_is_raised_as_what_it_is(chunk: Any, kind: type[ModelError]):
    with pytest.raises(kind):
        decode(delta(content="x"), chunk)


def test_an_answer_that_is_not_streamed_is_read_as_well():
    whole = {
        "id": "r1",
        "object": "chat.completion",
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "Hi",
                    "tool_calls": [piece(None, "c", "x", "{}")],
                },
                "finish_reason": "tool_calls",
            }
        ],
        "usage": USAGE,
    }
    last = completed(whole)
    assert last.parts == [TextPart(text="Hi"), ToolCallPart(id="c", name="x")]
    assert last.usage.input_tokens == 100


def test_the_halves_of_a_character_meet_again():
    halves = [
        f'{{"choices":[{{"delta":{{"content":"{half}"}}}}]}}' for half in ("\\ud83d", "\\ude00")
    ]
    assert completed(*halves, delta("stop"), DONE).parts == [TextPart(text="😀")]


def test_an_error_that_nests_for_ever_is_a_typed_error():
    with pytest.raises(ModelProtocolError):
        decode('{"error":' + "[" * 99_999)
