"""What a client does not want to be stored: nothing of it is left, however it ended."""

from __future__ import annotations

import base64
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from support.openai import talking
from support.processes import started

from muxi.core.messages import user_message
from muxi.core.terms import Terms
from muxi.models.scripted import Answer, call
from muxi.runtime import passing
from muxi.runtime.principal import LOCAL, owner_for
from muxi.runtime.requests import RunRequest
from muxi.runtime.usage import UsageQuery

SAID: Any = [{"role": "user", "content": "The word is zebrafinch."}]
WEATHER: Any = {"type": "function", "function": {"name": "weather", "parameters": {}}}
PICTURE = "data:image/png;base64," + base64.b64encode(b"\x89PNG a bird").decode()
COUNTED = {"usage", "audit", "tenants", "agents", "idempotency_keys", "cursors"}
"""Tables that keep that something was done, and not what was said."""


def _rows(folder: Path) -> dict[str, int]:
    """Rows of each table of a project that have to do with what was said."""
    with closing(sqlite3.connect(folder / ".muxi" / "muxi.db")) as database:
        found = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        rows = Counter[str]()
        for (name,) in found:
            if name.split("_")[0] not in COUNTED and name not in COUNTED:
                rows[name] = database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
    return dict(rows)


async def test_many_unstored_answers_leave_the_database_as_it_was(tmp_path: Path) -> None:
    async with talking(tmp_path, ["I see."] * 24) as (muxi, client, _m):
        await _say_everything(client)
        before = _rows(tmp_path)
        assert before["threads"] == before["messages"] == before["runs"] == before["events"] == 0
        for _ in range(5):
            await _say_everything(client)
        assert _rows(tmp_path) == before
        found = await muxi.runtime.forgetting.verify(LOCAL, owner_for(LOCAL), texts=["zebrafinch"])
        # SQLite writes the pages of its files anew in its own time.
        places = {each.place for each in found.searched if each.found}
        assert places <= {"muxi.db", "muxi.db-wal"}
        used = await muxi.runtime.usage.page(LOCAL, UsageQuery())
        assert sum(row.output_tokens for row in used.items) > 0


async def _say_everything(client: AsyncOpenAI) -> None:
    """Unstored answers of every kind."""
    done = await client.chat.completions.create(model="a", messages=SAID)
    said: Any = [*SAID, done.choices[0].message.model_dump(), *SAID]
    stream = await client.chat.completions.create(model="a", messages=said, stream=True)
    assert "".join([c.choices[0].delta.content or "" async for c in stream]) == "I see."
    seen: Any = [{"type": "input_image", "image_url": PICTURE, "detail": "auto"}]
    await client.responses.create(model="a", input=[{"role": "user", "content": seen}], store=False)
    streamed = await client.responses.create(
        model="a", input="zebrafinch", store=False, stream=True
    )
    assert [event.type async for event in streamed][-1] == "response.completed"


async def test_an_unstored_response_goes_on_in_a_copy(tmp_path: Path) -> None:
    async with talking(tmp_path, ["One.", "Two.", "Three."]) as (muxi, client, model):
        first = await client.responses.create(model="a", input="First")
        await muxi.runtime.remembering.backlog.catch_up()
        before = _rows(tmp_path)
        second = await client.responses.create(
            model="a", input="zebrafinch", previous_response_id=first.id, store=False
        )
        asked = [message.text for message in model.requests[-1].messages]
        assert asked == ["First", "One.", "zebrafinch"]
        assert _rows(tmp_path) == before
        with pytest.raises(openai.NotFoundError):
            await client.responses.retrieve(second.id)
        third = await client.responses.create(
            model="a", input="Third", previous_response_id=first.id
        )
        assert third.output_text == "Three."
        assert "zebrafinch" not in [message.text for message in model.requests[-1].messages]


async def test_a_chat_completion_is_stored_if_it_is_asked_for(tmp_path: Path) -> None:
    async with talking(tmp_path, ["Yes."]) as (muxi, client, _m):
        await client.chat.completions.create(model="a", messages=SAID, store=True)
        (thread,) = (await muxi.client.threads()).items
        texts = [message.text for message in await muxi.client.messages(thread.id)]
        assert texts == ["The word is zebrafinch.", "Yes."]


async def test_what_waits_for_its_client_goes_after_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with talking(tmp_path, [call("weather"), call("weather")]) as (muxi, client, _m):
        for store in (False, True):
            made = await client.chat.completions.create(
                model="a", messages=SAID, tools=[WEATHER], store=store
            )
            assert made.choices[0].finish_reason == "tool_calls"
        sweep = passing.Passing(runs=muxi.runtime.runs).sweep
        await sweep("default")
        assert len((await muxi.client.threads()).items) == 2
        monkeypatch.setattr(passing, "KEPT_FOR", timedelta(0))
        await sweep("default")
        assert len((await muxi.client.threads()).items) == 1


async def test_an_unstored_run_has_a_thread_of_its_own(tmp_path: Path) -> None:
    async with talking(tmp_path, ["x"]) as (muxi, _, _m):
        thread = await muxi.client.create_thread()
        terms = Terms(passing=True)
        request = RunRequest(input=[*user_message("x").parts], thread_id=thread.id, terms=terms)
        body = request.model_dump(mode="json", exclude_none=True)
        async with muxi.http.post(f"{muxi.url}/api/runs", json=body) as answer:
            assert answer.status == 422
        del body["thread_id"]
        async with muxi.http.post(f"{muxi.url}/api/runs/stream", json=body) as answer:
            assert "run.completed" in await answer.text()
        assert [each.id for each in (await muxi.client.threads()).items] == [thread.id]


async def test_a_request_that_comes_again_is_not_answered_twice(tmp_path: Path) -> None:
    answers: list[Answer] = ["One.", "Two."]
    async with talking(tmp_path, answers) as (_, client, model):
        say: Any = partial(client.chat.completions.create, model="a", messages=SAID)
        told = await say(extra_headers={"Idempotency-Key": "told"})
        assert await say(extra_headers={"Idempotency-Key": "told"}) == told
        private: Any = {"extra_headers": {"Idempotency-Key": "private"}, "store": False}
        await say(**private)
        for _ in range(2):
            with pytest.raises(openai.ConflictError, match="nothing of it was kept"):
                await say(**private)
        assert len(model.requests) == 2


async def test_nothing_is_left_after_a_kill(tmp_path: Path) -> None:
    async with started(tmp_path) as server:
        client = AsyncOpenAI(base_url=f"{server.url}/v1", api_key=server.token, max_retries=0)
        async with client:
            chunks = await client.chat.completions.create(model="a", messages=SAID, stream=True)
            async for chunk in chunks:
                if chunk.choices[0].delta.content:
                    break
            events = await client.responses.create(
                model="a", input="zebrafinch", store=False, stream=True
            )
            async for event in events:
                if event.type == "response.output_text.delta":
                    break
            await server.kill()
    assert _rows(tmp_path)["threads"] == 2
    async with started(tmp_path) as server:
        assert not (await server.client.threads()).items
    rows = _rows(tmp_path)
    assert rows["threads"] == rows["messages"] == rows["events"] == rows["steps"] == 0
    assert (tmp_path / "asked.log").read_text().split() == ["user"] * 2, "nobody is asked again"
