"""Whatever the thread, the budget and the summaries: no provider is sent half of a tool call."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from muxi.agents.prompt import answered
from muxi.core.messages import (
    AnyPart,
    ImagePart,
    Message,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    user_message,
)
from muxi.core.requests import ModelRequest
from muxi.core.summaries import CompactionStrategy
from muxi.memory.compaction import contiguous
from muxi.memory.fitting import Room, fit, newest_that_fit
from muxi.memory.overlay import SUMMARY, Overlays
from muxi.memory.strategies import STRATEGIES, Material
from muxi.memory.summarising import Extractive
from muxi.models import resolve
from muxi.models.providers import PROVIDERS
from muxi.models.tokens import TokenEstimate

MODELS = {"anthropic": "claude-sonnet-4-5", "google": "gemini-3-pro", "openai": "gpt-5"}
WORDS = st.sampled_from(
    ["", "yes", "The meeting is on 2026-05-14 in Oslo.", "why? " * 40, "日本語"]
)
Step = tuple[Any, ...]
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.just("user"), WORDS),
    st.tuples(st.just("picture"), WORDS),
    st.tuples(st.just("answer"), WORDS, st.booleans()),
    st.tuples(st.just("thought"), WORDS),
    st.tuples(
        st.just("calls"),
        st.integers(1, 3),
        st.integers(0, 3),
        st.booleans(),
        st.sampled_from(["ok", "error", "cancelled"]),
    ),
    st.tuples(st.just("results"), st.integers(1, 2)),
)


@cache
def encoders() -> dict[str, Any]:
    """Every way in which a provider wants a question, by one that wants it so."""
    found: dict[str, Any] = {}
    ways: list[object] = []
    for name, provider in PROVIDERS.items():
        way = (provider.format, provider.quirks)
        if way in ways:
            continue
        ways.append(way)
        model = resolve.model(
            f"{name}/{MODELS.get(name, 'some-model')}", key="k", base_url=_address(name)
        )
        inner = getattr(model, "inner", model)
        while not hasattr(inner, "encode"):
            inner = next(each for each in vars(inner).values() if hasattr(each, "stream"))
        found[name] = inner
    return found


def _address(name: str) -> str | None:
    # With an address, `openai` would stand for any server that speaks chat completions.
    return "http://127.0.0.1:9" if PROVIDERS[name].base_url is None else None


def thread_of(steps: Sequence[Step]) -> list[Message]:
    """A path as runs may leave it: answers cut off, calls never answered, stray results."""
    path: list[Message] = []

    def add(role: Any, parts: Sequence[AnyPart], status: Any = "complete") -> None:
        parent = path[-1].id if path else None
        path.append(Message(role=role, parts=[*parts], status=status, parent_id=parent))

    for number, (kind, *how) in enumerate(steps):
        if kind == "user":
            add("user", [TextPart(text=how[0] or "hm")])
        elif kind == "picture":
            add("user", [TextPart(text=how[0]), ImagePart(media_type="image/png", data=b"png")])
        elif kind == "answer":
            add("assistant", [TextPart(text=how[0])], "partial" if how[1] else "complete")
        elif kind == "thought":
            add("assistant", [ReasoningPart(text=how[0])], "partial")
        elif kind == "results":
            stray = [_result(f"stray{number}_{each}") for each in range(how[0])]
            add("tool", stray)
        else:
            made, given_back, apart, outcome = how
            ids = [f"call{number}_{each}" for each in range(made)]
            add("assistant", [ToolCallPart(id=each, name="look") for each in ids])
            results = [_result(each, outcome) for each in ids[:given_back]]
            for some in [[each] for each in results] if apart else [results]:
                if some:
                    add("tool", some)
    return path


def _result(call_id: str, outcome: Any = "ok") -> ToolResultPart:
    text = [TextPart(text=f"found 12 of {call_id}")]
    return ToolResultPart(call_id=call_id, name="look", content=[*text], outcome=outcome)


def calls_and_results(value: Any) -> Iterator[tuple[str, str]]:
    """Each call and each result in a request of any format, by its id, in order."""
    if isinstance(value, list):
        for each in value:
            yield from calls_and_results(each)
    if not isinstance(value, dict):
        return
    kind = "tool" if value.get("role") == "tool" else value.get("type")
    if kind in TYPED:
        what, key = TYPED[kind]
        yield what, value[key]
    elif "functionCall" in value or "functionResponse" in value:
        what = "call" if "functionCall" in value else "result"
        yield what, (value.get("functionCall") or value["functionResponse"])["id"]
    else:
        for call in value.get("tool_calls") or []:
            yield "call", call["id"]
        for each in value.values():
            yield from calls_and_results(each)


TYPED = {
    "function_call": ("call", "call_id"),
    "function_call_output": ("result", "call_id"),
    "tool_use": ("call", "id"),
    "tool_result": ("result", "tool_use_id"),
    "tool": ("result", "tool_call_id"),
}


def check_every_format(messages: list[Message]) -> None:
    whole = [*answered(messages), user_message("And now?")]
    made = sum(len(message.tool_calls) for message in whole)
    for name, encoder in encoders().items():
        body = json.loads(encoder.encode(ModelRequest(messages=whole)))
        seen = list(calls_and_results(body))
        calls = Counter(each for kind, each in seen if kind == "call")
        results = Counter(each for kind, each in seen if kind == "result")
        assert calls == results, name
        assert sum(calls.values()) == len(calls) == made, name
        assert all(seen.index(("call", each)) < seen.index(("result", each)) for each in calls)


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEPS, max_size=14), budget=st.integers(0, 600))
def test_a_window_never_parts_a_call_from_its_result(steps: list[Step], budget: int) -> None:
    count = TokenEstimate().count
    kept = newest_that_fit(thread_of(steps), budget, count)
    assert sum(map(count, kept)) <= budget
    check_every_format(kept)


@settings(max_examples=100, deadline=None)
@given(steps=st.lists(STEPS, max_size=14), budget=st.integers(0, 600))
def test_what_fits_whole_is_what_a_close_look_finds(steps: list[Step], budget: int) -> None:
    count = TokenEstimate().count
    path = thread_of(steps)
    found = fit(path, Room(budget=budget, target=budget, count=count), complete=True, overlays=None)
    assert found.messages == newest_that_fit(path, budget, count)
    assert sum(map(count, found.messages)) <= found.tokens <= budget


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(STEPS, min_size=4, max_size=24),
    budget=st.integers(200, 1200),
    cuts=st.lists(st.integers(1, 23), min_size=1, max_size=4),
    strategy=st.sampled_from(["summary", "hierarchical"]),
)
def test_a_summary_never_parts_a_call_from_its_result(
    steps: list[Step], budget: int, cuts: list[int], strategy: CompactionStrategy
) -> None:
    count = TokenEstimate().count
    path = thread_of(steps)
    groups = contiguous(path)
    overlays, done = Overlays(), 0
    for cut in sorted(set(cuts)):
        if done < cut <= len(groups):
            first = groups[done][0]
            material = Material(
                thread_id="thr_1",
                chain=overlays.chain(first.parent_id or ""),
                groups=groups[done:cut],
                room=100,
                count=count,
            )
            overlays.add(asyncio.run(STRATEGIES[strategy].condense(material, Extractive())))
            done = cut
    room = Room(budget=budget, target=int(budget * 0.8), count=count)
    found = fit(path, room, complete=True, overlays=overlays)
    assert sum(map(count, found.messages)) <= found.tokens <= budget
    summaries = [each for each in found.messages if SUMMARY in each.metadata]
    assert len(summaries) == (found.overlay is not None)
    check_every_format(found.messages)
    if found.overlay is not None and not found.crowded:
        # What the summary stands for and what comes after it are the whole path.
        stands_for = found.overlay.summaries[-1].last_message_id
        at = next(at for at, each in enumerate(path) if each.id == stands_for)
        assert sum(each.messages for each in found.overlay.summaries) == at + 1
        assert found.messages[1:] == newest_that_fit_all(path[at + 1 :], count)


def newest_that_fit_all(path: list[Message], count: Any) -> list[Message]:
    """What is shown of `path` when there is room for all of it and a summary before it."""
    first = user_message("summary")
    return newest_that_fit([first, *path], 10**9, count)[1:]
