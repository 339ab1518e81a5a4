"""A server in a process of its own, to be killed: `python crashing_server.py FOLDER`.

Its model talks slowly, and notes each request in `asked.log`; its tool notes each call in
`called.log`. Prints the address of its server once it answers.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from muxi.config.project import Project
from muxi.core.messages import TextPart
from muxi.core.requests import ModelRequest
from muxi.models.scripted import Reply, ScriptedModel, call
from muxi.runtime.build import open_runtime
from muxi.server.serve import Server, serve_until_stopped
from muxi.tools.function import tool

FOLDER = Path(sys.argv[1])
LONG = " ".join(f"word{number}" for number in range(120))


def _note(file: str, text: str) -> None:
    with (FOLDER / file).open("a", encoding="utf-8") as log:
        log.write(f"{text}\n")


@tool
def charge(amount: int) -> str:
    """Take money: what must not happen twice."""
    _note("called.log", str(amount))
    return f"charged {amount}"


async def _pause() -> None:
    await asyncio.sleep(0.01)


def _answer(request: ModelRequest) -> object:
    last = request.messages[-1]
    _note("asked.log", last.role)
    if last.role == "user" and "charge" in last.text:
        return call("charge", amount=7)
    return Reply(parts=[TextPart(text=LONG)], between=_pause)


async def _tell(server: Server) -> None:
    print(server.url, flush=True)


async def main() -> None:
    project = Project.model_validate(
        {"model": "m/m", "agents": {"a": {"name": "a", "tools": ["charge"]}}, "folder": FOLDER}
    )
    model = ScriptedModel(_answer)  # pyright: ignore[reportArgumentType] -- gives what scripts may give
    runtime = await open_runtime(project, models={"m/m": model}, tools={"charge": charge})
    try:
        await serve_until_stopped(runtime, port=0, started=_tell)
    finally:
        await runtime.close()


asyncio.run(main())
