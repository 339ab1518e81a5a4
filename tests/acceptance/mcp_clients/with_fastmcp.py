"""Uses a muxi server by the client of fastmcp and prints what it saw, as JSON.

Run by the Python of an environment of its own, with `legacy` or `auto`, and a URL with a token, or
a command.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from fastmcp import Client  # pyright: ignore[reportMissingImports] -- not of this environment
from fastmcp.client.transports import (  # pyright: ignore[reportMissingImports] -- likewise
    StdioTransport,
    StreamableHttpTransport,
)


async def main() -> None:
    mode, kind, *rest = sys.argv[1:]
    if kind == "http":
        transport: Any = StreamableHttpTransport(rest[0], auth=rest[1])
    else:
        transport = StdioTransport(rest[0], rest[1:])
    asked: list[str] = []
    progress: list[str] = []

    async def person(message: str, kind: Any, params: Any, context: Any) -> Any:
        asked.append(message)
        return {"decision": "approve"}

    async def told(done: float, total: float | None, message: str | None) -> None:
        progress.append(message or "")

    async with Client(transport, mode=mode, elicitation_handler=person) as client:
        tools = await client.list_tools()
        answer = await client.call_tool("ask_assistant", {"input": "hello"}, progress_handler=told)
        careful = await client.call_tool("ask_careful", {"input": "calculate"})
        wrong = await client.call_tool("ask_assistant", {"words": "hi"}, raise_on_error=False)
        thread = answer.structured_content["thread_id"]
        contents = await client.read_resource(f"muxi://threads/{thread}")
        prompts = await client.list_prompts()
    print(
        json.dumps(
            {
                "tools": [each.name for each in tools],
                "answer": answer.structured_content,
                "progress": "".join(progress),
                "careful": careful.structured_content,
                "asked": asked,
                "wrong": wrong.is_error,
                "thread": contents[0].text,
                "prompts": [each.name for each in prompts],
            }
        )
    )


asyncio.run(main())
