"""Pieces of answers wait for each other while the event loop is behind, and only then."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, cast

import pytest

from muxi.core.events import TextDelta
from muxi.core.messages import user_message
from muxi.core.requests import ModelRequest
from muxi.models.chat_completions import ChatCompletionsModel
from muxi.models.endpoint import Endpoint
from muxi.models.pace import Pace
from tests.support.provider import chunks, serve, sse


class Clock:
    """An event loop that has nothing but a clock and one timer, which may come late."""

    def __init__(self) -> None:
        self._now = 0.0
        self.waiting: tuple[float, Callable[[], None]] | None = None

    def time(self) -> float:
        return self._now

    def call_at(self, when: float, callback: Callable[[], None]) -> object:
        assert self.waiting is None
        self.waiting = (when, callback)
        return object()

    def pass_by(self, late: float) -> None:
        assert self.waiting is not None
        when, callback = self.waiting
        self.waiting, self._now = None, when + late
        callback()


def paced() -> tuple[Clock, Pace]:
    clock = Clock()
    return clock, Pace(cast("asyncio.AbstractEventLoop", clock))


def test_a_loop_that_keeps_up_makes_nobody_wait() -> None:
    clock, pace = paced()
    pace.begin()
    for _ in range(100):
        clock.pass_by(late=0.005)
        assert pace.pause == 0.0


def test_the_pause_grows_with_the_delay_and_has_an_end() -> None:
    clock, pace = paced()
    pace.begin()
    pauses: list[float] = []
    for _ in range(20):
        clock.pass_by(late=0.03)
        pauses.append(pace.pause)
    assert pauses == sorted(pauses)
    assert 0.0 < pauses[-1] < 0.1
    for _ in range(20):
        clock.pass_by(late=10.0)
    assert pace.pause == 0.15
    for _ in range(60):
        clock.pass_by(late=0.0)
    assert pace.pause == 0.0


def test_nobody_looks_at_the_clock_when_no_answer_streams() -> None:
    clock, pace = paced()
    pace.begin()
    pace.begin()
    pace.end()
    clock.pass_by(late=1.0)
    assert clock.waiting is not None
    pace.end()
    clock.pass_by(late=1.0)
    assert clock.waiting is None
    assert pace.pause == 0.0


async def test_pieces_that_waited_are_the_same_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pace, "pause", 0.02)
    words = [f"{number} " for number in range(30)]
    told = [_delta(content=word) for word in words]
    answer = chunks(*(sse([each]) for each in (*told, _delta(stop=True), "[DONE]")))
    async with serve(answer) as upstream:
        endpoint = Endpoint(upstream.url, provider="acme", key=None)
        model = ChatCompletionsModel("acme/m", endpoint)
        request = ModelRequest(messages=[user_message("hi")])
        texts = [
            event.text async for event in model.stream(request) if isinstance(event, TextDelta)
        ]
        await model.close()
    assert "".join(texts) == "".join(words)


def _delta(*, stop: bool = False, **delta: Any) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": "stop" if stop else None}
    return json.dumps({"choices": [choice]})
