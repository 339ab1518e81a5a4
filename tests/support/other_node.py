"""Another node of a project: `python -m tests.support.other_node FOLDER DECLARED`.

DECLARED is what `muxi.yaml` would say, as JSON. Reads lines of JSON, `{"say": TEXT, "user": USER,
"thread_id": ID}`, and answers each with what the agent's model was given to read, and the thread.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from muxi.core.caller import LOCAL_CALLER
from muxi.core.requests import ModelRequest
from muxi.models.scripted import ScriptedModel
from muxi.runtime.build import open_runtime
from muxi.runtime.feed import EventReader
from muxi.runtime.requests import RunRequest
from tests.support.served import project

FOLDER, DECLARED = Path(sys.argv[1]), json.loads(sys.argv[2])
_asked: list[ModelRequest] = []


def script(request: ModelRequest) -> str:
    _asked.append(request)
    return "Noted."


async def main() -> None:
    runtime = await open_runtime(project(FOLDER, **DECLARED), models={"m/m": ScriptedModel(script)})
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        wanted = json.loads(line)
        caller = LOCAL_CALLER.acting(wanted["user"])
        request = RunRequest(input=wanted["say"], thread_id=wanted.get("thread_id"))
        run, feed = await runtime.runs.start_and_follow(caller, request)
        async with EventReader(feed) as reader:
            ended = [event async for event in reader][-1]
        assert ended.type == "run.completed", ended
        read = [_asked[-1].instructions, *(each.text for each in _asked[-1].messages)]
        print(json.dumps({"read": read, "thread_id": run.thread_id}), flush=True)
    await runtime.close()


asyncio.run(main())
