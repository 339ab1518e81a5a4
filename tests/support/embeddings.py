"""A provider of embeddings and of reranking on this machine, over real HTTP, that can fail."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Embeddings:
    """Gives each text a vector made of its words, so that texts with the same words are near."""

    dimensions: int = 64
    url: str = ""
    status: int = 200
    refused: str | None = None
    """A word that makes the provider refuse a request for good."""
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared to let requests of more than one text wait."""
    texts: list[str] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        body: dict[str, Any] = await request.json()
        texts: list[str] = body["input"]
        if self.status != 200:
            return web.json_response({"error": {"message": "out of order"}}, status=self.status)
        if self.refused is not None and any(self.refused in text for text in texts):
            return web.json_response({"error": {"message": "too long"}}, status=400)
        if len(texts) > 1:
            await self.gate.wait()
        self.texts += texts
        data = [{"index": at, "embedding": self.vector(text)} for at, text in enumerate(texts)]
        return web.json_response({"data": data})

    async def rerank(self, request: web.Request) -> web.Response:
        """Likes most what has the most words of the query, and texts marked `best` above all."""
        body: dict[str, Any] = await request.json()
        wanted = set(body["query"].lower().split())
        results = [
            {
                "index": at,
                "relevance_score": len(wanted & set(text.lower().split())) + 9 * ("best" in text),
            }
            for at, text in enumerate(body["documents"])
        ]
        return web.json_response({"results": results})

    def vector(self, text: str) -> list[float]:
        found = [0.0] * self.dimensions
        for word in text.lower().split():
            found[hashlib.sha256(word.encode()).digest()[0] % self.dimensions] += 1.0
        length = math.sqrt(sum(value * value for value in found)) or 1.0
        return [value / length for value in found]


@asynccontextmanager
async def embeddings(dimensions: int = 64) -> AsyncIterator[Embeddings]:
    """A provider that listens; its `url` goes into `base_url`."""
    provider = Embeddings(dimensions)
    provider.gate.set()
    app = web.Application()
    app.router.add_post("/v1/embeddings", provider.handle)
    app.router.add_post("/v1/rerank", provider.rerank)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    provider.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield provider
    finally:
        provider.gate.set()
        await runner.cleanup()
