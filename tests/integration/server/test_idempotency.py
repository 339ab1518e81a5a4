"""A POST that is sent again under its key is carried out once and answered alike."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.served import Served, frames, served

from muxi.core.ids import new_id
from muxi.models.scripted import ModelRequest
from muxi.runtime import idempotency as service
from muxi.runtime.principal import LOCAL
from muxi.storage import idempotency


def answer(request: ModelRequest) -> str:
    return f"You said: {request.messages[-1].text}"


@pytest.fixture
async def muxi(storage: dict[str, Any], tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path, answer, **storage) as living:
        yield living


async def _post(
    muxi: Served, path: str, body: Any, key: str, **headers: str
) -> tuple[int, Mapping[str, str], bytes]:
    named = {"Idempotency-Key": key, **headers}
    async with muxi.http.post(muxi.url + path, json=body, headers=named) as response:
        return response.status, response.headers, await response.read()


async def test_the_same_request_gets_the_same_answer(muxi: Served) -> None:
    first = await _post(muxi, "/api/threads", {"title": "One"}, "k1")
    again = await _post(muxi, "/api/threads", {"title": "One"}, "k1")
    assert (first[0], first[2]) == (again[0], again[2]) == (201, first[2])
    assert first[1]["Content-Type"] == again[1]["Content-Type"]
    assert "Idempotency-Replayed" not in first[1]
    assert again[1]["Idempotency-Replayed"] == "true"
    assert len((await muxi.client.threads()).items) == 1


async def test_a_key_in_quotes_is_the_same_key(muxi: Served) -> None:
    first = await _post(muxi, "/api/threads", {}, '"k1"')
    assert (await _post(muxi, "/api/threads", {}, "k1"))[2] == first[2]


async def test_another_body_address_or_query_under_a_key_is_told(muxi: Served) -> None:
    await _post(muxi, "/api/threads", {"title": "One"}, "k1")
    for path, body in (
        ("/api/threads", {"title": "Two"}),
        ("/api/runs", {"title": "One"}),
        ("/api/runs", {"input": "One"}),
    ):
        status, _, told = await _post(muxi, path, body, "k1")
        assert status == 422, told
        if body != {"title": "One"}:
            assert json.loads(told)["code"] == "idempotency_key_reused"
    assert len((await muxi.client.threads()).items) == 1


async def test_users_do_not_share_keys(muxi: Served) -> None:
    ann = await _post(muxi, "/api/threads", {"title": "One"}, "k1", **{"X-Muxi-User": "ann"})
    ben = await _post(muxi, "/api/threads", {"title": "Two"}, "k1", **{"X-Muxi-User": "ben"})
    assert (ann[0], ben[0]) == (201, 201)


@pytest.mark.parametrize("key", ["", " ", "a b", "ä", "x" * 256, '"', '"a'])
async def test_what_is_no_key_is_refused(muxi: Served, key: str) -> None:
    status, _, told = await _post(muxi, "/api/threads", {}, key)
    expected = (201,) if key == '"a' else (422,)
    assert status in expected, told


async def test_two_keys_are_refused(muxi: Served) -> None:
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    async with muxi.http.post(f"{muxi.url}/api/threads", json={}, headers=headers) as response:
        assert response.status == 422


async def test_an_error_leaves_the_key_free(muxi: Served) -> None:
    status, _, _ = await _post(muxi, "/api/threads", {"agent": "nobody"}, "k1")
    assert status == 404
    status, headers, _ = await _post(muxi, "/api/threads", {"title": "Now"}, "k1")
    assert status == 201
    assert "Idempotency-Replayed" not in headers


async def test_a_run_is_begun_once_however_often_it_is_asked_for(muxi: Served) -> None:
    status, _, first = await _post(muxi, "/api/runs", {"input": "Hello"}, "k1")
    assert status == 201
    run = json.loads(first)
    await muxi.follow(run["id"])
    assert (await _post(muxi, "/api/runs", {"input": "Hello"}, "k1"))[2] == first
    assert len((await muxi.client.runs()).items) == 1


async def test_a_stream_is_given_again_from_its_beginning(muxi: Served) -> None:
    told: list[list[bytes]] = []
    for _ in range(2):
        async with muxi.http.post(
            f"{muxi.url}/api/runs/stream", json={"input": "Hi"}, headers={"Idempotency-Key": "k"}
        ) as response:
            assert response.status == 200
            told.append([frame async for frame in frames(response)])
            replayed = response.headers.get("Idempotency-Replayed")
    assert told[0] == told[1]
    assert told[0][-1].startswith(b"id: ")
    assert replayed == "true"
    assert len((await muxi.client.runs()).items) == 1


async def test_of_many_at_once_one_is_carried_out(muxi: Served) -> None:
    answers = await asyncio.gather(
        *(_post(muxi, "/api/threads", {"title": "One"}, "k1") for _ in range(20))
    )
    made = {body for status, _, body in answers if status == 201}
    assert len(made) == 1
    for status, headers, body in answers:
        assert status in (201, 409)
        if status == 409:
            assert json.loads(body)["code"] == "request_in_progress"
            assert headers["Retry-After"] == "1"
    assert len((await muxi.client.threads()).items) == 1


async def test_an_answer_outlives_a_restart(storage: dict[str, Any], tmp_path: Path) -> None:
    async with served(tmp_path, answer, **storage) as muxi:
        first = await _post(muxi, "/api/threads", {"title": "One"}, "k1")
    async with served(tmp_path, answer, **storage) as muxi:
        again = await _post(muxi, "/api/threads", {"title": "One"}, "k1")
        assert again[2] == first[2]
        assert len((await muxi.client.threads()).items) == 1


async def _broken_off(muxi: Served, key: str, fingerprint: str, run_id: str) -> None:
    """Leave a key as a process did that died before it answered, more than a minute ago."""
    digest = hashlib.sha256(key.encode()).hexdigest()

    def claim(tx: Any) -> None:
        idempotency.release(tx, digest)
        idempotency.claim(tx, digest, fingerprint, run_id=run_id, holder="proc_dead", before=0)
        tx.raw("UPDATE idempotency_keys SET created_at = created_at - 61000000 RETURNING key")

    await muxi.runtime.database.write(LOCAL, claim)


async def _fingerprint(muxi: Served, key: str) -> str:
    digest = hashlib.sha256(key.encode()).hexdigest()

    def read(tx: Any) -> str:
        known = idempotency.claim(tx, digest, "", run_id="", holder="", before=0)
        assert known is not None
        return known.fingerprint

    return await muxi.runtime.database.write(LOCAL, read)


async def test_a_run_whose_server_died_before_it_answered_is_found(muxi: Served) -> None:
    _, _, first = await _post(muxi, "/api/runs", {"input": "Hello"}, "k1")
    run = json.loads(first)
    await muxi.follow(run["id"])
    await _broken_off(muxi, "k1", await _fingerprint(muxi, "k1"), run["id"])
    status, headers, again = await _post(muxi, "/api/runs", {"input": "Hello"}, "k1")
    assert (status, headers["Idempotency-Replayed"]) == (201, "true")
    assert json.loads(again)["id"] == run["id"]
    assert len((await muxi.client.runs()).items) == 1


async def test_a_run_that_was_never_stored_is_begun(muxi: Served) -> None:
    _, _, first = await _post(muxi, "/api/runs", {"input": "Hello"}, "k1")
    await muxi.follow(json.loads(first)["id"])
    planned = new_id("run")
    await _broken_off(muxi, "k1", await _fingerprint(muxi, "k1"), planned)
    status, _, again = await _post(muxi, "/api/runs", {"input": "Hello"}, "k1")
    assert (status, json.loads(again)["id"]) == (201, planned)


async def test_nobody_claims_to_know_what_a_dead_server_did(muxi: Served) -> None:
    await _post(muxi, "/api/threads", {"title": "One"}, "k1")
    await _broken_off(muxi, "k1", await _fingerprint(muxi, "k1"), "run_x")
    for _ in range(2):
        status, _, told = await _post(muxi, "/api/threads", {"title": "One"}, "k1")
        assert (status, json.loads(told)["code"]) == (409, "outcome_unknown")


async def test_keys_are_forgotten_after_a_day(
    muxi: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await _post(muxi, "/api/threads", {}, "k1")
    tomorrow = time.time_ns() // 1000 + service.KEPT_FOR * 1_000_000 + 1
    monkeypatch.setattr(service, "now_micros", lambda: tomorrow)
    assert (await _post(muxi, "/api/threads", {}, "k1"))[2] != first[2]


async def test_a_user_has_so_many_keys_and_no_more(
    muxi: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST_KEYS", 5)
    monkeypatch.setattr(service, "_SWEEP_EVERY", 2)
    for number in range(20):
        assert (await _post(muxi, "/api/threads", {}, f"k{number}"))[0] == 201
    assert await muxi.runtime.database.read(LOCAL, idempotency.count) <= 7
    assert (await _post(muxi, "/api/threads", {}, "k19"))[1]["Idempotency-Replayed"] == "true"


async def test_what_is_kept_is_sealed(muxi: Served, tmp_path: Path) -> None:
    await _post(muxi, "/api/threads", {"title": "Ylvis"}, "k1")
    stored = await muxi.runtime.database.read(
        LOCAL, lambda tx: tx.raw("SELECT key, answer FROM idempotency_keys")
    )
    assert stored[0][0] != "k1"
    assert b"Ylvis" not in bytes(stored[0][1])
