"""What people send to memory that is too much, too deep, too strange, or nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from muxi.core.errors import InvalidInput
from muxi.core.facts import FactInput
from tests.acceptance.memory.conftest import World, people
from tests.support.served import Served

STRANGE = "\u202e\u0000\ufeff Ünïcödé 李雷 🧑‍🚀 ﷽ e\u0301 \U000e0041 \ufffd"


@pytest.fixture
async def muxi(tmp_path: Path) -> AsyncIterator[Served]:
    async with World(tmp_path, "sqlite", {"memory": {"embedder": "none"}}).open() as served:
        yield served


async def _ask(muxi: Served, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    async with muxi.http.request(method, muxi.url + path, json=body) as response:
        text = await response.text()
        return response.status, json.loads(text) if text else None


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/memories", {"text": ""}),
        ("POST", "/api/memories", {"text": "  \n"}),
        ("POST", "/api/memories", {"txt": "a"}),
        ("POST", "/api/memories", {"text": "a", "said_at": "yesterday"}),
        ("POST", "/api/memories", {"text": "a", "owner": "user:"}),
        ("POST", "/api/memories", {"text": "a", "owner": "everybody"}),
        ("GET", "/api/memories?limit=0", None),
        ("GET", "/api/memories?limit=501", None),
        ("GET", "/api/memories?cursor=nonsense", None),
        ("GET", "/api/memories?kind=context", None),
        ("GET", "/api/memories/search", None),
        ("GET", f"/api/memories/search?q={'x' * 4001}", None),
        ("POST", "/api/memories/forget", {}),
        ("POST", "/api/memories/forget", {"everything": True, "threads": ["thr_1"]}),
        ("POST", "/api/memories/forget", {"everythin": True}),
        ("GET", "/api/facts?as_of=yesterday", None),
        ("GET", "/api/facts/tree?as_of=2024-13-01", None),
        ("GET", "/api/facts?path=a..b", None),
        ("GET", f"/api/facts?path={'a.' * 600}a", None),
        ("GET", "/api/facts?cursor=nonsense", None),
        ("PUT", "/api/facts?path=a", {}),
        ("PUT", "/api/facts?path=", {"value": 1}),
        ("PUT", "/api/facts?path=a&subject=", {"value": 1}),
        ("PUT", "/api/facts?path=a", {"value": 1, "confidence": 2}),
        ("PUT", "/api/facts?path=a", {"value": 1, "valid_from": "2024", "valid_to": "2023"}),
        ("POST", "/api/facts", {"facts": [{"predicate": "", "value": 1}]}),
        ("DELETE", "/api/facts", None),
        ("POST", "/api/memories/import?format=other", None),
    ],
)
async def test_it_is_refused_in_words(muxi: Served, method: str, path: str, body: Any) -> None:
    status, problem = await _ask(muxi, method, path, body)
    assert status in (415, 422), problem
    assert problem["code"] == "invalid_input"
    assert problem["detail"]


@pytest.mark.parametrize("depth", [65, 2_000, 100_000])
async def test_json_that_is_too_deep_is_refused(muxi: Served, depth: int) -> None:
    value = '{"a":' * depth + "1" + "}" * depth
    headers = {"Content-Type": "application/json"}
    url = f"{muxi.url}/api/facts?path=deep"
    async with muxi.http.put(url, data=f'{{"value":{value}}}', headers=headers) as response:
        assert response.status in (400, 422)
        assert json.loads(await response.text())["code"] == "invalid_input"
    assert (await muxi.client.facts.page()).items == []


async def test_any_text_is_kept_as_it_is(muxi: Served) -> None:
    written = STRANGE.replace("\0", "")
    note = await muxi.client.memories.add(written, speaker=written[:20])
    assert (await muxi.client.memories.get(note.id)).text == written
    await muxi.client.facts.put("strange", {STRANGE: [STRANGE]}, subject="李雷")
    assert await muxi.client.facts.tree("strange", subject="李雷") == {STRANGE: [STRANGE]}
    async with people(muxi, STRANGE.strip("\u202e\0")[:20].replace("\0", "")) as (other,):
        await other.memories.take_in([line async for line in muxi.client.memories.export()])
        assert await other.facts.tree("strange", subject="李雷") == {STRANGE: [STRANGE]}
        assert [each.text for each in (await other.memories.page()).items] == [written]


async def test_a_note_of_five_megabytes_is_taken_or_refused_in_words(muxi: Served) -> None:
    try:
        await muxi.client.memories.add("parrot " * 750_000)
        stored = 1
    except InvalidInput:
        stored = 0
    assert (await muxi.client.memories.stats()).memories == stored


async def test_a_date_without_a_zone_is_one_of_utc(muxi: Served) -> None:
    facts = muxi.client.facts
    await facts.put("city", "Oslo", valid_from="2020-01-01")
    await facts.put("city", "Rome", valid_from="2022-06-01T12:00:00+02:00")
    oslo, rome = (await facts.history("city")).items
    assert oslo.valid_from.isoformat() == "2020-01-01T00:00:00+00:00"
    assert rome.valid_from.isoformat() == "2022-06-01T10:00:00+00:00"
    assert await facts.tree("city", as_of="2022-06-01T09:59:59") == "Oslo"


@pytest.mark.ci
async def test_many_facts_of_one_subject_are_loaded_and_listed(tmp_path: Path) -> None:
    world = World(tmp_path, "sqlite", {"memory": {"embedder": "none"}})
    async with world.open() as muxi, people(muxi, "ann") as (ann,):
        told = [FactInput(predicate=f"k{n:06}", value=n) for n in range(100_000)]
        changed = await ann.facts.put_all(told)
        assert changed.added == 100_000
        assert await ann.facts.tree("k099999") == 99_999
        page = await ann.facts.page("", limit=500)
        assert len(page.items) == 500
        tree = await ann.facts.tree()
        assert isinstance(tree, dict)
        assert len(tree) == 100_000


async def test_an_export_comes_while_it_is_read(muxi: Served) -> None:
    for number in range(30):
        await muxi.client.memories.add(f"The parrot number {number} said {'polly ' * 2_000}")
    sizes: list[int] = []
    async with muxi.http.get(f"{muxi.url}/api/memories/export") as response:
        assert response.headers["Content-Type"].startswith("application/x-ndjson")
        assert "Content-Length" not in response.headers
        async for chunk in response.content.iter_any():
            sizes.append(len(chunk))
    assert sum(sizes) > 300_000
    assert len(sizes) > 2


async def test_bad_lines_are_named_by_their_numbers_and_good_ones_kept(muxi: Served) -> None:
    await muxi.client.facts.put("pet", "Polly")
    lines = [line async for line in muxi.client.memories.export()]
    async with people(muxi, "ben") as (ben,):
        report = await ben.memories.take_in([*lines, "", "{", '{"kind": "nothing"}', "\ud800"])
        assert report.skipped == 3
        numbers = " ".join(report.notes)
        assert all(str(len(lines) + at) in numbers for at in (2, 3, 4))
        assert await ben.facts.tree() == {"pet": "Polly"}


async def test_a_large_import_is_sent_in_portions(
    muxi: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("muxi.client.memories._BATCH", 2_000)
    for number in range(30):
        await muxi.client.memories.add(f"My parrot has learned the word number{number}.")
    lines = [line async for line in muxi.client.memories.export()]
    async with people(muxi, "ben") as (ben,):
        report = await ben.memories.take_in([*lines, "broken"], new_ids=True)
        assert sum(report.added.values()) >= 30
        assert report.skipped == 1
        assert str(len(lines) + 1) in report.notes[0]
        assert len((await ben.memories.page(limit=100)).items) == 30
