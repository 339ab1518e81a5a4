from __future__ import annotations

import pytest
from aiohttp import web

from muxi.core.errors import ModelAuthError, ModelKeyMissing, ModelProtocolError, UnknownModel
from muxi.models import resolve
from tests.support.provider import serve, status


def answering(field: str):
    async def answer(request: web.Request) -> web.StreamResponse:
        documents = (await request.json())["documents"]
        places = [
            {"index": at, "relevance_score": 1 / (1 + len(text)), "document": {"text": text}}
            for at, text in enumerate(documents)
        ]
        places.sort(key=lambda place: -place["relevance_score"])
        return web.json_response({field: places, "model": "m", "usage": {"total_tokens": 3}})

    return answer


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("cohere/rerank-v3.5", "results"),
        ("jina/reranker-v2", "results"),
        ("voyage/rerank-2", "data"),
    ],
)
async def test_each_text_gets_its_score_in_its_order(name: str, field: str) -> None:
    async with serve(answering(field)) as upstream:
        reranker = resolve.reranker(name, key="sk-12345678", base_url=upstream.url)
        assert reranker.name == name
        assert await reranker.rank("which?", ["long text", "x", ""]) == [0.1, 0.5, 1.0]
        assert upstream.requests[0].path == "/v1/rerank"
        assert upstream.requests[0].headers["Authorization"] == "Bearer sk-12345678"
        assert upstream.bodies[0] == {
            "model": name.partition("/")[2],
            "query": "which?",
            "documents": ["long text", "x", ""],
        }
        assert await reranker.rank("which?", []) == []
        assert len(upstream.requests) == 1
        assert "sk-12345678" not in repr(reranker)
        await reranker.close()


async def test_huge_texts_are_cut_and_odd_ones_are_sent() -> None:
    async with serve(answering("results")) as upstream:
        reranker = resolve.reranker("jina/m", base_url=upstream.url)
        assert len(await reranker.rank("q" * 5_000_000, ["x" * 5_000_000, "\ud800\0"])) == 2
        assert len(upstream.bodies[0]["documents"][0]) < 10_000
        await reranker.close()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"results": []},
        {"results": [{"index": 0, "relevance_score": 1}]},
        {"results": [{"index": at, "relevance_score": 1} for at in (1, 2)]},
        {"results": None},
        [],
        "no json",
    ],
)
async def test_an_answer_that_does_not_fit_is_a_typed_error(body: object) -> None:
    async with serve(status(200, body)) as upstream:
        reranker = resolve.reranker("cohere/m", key="sk-12345678", base_url=upstream.url)
        with pytest.raises(ModelProtocolError, match="one score a text"):
            await reranker.rank("q", ["a", "b"])
        await reranker.close()


async def test_a_refused_key_is_a_typed_error() -> None:
    async with serve(status(401, {"message": "no"})) as upstream:
        reranker = resolve.reranker("cohere/m", key="sk-12345678", base_url=upstream.url)
        with pytest.raises(ModelAuthError):
            await reranker.rank("q", ["a"])
        await reranker.close()


def test_a_reranker_needs_a_known_name_and_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COHERE_API_KEY", raising=False)
    for name in ("nobody/m", "cohere", "cohere/"):
        with pytest.raises(UnknownModel):
            resolve.reranker(name)
    with pytest.raises(ModelKeyMissing):
        resolve.reranker("cohere/m")
    monkeypatch.setenv("COHERE_API_KEY", "sk-12345678")
    assert resolve.reranker("cohere/m").name == "cohere/m"
