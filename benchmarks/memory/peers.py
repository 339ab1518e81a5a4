"""mem0 without inference on the same histories, with the same embedder. Used by `recall`.

mem0 is installed into an environment of its own, since it pins much of what muxi uses:
`uv venv /tmp/mem0 && uv pip install --python /tmp/mem0/bin/python mem0ai`.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from benchmarks.memory.conversations import History
from muxi.models.embedding import Embedder


class Recorded:
    """What mem0 found, in the shape of a method."""

    name = "mem0 (MiniLM, no inference)"

    def __init__(self, found: dict[tuple[str, str], list[int]]) -> None:
        self._found = found
        self._history = ""

    async def read(self, history: History) -> None:
        self._history = history.name

    async def rank(self, question: str) -> list[int]:
        return self._found[self._history, question]


async def mem0(
    python: Path, histories: Sequence[History], embedder: Embedder
) -> tuple[Recorded, dict[str, float]]:
    """What mem0 finds, and its CPU milliseconds for adding a turn and for a search."""
    told = [
        {
            "name": history.name,
            "turns": [f"{turn.speaker}: {turn.text}" for turn in history.turns],
            "questions": [asked.text for asked in history.questions],
        }
        for history in histories
    ]
    (vector,) = await embedder.embed(["width"])
    async with _served(embedder) as address:
        answers = await _run(python, address, len(vector), json.dumps(told))
    found = {
        (history.name, asked.text): hits
        for history, answer in zip(histories, answers, strict=True)
        for asked, hits in zip(history.questions, answer["found"], strict=True)
    }
    names = ("add_ms", "search_ms")
    means = {name: sum(each[name] for each in answers) / len(answers) for name in names}
    return Recorded(found), means


async def _run(python: Path, address: str, width: int, told: str) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "MEM0_TELEMETRY": "False",
            "MEM0_DIR": folder,
            "HOME": folder,
            "OPENAI_API_KEY": "none",
        }
        program = Path(__file__).with_name("mem0_program.py")
        process = await asyncio.create_subprocess_exec(
            *(str(python), str(program), address, str(width)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
        )
        out, errors = await process.communicate(told.encode())
    if process.returncode:
        raise RuntimeError(errors.decode()[-2_000:])
    return json.loads(out.decode().strip().splitlines()[-1])


@asynccontextmanager
async def _served(embedder: Embedder) -> AsyncIterator[str]:
    async def answer(request: web.Request) -> web.Response:
        asked = (await request.json())["input"]
        texts = [asked] if isinstance(asked, str) else asked
        rows = await embedder.embed(texts)
        data = [
            {"object": "embedding", "index": at, "embedding": row.tolist()}
            for at, row in enumerate(rows)
        ]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        return web.json_response({"object": "list", "data": data, "model": "local", "usage": usage})

    app = web.Application(client_max_size=64 << 20)
    app.router.add_post("/v1/embeddings", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()
