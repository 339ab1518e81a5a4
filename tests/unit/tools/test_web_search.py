"""The built-in search of the web, against local servers that speak the engines' formats.

The answers are composed after the engines' published documentation, not recorded.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from muxi.config.secret import SecretRef
from muxi.config.tool_settings import WebSearchTool
from muxi.core.context import RunContext
from muxi.core.errors import ConfigError, ToolArgumentsInvalid, ToolFailed
from muxi.core.messages import TextPart
from muxi.tools.builtin.brave import Brave
from muxi.tools.builtin.catalogue import builtin_tools
from muxi.tools.builtin.open_knowledge import OpenKnowledge
from muxi.tools.builtin.search_engine import Hit
from muxi.tools.builtin.searxng import SearXNG
from muxi.tools.builtin.setup import Setup
from muxi.tools.builtin.tavily import Tavily
from muxi.tools.builtin.web_search import make_web_search

CTX: RunContext[Any] = RunContext(deps=None)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Engine:
    """A server that answers every request with what the test says, and remembers it."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[tuple[web.Request, Any]] = []
        self.answers: dict[str, Any] = {}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else None
        self.requests.append((request, body))
        answer = self.answers.get(request.path)
        if isinstance(answer, int):
            return web.Response(status=answer, text="the key sk-hush is wrong")
        if isinstance(answer, str):
            return web.Response(text=answer)
        # DuckDuckGo labels its JSON as JavaScript.
        return web.Response(text=json.dumps(answer), content_type="application/x-javascript")


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    made = Engine()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    made.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    yield made
    await runner.cleanup()


INSTANT = {
    "Heading": "Python (programming language)",
    "AbstractText": "Python is a high-level programming language.",
    "AbstractURL": "https://en.wikipedia.org/wiki/Python_(programming_language)",
    "Results": [{"FirstURL": "https://www.python.org/", "Text": "Official site", "Result": ""}],
    "RelatedTopics": [],
}
WIKIPEDIA = {
    "query": {
        "pages": [
            {
                "index": 2,
                "title": "Monty Python",
                "fullurl": "https://en.wikipedia.org/wiki/Monty_Python",
                "extract": "A comedy troupe.",
            },
            {
                "index": 1,
                "title": "Python (programming language)",
                "fullurl": "https://en.wikipedia.org/wiki/Python_(programming_language)",
                "extract": "Python is a language.",
            },
        ]
    }
}


def open_knowledge(engine: Engine) -> OpenKnowledge:
    return OpenKnowledge(
        instant_url=f"{engine.url}/instant", wikipedia_url=f"{engine.url}/wikipedia"
    )


async def test_the_keyless_engine_asks_two_and_gives_each_page_once(engine: Engine):
    engine.answers = {"/instant": INSTANT, "/wikipedia": WIKIPEDIA}
    hits = await open_knowledge(engine).search("python", 5)
    assert [hit.title for hit in hits] == [
        "Python (programming language)",
        "Official site",
        "Monty Python",
    ]
    assert hits[0].excerpt == "Python is a high-level programming language."
    asked = {request.path: request.query for request, _ in engine.requests}
    assert asked["/instant"]["q"] == "python"
    assert asked["/wikipedia"]["gsrsearch"] == "python"


async def test_the_keyless_engine_works_while_one_of_the_two_does(engine: Engine):
    engine.answers = {"/instant": 503, "/wikipedia": WIKIPEDIA}
    assert len(await open_knowledge(engine).search("python", 5)) == 2
    engine.answers = {"/instant": 503, "/wikipedia": 503}
    with pytest.raises(ToolFailed, match="503"):
        await open_knowledge(engine).search("python", 5)


async def test_searxng_is_asked_for_json(engine: Engine):
    results = [{"title": f"T{n}", "url": f"https://x.org/{n}", "content": "C"} for n in range(9)]
    engine.answers = {"/search": {"results": results}}
    hits = await SearXNG(f"{engine.url}/").search("a b", 3)
    assert hits == [Hit(f"T{n}", f"https://x.org/{n}", "C") for n in range(3)]
    assert dict(engine.requests[0][0].query) == {"q": "a b", "format": "json"}


async def test_brave_gets_its_key_in_a_header(engine: Engine):
    found = {"title": "A &amp; B", "url": "https://x.org", "description": "so <strong>it</strong>"}
    engine.answers = {"/": {"web": {"results": [found]}}}
    hits = await Brave("hush", url=f"{engine.url}/").search("q", 3)
    assert hits == [Hit("A & B", "https://x.org", "so it")]
    assert engine.requests[0][0].headers["X-Subscription-Token"] == "hush"


async def test_tavily_gets_its_key_and_the_question_in_a_body(engine: Engine):
    engine.answers = {
        "/": {"results": [{"title": "T", "url": "https://x.org", "content": "C" * 900}]}
    }
    (hit,) = await Tavily("hush", url=f"{engine.url}/").search("q", 3)
    assert len(hit.excerpt) == 501
    request, body = engine.requests[0]
    assert request.headers["Authorization"] == "Bearer hush"
    assert body == {"query": "q", "max_results": 3}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (401, "refused with status 401"),
        (500, "refused with status 500"),
        ("<html>", "did not answer in JSON"),
        ("[]", "unknown form"),
    ],
)
async def test_a_failing_engine_is_told_without_key_and_body(
    engine: Engine, answer: Any, words: str
):
    engine.answers = {"/": answer}
    with pytest.raises(ToolFailed, match=words) as caught:
        await Brave("sk-hush", url=f"{engine.url}/").search("q", 3)
    assert "hush" not in caught.value.message


async def test_an_engine_that_is_not_there_is_told():
    with pytest.raises(ToolFailed, match="SearXNG cannot be reached"):
        await SearXNG("http://127.0.0.1:1").search("q", 3)


@pytest.mark.parametrize(
    "results", [None, {}, "x", [None, 1, {"url": 5}, {"url": "javascript:x"}], [{"title": "T"}]]
)
async def test_broken_results_are_left_out(engine: Engine, results: Any):
    engine.answers = {"/search": {"results": results}}
    assert await SearXNG(engine.url).search("q", 3) == []


async def test_the_tool_lists_what_was_found(engine: Engine):
    engine.answers = {
        "/search": {"results": [{"title": "T", "url": "https://x.org", "content": "C"}]}
    }
    search = make_web_search(SearXNG(engine.url))
    (part,) = await search.run({"query": "q"}, CTX)
    assert part == TextPart(text="1. T\nhttps://x.org\nC")
    engine.answers = {"/search": {"results": []}}
    (part,) = await search.run({"query": "q"}, CTX)
    assert part == TextPart(text="Nothing was found for: q")
    with pytest.raises(ToolArgumentsInvalid, match="less than or equal to 20"):
        await search.run({"query": "q", "max_results": 100}, CTX)


def test_an_engine_with_a_key_is_refused_without_it():
    settings = WebSearchTool(engine="brave", key=SecretRef("secret://BRAVE"))
    with pytest.raises(ConfigError, match="brave needs a key"):
        builtin_tools("web_search", settings)
    (made,) = builtin_tools("web_search", settings, Setup(secrets={"key": "hush"}))
    assert made.spec.name == "web_search"
