"""A stream of events that is refused for a while, since too many ask, is asked for again."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from muxi.client.client import Client
from muxi.core.errors import RateLimited
from muxi.core.events import RunCompleted
from muxi.core.usage import Usage


@pytest.mark.parametrize(("rest", "patience", "told"), [(0, 30.0, True), (9, 1.0, False)])
async def test_who_asks_too_often_asks_later(rest: int, patience: float, told: bool) -> None:
    end = RunCompleted(seq=7, run_id="run_1", status="completed", usage=Usage())
    asked: list[str] = []

    async def stream(request: web.Request) -> web.StreamResponse:
        asked.append(request.headers["Last-Event-ID"])
        if len(asked) == 1:
            problem = {"code": "rate_limited", "detail": "Later.", "details": {"retry_after": rest}}
            return web.json_response(problem, status=429)
        text = f"id: 7\ndata: {end.model_dump_json(exclude_none=True)}\n\n"
        return web.Response(text=text, content_type="text/event-stream")

    application = web.Application()
    application.router.add_get("/api/runs/run_1/events", stream)
    async with TestServer(application) as server, Client(str(server.make_url("/"))) as client:
        events = client.events("run_1", since=6, patience=patience)
        if told:
            assert [event.seq async for event in events] == [7]
            assert asked == ["6", "6"]
        else:
            with pytest.raises(RateLimited):
                await anext(events)
            assert asked == ["6"]
