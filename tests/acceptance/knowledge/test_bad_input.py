"""What is hostile, broken, foreign or broken off is told of that document, and harms nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from support import documents as make
from support.postgres import PostgresAddress
from support.served import Served, project, served

from muxi.client.client import Client
from muxi.core.documents import Document
from muxi.core.errors import AccessDenied, InvalidInput, NotFound
from muxi.core.requests import ModelRequest
from muxi.models.scripted import ScriptedModel
from muxi.runtime.build import open_runtime
from muxi.runtime.principal import LOCAL


def _say(request: ModelRequest) -> str:
    return request.instructions


@pytest.fixture(params=["sqlite", "postgresql"])
def storage(request: pytest.FixtureRequest) -> dict[str, Any]:
    if request.param == "sqlite":
        return {}
    address: PostgresAddress = request.getfixturevalue("postgres_database")
    return {"storage": {"url": address.url, "owner_url": address.owner_url}}


AGENTS = {name: {"name": name} for name in ("a", "b")}


@pytest.fixture
async def muxi(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path, _say, agents=AGENTS) as server:
        yield server


@pytest.fixture
async def both(tmp_path: Path, storage: dict[str, Any]) -> AsyncIterator[Served]:
    """A server on each of the databases."""
    async with served(tmp_path, _say, agents=AGENTS, **storage) as server:
        yield server


async def _added(muxi: Served, source: str | None = None, **options: Any) -> Document:
    document = await muxi.client.knowledge.add(source, **options)
    await muxi.runtime.knowledge.settled()
    return await muxi.client.knowledge.get(document.id)


async def _found(client: Client, query: str, **options: Any) -> list[str]:
    found = await client.knowledge.search(query, **options)
    return [item.piece.citation.name for item in found.items]


async def test_a_folder_of_hostile_files_is_indexed_as_far_as_it_can_be(
    muxi: Served, tmp_path: Path
) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "good.md").write_text("# Harbour\n\nThe ferry leaves at noon.\n")
    (folder / "locked.pdf").write_bytes(make.encrypted_pdf("x"))
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\nnothing")
    (folder / "broken.docx").write_bytes(b"PK\x03\x04nothing")
    (folder / "binary.txt").write_bytes(b"\x7fELF\0\0\0" * 99)
    make.zip_bomb(folder / "bomb.xlsx", "xl/workbook.xml", 48 << 20)
    with (folder / "huge.csv").open("wb") as file:
        file.truncate(2 << 30)
    root = await _added(muxi, str(folder))
    assert (root.status, root.pieces) == ("ready", 7)
    found = (await muxi.client.knowledge.page(folder=root.id)).items
    assert {each.name for each in found if each.status == "ready"} == {"good.md"}
    reasons = {each.name: each.error or "" for each in found if each.status == "failed"}
    assert "encrypted" in reasons["locked.pdf"]
    assert "broken" in reasons["broken.pdf"]
    assert "broken" in reasons["broken.docx"]
    assert "text" in reasons["binary.txt"]
    assert "unpack" in reasons["bomb.xlsx"]
    assert "2,147 MB" in reasons["huge.csv"]
    assert await _found(muxi.client, "When does the ferry leave?") == ["good.md"]


async def test_nobody_finds_the_documents_of_another_user(both: Served) -> None:
    async with (
        Client(both.url, token=both.runtime.state.token(), user="ann") as ann,
        Client(both.url, token=both.runtime.state.token(), user="bob") as bob,
    ):
        hers = await ann.knowledge.add(text="My locker is 4711.", name="locker", owner="user")
        await bob.knowledge.add(text="My locker is 4712.", name="locker", owner="user")
        assert hers.owner == "user:ann"
        for client, number in ((ann, "4711"), (bob, "4712")):
            found = await client.knowledge.search("Which locker is mine?")
            assert [number in item.piece.text for item in found.items] == [True]
        with pytest.raises(NotFound):
            await bob.knowledge.get(hers.id)
        with pytest.raises(NotFound):
            await bob.knowledge.remove(hers.id)
        with pytest.raises(AccessDenied):
            await bob.knowledge.add(text="x", owner="user:ann")
        run = await bob.start_run("Which locker is mine?", agent="a")
        events = [event async for event in bob.events(run.id)]
        assert "4712" in events[-1].text  # pyright: ignore[reportAttributeAccessIssue] -- the end of a run
        assert "4711" not in events[-1].text  # pyright: ignore[reportAttributeAccessIssue] -- the end of a run


async def test_an_agent_finds_what_is_for_all_and_for_itself(both: Served) -> None:
    await _added(both, text="The safe opens with 11.", name="all")
    await _added(both, text="The safe opens with 22.", name="only b", agents=["b"])
    await _added(both, text="The safe opens with 33.", name="owned by b", owner="agent:b")
    question = "What opens the safe?"
    assert set(await _found(both.client, question, agent="a")) == {"all"}
    assert set(await _found(both.client, question, agent="b")) == {"all", "only b", "owned by b"}
    assert set(await _found(both.client, question)) == {"all", "only b"}


async def test_documents_are_filtered_by_what_they_bear(muxi: Served) -> None:
    for year in (2024, 2025, 2026):
        await _added(muxi, text="The annual report.", name=str(year), metadata={"year": year})
    assert await _found(muxi.client, "report", metadata={"year": 2025}) == ["2025"]
    some = await _found(muxi.client, "report", metadata={"year": [2024, 2026]})
    assert set(some) == {"2024", "2026"}
    assert await _found(muxi.client, "report", metadata={"month": 1}) == []


async def test_what_is_added_twice_is_there_once_and_what_is_removed_is_gone(
    both: Served,
) -> None:
    first = await _added(both, text="Old words here.", name="note")
    second = await _added(both, text="New terms there.", name="note")
    assert first.id == second.id
    assert await _found(both.client, "old words") == []
    assert await _found(both.client, "new terms") == ["note"]
    await both.client.knowledge.remove(first.id)
    assert await _found(both.client, "new terms") == []
    with pytest.raises(NotFound):
        await both.client.knowledge.get(first.id)


async def test_bytes_are_read_by_the_ending_of_their_name(muxi: Served) -> None:
    found = await _added(muxi, data=make.pdf(["A pelican."]), name="bird.pdf")
    assert (found.status, found.pages) == ("ready", 1)
    assert await _found(muxi.client, "pelican") == ["bird.pdf"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"uri": "/nowhere/at/all"},
        {"uri": "x", "text": "y"},
        {"text": "x", "owner": "nobody"},
        {"text": "x", "owner": "user:"},
        {"data": "%%%", "name": "a"},
        {"text": "x", "name": ""},
        {"text": "x", "surprise": 1},
    ],
)
async def test_what_cannot_be_added_is_refused_with_words(
    muxi: Served, body: dict[str, Any]
) -> None:
    async with muxi.http.post(f"{muxi.url}/api/knowledge", json=body) as response:
        problem = await response.json()
        assert response.status in (400, 422), problem
        assert problem["detail"]


@pytest.mark.parametrize("text", ["", " \n\t", "\0", "👩‍👩‍👧 שלום \ud800", "x" * 5_000_000])
async def test_any_text_can_be_added_and_searched_for(muxi: Served, text: str) -> None:
    document = await _added(muxi, text=text, name="odd")
    assert document.status in ("ready", "failed")
    await muxi.client.knowledge.search(text[:1_000])


async def test_the_keys_of_the_project_are_no_documents(muxi: Served, tmp_path: Path) -> None:
    for place in (tmp_path / ".muxi", tmp_path / ".muxi" / "token"):
        with pytest.raises(AccessDenied):
            await muxi.client.knowledge.add(str(place))
    document = await _added(muxi, str(tmp_path))
    names = {each.name for each in (await muxi.client.knowledge.page(folder=document.id)).items}
    assert not any("token" in name or "key" in name for name in names)


async def test_a_file_of_a_folder_is_not_removed_by_itself(muxi: Served, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("Words.")
    root = await _added(muxi, str(folder))
    (child,) = (await muxi.client.knowledge.page(folder=root.id)).items
    with pytest.raises(InvalidInput, match="lies in a folder"):
        await muxi.client.knowledge.remove(child.id)
    await muxi.client.knowledge.remove(root.id)
    assert await _found(muxi.client, "words") == []


@pytest.fixture
async def site() -> AsyncIterator[str]:
    """A web site of this machine, which is a private address."""

    async def page(_: web.Request) -> web.Response:
        text = "<html><title>Tides</title><body><p>High tide is at six.</p></body></html>"
        return web.Response(text=text, content_type="text/html")

    async def inward(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://169.254.169.254/secrets"})

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(b"x" * 65_536)
        return response

    app = web.Application()
    app.router.add_get("/tides.html", page)
    app.router.add_get("/inward", inward)
    app.router.add_get("/endless", endless)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    port = web.TCPSite(runner, "127.0.0.1", 0)
    await port.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_private_addresses_are_not_read(muxi: Served, site: str) -> None:
    document = await _added(muxi, f"{site}/tides.html")
    assert document.status == "failed"
    assert "private network" in (document.error or "")
    assert "knowledge.allow_hosts" in (document.hint or "")


async def test_pages_are_read_but_no_redirect_inward_and_no_page_without_end(
    tmp_path: Path, site: str
) -> None:
    allowed = {"allow_hosts": ["127.0.0.1"], "conversion": {"megabytes": 1}}
    async with served(tmp_path, _say, knowledge=allowed) as muxi:
        page = await _added(muxi, f"{site}/tides.html")
        assert (page.status, page.error) == ("ready", None)
        assert page.name in await _found(muxi.client, "When is high tide?")
        inward = await _added(muxi, f"{site}/inward")
        assert "private network" in (inward.error or "")
        endless = await _added(muxi, f"{site}/endless")
        assert "more than the 1 MB" in (endless.error or "")


async def test_what_the_project_file_no_longer_names_goes(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.md").write_text(f"The {name} lighthouse.")
    for source, gone in (("old", "new"), ("new", "old")):
        async with served(tmp_path, _say, knowledge={"sources": [source]}) as muxi:
            await muxi.runtime.knowledge.settled()
            found = await muxi.client.knowledge.search("lighthouse")
            assert [source in item.piece.text for item in found.items] == [True]
            assert gone not in str(found)


async def test_indexing_that_was_broken_off_goes_on_and_ends_whole(
    tmp_path: Path, storage: dict[str, Any]
) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    text = "\n\n".join(f"# Part {n}\n\n{'Words of the part. ' * 30} Mark{n}." for n in range(400))
    (folder / "long.md").write_text(text)
    declared = project(tmp_path, knowledge={"sources": ["docs"], "watch": False}, **storage)
    model = {"m/m": ScriptedModel(_say)}
    runtime = await open_runtime(declared, models=model)
    stored = asyncio.Event()
    add = runtime.database.write
    count = 0

    async def break_off(*args: Any, **options: Any) -> Any:
        nonlocal count
        result = await add(*args, **options)
        count += 1
        if count == 5:
            stored.set()
        return result

    runtime.database.write = break_off  # pyright: ignore[reportAttributeAccessIssue] -- counts the transactions
    async with asyncio.timeout(60):
        await stored.wait()
    await runtime.close()
    runtime = await open_runtime(declared, models=model)
    try:
        await runtime.knowledge.settled()
        (root,) = (await runtime.knowledge.page(LOCAL)).items
        (document,) = (await runtime.knowledge.page(LOCAL, folder=root.id)).items
        assert (document.status, document.pieces) == ("ready", 400)
        for number in (0, 200, 399):
            found = await runtime.knowledge.search(LOCAL, f"Mark{number}")
            assert f"Mark{number}." in found.items[0].piece.text
            assert len({item.piece.id for item in found.items}) == len(found.items)
    finally:
        await runtime.close()
