"""A server to be killed while it spends: `python spending_server.py FOLDER`.

Its project is FOLDER/muxi.yaml; its model costs a cent a token and answers once FOLDER/go is there.
Prints the address of its server once it answers.
"""

from __future__ import annotations

import asyncio
import sys
from decimal import Decimal
from pathlib import Path

from muxi.config.load import load_project
from muxi.core.messages import TextPart
from muxi.core.requests import ModelRequest
from muxi.core.usage import Usage
from muxi.models.model import ModelProfile, Price
from muxi.models.scripted import Reply, ScriptedModel
from muxi.runtime.build import open_runtime
from muxi.server.serve import serve_until_stopped

FOLDER = Path(sys.argv[1])
PRICE = Price(input=Decimal(10_000), output=Decimal(10_000))


async def _answer(request: ModelRequest) -> Reply:
    with (FOLDER / "asked.log").open("a", encoding="utf-8") as log:
        log.write(f"{request.messages[-1].text}\n")
    while request.messages[-1].text == "wait" and not (FOLDER / "go").exists():  # noqa: ASYNC110 -- another process makes the file
        await asyncio.sleep(0.02)
    return Reply(
        parts=[TextPart(text="Yes.")], usage=Usage(input_tokens=10, output_tokens=10, cost=None)
    )


async def main() -> None:
    model = ScriptedModel(_answer, profile=ModelProfile(price=PRICE, output_tokens=100))
    runtime = await open_runtime(load_project(FOLDER), models={"m/m": model})

    async def started(server: object) -> None:
        print(server.url, flush=True)  # pyright: ignore[reportAttributeAccessIssue] -- a `Server`

    try:
        await serve_until_stopped(runtime, port=0, started=started)
    finally:
        await runtime.close()


asyncio.run(main())
