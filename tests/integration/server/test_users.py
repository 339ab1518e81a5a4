"""Requests for different users: by whom they are made, and what each of them sees."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from support.postgres import PostgresAddress
from support.served import Served, served

from muxi.client.client import Client
from muxi.core.errors import InvalidInput, NotFound
from muxi.core.events import RunSuspended
from muxi.core.messages import ImagePart, TextPart
from muxi.models.scripted import ModelRequest, Reply, call
from muxi.server.table import all_operations

PNG = b"\x89PNG\r\n\x1a\n an eye"
AGENTS = {"a": {"name": "a", "tools": ["pay"], "approve": ["pay"]}}
SHARED = re.compile(
    r"/((?:api|v1)/(agents|budgets|credentials|secrets|models|tools|mcp"
    r"|users|groups|keys|tenants|me|roles|policies)|agui|login)\b"
)
"""What belongs to the project, or is looked at with other eyes than a user's; of a credential only
its name does."""


def pay(amount: int) -> str:
    """Pay somebody."""
    return f"paid {amount}"


def answer(request: ModelRequest) -> Reply | str:
    said = request.messages[-1].text
    return call("pay", amount=1) if "pay" in said else f"You said: {said}"


@dataclass
class Person:
    """A user, a client for them, and what they have."""

    name: str
    client: Client
    ids: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def headers(self) -> dict[str, str]:
        return {"X-Muxi-User": quote(self.name, safe="")}


@dataclass
class Two:
    """A server with two users, each of whom has one of everything."""

    muxi: Served
    ann: Person
    bob: Person


async def _settle(person: Person) -> None:
    """Let `person` have a thread with a picture, a run, a message, and a question that waits."""
    client, ids = person.client, person.ids
    parts = [
        TextPart(text=f"I am {person.name}"),
        ImagePart(media_type="image/png", data=PNG + person.name.encode()),
    ]
    run = await client.start_run(parts)
    assert [event.type async for event in client.events(run.id)][-1] == "run.completed"
    ids["thread"], ids["run"] = run.thread_id, run.id
    ids["conversation"] = f"conv_{run.thread_id.removeprefix('thr_')}"
    first = (await client.messages(run.thread_id))[0]
    ids["message"] = first.id
    (image,) = [part for part in first.parts if isinstance(part, ImagePart)]
    ids["blob"] = image.blob or ""
    asking = await client.start_run("pay")
    last = [event async for event in client.events(asking.id)][-1]
    assert isinstance(last, RunSuspended)
    ids["asking"], ids["approval"] = asking.id, last.approvals[0].id
    ids["memory"] = (await client.memories.add(f"The parrot of {person.name} is green.")).id
    await client.facts.put("pet", f"the parrot of {person.name}")
    (fact,) = (await client.facts.page("pet")).items
    ids["fact"] = fact.id
    document = await client.knowledge.add(text=f"The parrots of {person.name}.", owner="user")
    ids["document"] = document.id
    ids["file"] = (await client.files.send(f"A letter of {person.name}.".encode())).id


async def _respond(muxi: Served, person: Person) -> str:
    """Let `person` have an answer over OpenAI's API."""
    body = {"model": "a", "input": f"I am {person.name}"}
    async with muxi.http.post(
        f"{muxi.url}/v1/responses", json=body, headers=person.headers
    ) as response:
        return (await response.json())["id"]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.ci)])
async def two(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Two]:
    declared: dict[str, Any] = {"agents": AGENTS, "memory": {"embedder": "none"}}
    if request.param == "postgresql":
        address: PostgresAddress = request.getfixturevalue("postgres_database")
        declared["storage"] = {"url": address.url, "owner_url": address.owner_url}
    async with AsyncExitStack() as stack:
        muxi = await stack.enter_async_context(
            served(tmp_path, answer, tools={"pay": pay}, **declared)
        )
        people: list[Person] = []
        # One name begins with the other and has what SQL takes for a wildcard.
        for name in ("ann", "ann%"):
            client = Client(muxi.url, token=muxi.runtime.state.token(), user=name)
            people.append(Person(name, await stack.enter_async_context(client)))
            await _settle(people[-1])
            people[-1].ids["response"] = await _respond(muxi, people[-1])
        yield Two(muxi, *people)


_PARTS = {
    "/v1/conversations/{id}": "conversation",
    "/v1/conversations/{id}/items": "conversation",
    "/v1/conversations/{id}/items/{item}": "conversation",
    "/v1/responses/{id}": "response",
    "/v1/responses/{id}/cancel": "response",
    "/v1/responses/{id}/input_items": "response",
    "/api/threads/{id}": "thread",
    "/api/threads/{id}/messages": "thread",
    "/api/threads/{id}/events": "thread",
    "/api/blobs/{hash}": "blob",
    "/api/runs/{id}": "run",
    "/api/runs/{id}/events": "run",
    "/api/runs/{id}/cancel": "asking",
    "/api/approvals/{id}": "approval",
    "/api/memories/{id}": "memory",
    "/api/facts/{id}": "fact",
    "/api/knowledge/{id}": "document",
    "/api/chat/{id}": "thread",
    "/api/chat/{id}/stream": "thread",
    "/api/messages/{id}": "message",
    "/v1/files/{id}": "file",
    "/v1/files/{id}/content": "file",
    "/api/files/{id}": "file",
    "/api/files/{id}/content": "file",
    "/api/files/{id}/thumbnail": "file",
}
_PIECE = {
    "Tus-Resumable": "1.0.0",
    "Upload-Offset": "0",
    "Content-Type": "application/offset+octet-stream",
}
_BODIES: dict[tuple[str, str], Any] = {
    ("PATCH", "/api/threads/{id}"): {"title": "Mine now"},
    ("POST", "/api/approvals/{id}"): {"decision": "approve"},
    ("POST", "/v1/conversations/{id}"): {"metadata": {}},
    ("POST", "/v1/conversations/{id}/items"): {"items": [{"role": "user", "content": "Me too."}]},
}


async def _everything(person: Person, muxi: Served) -> str:
    """All that a person can be shown."""
    await muxi.runtime.remembering.backlog.catch_up()
    shown: list[str] = []
    paths = ["/api/threads", "/api/runs", "/api/approvals", "/api/memories", "/api/facts"]
    paths += ["/api/knowledge", "/api/knowledge/search?q=parrots"]
    paths += ["/api/facts/history", "/api/facts/tree", "/api/memories/search?q=whose+parrot"]
    paths += [f"/api/threads/{person.ids['thread']}/messages", "/api/files"]
    for path in paths:
        async with muxi.http.get(muxi.url + path, headers=person.headers) as response:
            assert response.status == 200
            shown.append(await response.text())
    return "\n".join(shown)


async def test_an_id_of_another_user_is_nowhere(two: Two) -> None:
    muxi = two.muxi
    before = await _everything(two.ann, muxi)
    tried = 0
    for operation in all_operations():
        if "{" not in operation.path or SHARED.match(operation.path):
            continue
        held = two.ann.ids[_PARTS[operation.path]]
        path = re.sub(r"\{\w+\}", quote(held, safe=""), operation.path)
        body = _BODIES.get((operation.method, operation.path))
        headers = {**two.bob.headers, **(_PIECE if operation.streamed else {})}
        async with muxi.http.request(
            operation.method, muxi.url + path, json=body, headers=headers
        ) as response:
            told = await response.text()
            assert response.status == 404, (operation.method, operation.path, told)
            if operation.method != "HEAD":
                answered = json.loads(told)
                assert answered.get("error", answered)["code"] == "not_found"
        tried += 1
    assert tried >= len(_PARTS)
    assert await _everything(two.ann, muxi) == before


async def test_nothing_of_another_user_is_listed(two: Two) -> None:
    for one, other in ((two.ann, two.bob), (two.bob, two.ann)):
        shown = await _everything(one, two.muxi)
        assert not [name for name, held in other.ids.items() if held in shown]
        listed = ("thread", "run", "approval", "memory", "fact")
        assert {one.ids[name] for name in listed} <= set(re.findall(r"\w+_[0-9a-f]{32}", shown))
        assert f"parrot of {other.name} is" not in shown
        assert f"parrots of {other.name}." not in shown
        assert (await one.client.runs(thread_id=other.ids["thread"])).items == []
        assert (await one.client.approvals(other.ids["asking"])).items == []


async def test_the_memory_of_another_user_cannot_be_named(two: Two) -> None:
    named = f"owner={quote(f'user:{two.ann.name}')}"
    asked: list[tuple[str, str, Any]] = [
        ("GET", f"/api/memories?{named}", None),
        ("GET", f"/api/memories/search?q=parrot&{named}", None),
        ("GET", f"/api/memories/stats?{named}", None),
        ("POST", "/api/memories", {"text": "I was here.", "owner": f"user:{two.ann.name}"}),
        ("GET", f"/api/facts?{named}", None),
        ("GET", f"/api/facts/tree?{named}", None),
        ("GET", f"/api/facts/history?{named}", None),
        ("GET", f"/api/facts/subjects?{named}", None),
        ("PUT", f"/api/facts?path=pet&{named}", {"value": "mine"}),
        ("PATCH", f"/api/facts?path=pet&{named}", {"value": {"of": "me"}}),
        ("POST", f"/api/facts/end?path=pet&{named}", {}),
        ("POST", f"/api/facts?{named}", {"facts": [{"predicate": "pet", "value": "mine"}]}),
        ("DELETE", f"/api/facts?path=pet&{named}", None),
        ("GET", f"/api/facts/{two.ann.ids['fact']}?{named}", None),
    ]
    before = await _everything(two.ann, two.muxi)
    for method, path, body in asked:
        async with two.muxi.http.request(
            method, two.muxi.url + path, json=body, headers=two.bob.headers
        ) as response:
            assert response.status == 403, (method, path, await response.text())
    assert await _everything(two.ann, two.muxi) == before


async def test_nobody_speaks_in_the_thread_of_another_user(two: Two) -> None:
    ann, bob = two.ann.ids, two.bob
    for where in (
        {"thread_id": ann["thread"]},
        {"thread_id": ann["thread"], "parent_id": ann["message"]},
        {"thread_id": bob.ids["thread"], "parent_id": ann["message"]},
    ):
        with pytest.raises(NotFound):
            await bob.client.start_run("Hello", **where)
        headers, body = bob.headers, {"input": "Hello", **where}
        url = f"{two.muxi.url}/api/runs/stream"
        async with two.muxi.http.post(url, json=body, headers=headers) as response:
            assert response.status == 404
    assert len(await two.ann.client.messages(ann["thread"])) == 2


async def test_a_picture_of_another_user_cannot_be_shown_to_a_model(two: Two) -> None:
    borrowed = ImagePart(media_type="image/png", blob=two.ann.ids["blob"])
    with pytest.raises(NotFound):
        await two.bob.client.start_run([TextPart(text="What is this?"), borrowed])
    own = ImagePart(media_type="image/png", blob=two.bob.ids["blob"])
    run = await two.bob.client.start_run([TextPart(text="And this?"), own])
    assert [event.type async for event in two.bob.client.events(run.id)][-1] == "run.completed"
    # The new thread holds it by itself.
    await two.bob.client.delete_thread(two.bob.ids["thread"])
    url = f"{two.muxi.url}/api/blobs/{two.bob.ids['blob']}"
    async with two.muxi.http.get(url, headers=two.bob.headers) as response:
        assert await response.read() == PNG + b"ann%"


async def test_the_id_of_a_run_of_another_user_cannot_be_taken(two: Two) -> None:
    url = f"{two.muxi.url}/api/runs"
    body = {"input": "Hello", "id": two.ann.ids["asking"]}
    async with two.muxi.http.post(url, json=body, headers=two.bob.headers) as response:
        assert response.status == 409
    done = await two.ann.client.cancel(two.ann.ids["asking"])
    assert done.status == "cancelled"


@pytest.fixture
async def muxi(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path, answer) as living:
        yield living


async def test_without_the_header_it_is_the_person_at_this_machine(muxi: Served) -> None:
    thread = await muxi.client.create_thread("Mine")
    assert thread.owner == "local"
    named = {"X-Muxi-User": "local"}
    url = f"{muxi.url}/api/threads/{thread.id}"
    async with muxi.http.get(url, headers=named) as response:
        assert response.status == 200


@pytest.mark.parametrize(
    "name", ["李雷 🧑‍🚀", "a/b?c#d&e=f", "100%", "%41", "x" * 200, "O'Brien; --"]
)
async def test_a_user_may_be_any_text(muxi: Served, name: str) -> None:
    async with Client(muxi.url, token=muxi.runtime.state.token(), user=name) as client:
        thread = await client.create_thread()
        assert thread.owner == name
        assert [found.id for found in (await client.threads()).items] == [thread.id]
    assert (await muxi.client.threads()).items == []


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("", "empty"),
        ("%20%20", "empty"),
        ("x" * 201, "longer than 200"),
        ("%E6%9D%8E" * 201, "longer than 200"),
        ("a%00", "cannot be written"),
        ("a%0Ab", "cannot be written"),
        ("a%C2%85", "cannot be written"),
        ("100%", "percent-encoding"),
        ("%zz", "percent-encoding"),
        ("李", "percent-encoding"),
        ("%FF", "UTF-8"),
        ("%ED%A0%80", "UTF-8"),
    ],
)
async def test_a_header_that_names_no_user_is_refused(muxi: Served, sent: str, told: str) -> None:
    url = f"{muxi.url}/api/threads"
    async with muxi.http.get(url, headers={"X-Muxi-User": sent}) as response:
        problem = json.loads(await response.text())
        assert (response.status, problem["code"]) == (422, "invalid_input")
        assert told in problem["detail"]
    # Whether a process is up is nobody's in particular.
    async with muxi.http.get(f"{muxi.url}/readyz", headers={"X-Muxi-User": sent}) as response:
        assert response.status == 200


async def test_two_names_are_refused(muxi: Served) -> None:
    headers = [("X-Muxi-User", "ann"), ("X-Muxi-User", "ben")]
    url = f"{muxi.url}/api/threads"
    async with muxi.http.get(url, headers=headers) as response:
        assert response.status == 422
        assert "more than one" in json.loads(await response.text())["detail"]


async def test_a_name_is_no_credential(muxi: Served) -> None:
    async with aiohttp.ClientSession() as stranger:
        url = f"{muxi.url}/api/threads"
        async with stranger.get(url, headers={"X-Muxi-User": "local"}) as response:
            assert response.status == 401


async def test_a_browser_is_the_person_at_this_machine_unless_it_says_otherwise(
    muxi: Served,
) -> None:
    mine = await muxi.client.create_thread("Mine")
    link = await muxi.client.login_link()
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as browser:
        async with browser.get(link, allow_redirects=False) as response:
            assert response.status == 303
        url = f"{muxi.url}/api/threads/{mine.id}"
        async with browser.get(url) as response:
            assert response.status == 200
        async with browser.get(url, headers={"X-Muxi-User": "ann"}) as response:
            assert response.status == 404


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 201, "\udcff"])
def test_a_client_for_nobody_is_not_made(name: str) -> None:
    with pytest.raises(InvalidInput):
        Client(user=name)


async def test_the_description_tells_of_the_header_where_it_counts(muxi: Served) -> None:
    async with muxi.http.get(f"{muxi.url}/openapi.json") as response:
        document = json.loads(await response.text())
    assert document["components"]["parameters"]["user"]["name"] == "X-Muxi-User"
    reference = {"$ref": "#/components/parameters/user"}
    assert reference in document["paths"]["/api/threads"]["get"]["parameters"]
    assert reference not in document["paths"]["/healthz"]["get"]["parameters"]
