from __future__ import annotations

import asyncio

import numpy as np
import pytest
from aiohttp import web

from muxi.core.errors import ModelAuthError, ModelError, ModelProtocolError
from muxi.models.embeddings import GoogleEmbedder, OpenAIEmbedder
from muxi.models.endpoint import Endpoint
from tests.support.provider import Upstream, serve, status


async def openai(request: web.Request) -> web.StreamResponse:
    texts = (await request.json())["input"]
    data = [{"index": at, "embedding": [float(len(text)), 1.0]} for at, text in enumerate(texts)]
    return web.json_response({"data": data[::-1]})


async def google(request: web.Request) -> web.StreamResponse:
    asked = (await request.json())["requests"]
    texts = [each["content"]["parts"][0]["text"] for each in asked]
    return web.json_response({"embeddings": [{"values": [0.0, 3.0 * len(t)]} for t in texts]})


def embedder(upstream: Upstream) -> OpenAIEmbedder:
    return OpenAIEmbedder("acme/e", Endpoint(upstream.url, provider="acme", key="sk-12345678"))


async def test_texts_become_unit_vectors_in_their_order():
    async with serve(openai) as upstream:
        model = embedder(upstream)
        with pytest.raises(ModelError, match="not known"):
            _ = model.dimensions
        vectors = await model.embed(["a", "bbb"])
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)
        assert vectors[1, 0] > vectors[0, 0]
        assert model.dimensions == 2
        assert upstream.requests[0].path == "/v1/embeddings"
        await model.close()


async def test_many_texts_are_asked_for_in_batches():
    async with serve(openai) as upstream:
        model = embedder(upstream)
        vectors = await model.embed(["x" * (number % 7) for number in range(300)])
        assert vectors.shape == (300, 2)
        assert sorted(len(body["input"]) for body in upstream.bodies) == [44, 128, 128]
        assert vectors[299, 0] == vectors[5, 0]
        assert (await model.embed([])).shape == (0, 2)
        await model.close()


async def test_googles_batches_are_read_and_cut():
    async with serve(google) as upstream:
        endpoint = Endpoint(upstream.url, provider="google", key="k")
        model = GoogleEmbedder("google/gemini-embedding-001", endpoint, dimensions=2, cut=True)
        vectors = await model.embed(["a", ""])
        np.testing.assert_allclose(vectors, [[0, 1], [0, 0]])
        assert upstream.requests[0].path == "/v1/models/gemini-embedding-001:batchEmbedContents"
        assert upstream.bodies[0]["requests"][0]["outputDimensionality"] == 2
        await model.close()


async def test_a_shorter_vector_is_asked_for():
    async with serve(openai) as upstream:
        endpoint = Endpoint(upstream.url, provider="openai", key="k")
        model = OpenAIEmbedder("openai/e", endpoint, dimensions=2, cut=True)
        await model.embed(["a"])
        assert upstream.bodies[0]["dimensions"] == 2
        await model.close()


@pytest.mark.parametrize(
    "payload",
    [
        {"data": []},
        {"nothing": 1},
        "no JSON",
        {"data": [{"embedding": [1.0]}, {"embedding": [1.0, 2.0]}]},
    ],
)
async def test_an_answer_that_is_none_is_a_typed_error(payload: object):
    async with serve(status(200, payload)) as upstream:
        model = embedder(upstream)
        with pytest.raises(ModelProtocolError):
            await model.embed(["a", "b"])
        await model.close()


async def test_one_failed_batch_fails_the_call_and_stops_the_others():
    async with serve(status(401, {"error": {"message": "bad key sk-12345678"}})) as upstream:
        model = embedder(upstream)
        with pytest.raises(ModelAuthError) as caught:
            await model.embed(["x"] * 1000)
        assert "sk-12345678" not in str(caught.value)
        await model.close()
        await asyncio.sleep(0)
