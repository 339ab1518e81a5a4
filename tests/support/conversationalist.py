"""A model for the tests of pages: what it says depends on the words of the last message.

It speaks chat completions over a real local server. Where a test must act in the middle of an
answer, the model waits for the test.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

MARKDOWN = """## Steps

1. Open `muxi.yaml`
2. Add a **model**

| Model | Tokens |
|:--|--:|
| small | 8,192 |

```python
def double(number: int) -> int:
    return number * 2
```
"""
MARKUP = (
    '<img src="x" onerror="window.pwned = 1"> <script>window.pwned = 1</script>\n\n'
    "[link](javascript:window.pwned=1) ![picture](https://pictures.invalid/x.png)\n\n"
    '<div onclick="window.pwned = 1">block</div>\n'
)
CHOICE = {"question": "Which colour shall it be?", "choices": ["red", "green", "blue"]}
FORM = {
    "question": "Please tell me about the journey.",
    "answer_schema": {
        "type": "object",
        "properties": {
            "city": {"type": "string", "title": "City", "description": "Where it goes to"},
            "people": {"type": "integer", "title": "How many people", "minimum": 1},
            "window": {"type": "boolean", "title": "A seat at the window"},
        },
        "required": ["city", "people"],
    },
}


class Conversationalist:
    """The model, and what a test may do to it."""

    def __init__(self) -> None:
        self.url = ""
        self.go_on = asyncio.Event()
        """An answer to a message with `slowly` stops in the middle until this is set."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        last = body["messages"][-1]
        text = _text(last)
        if "fail" in text:
            error = {"error": {"message": "Incorrect API key.", "type": "invalid_request_error"}}
            return web.json_response(error, status=401)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        if last["role"] == "tool":
            await self._say(response, f"The tool says {text}.")
        elif "calculate" in text:
            await self._call(response, "calculator", {"expression": "17 * 23"})
        elif "ask me" in text:
            await self._call(response, "ask_user", CHOICE if "choose" in text else FORM)
        elif "slowly" in text:
            await self._say(response, "The beginning", end=False)
            await self.go_on.wait()
            await self._say(response, " and the end.")
        else:
            await self._say(response, _reply(text))
        return response

    async def _say(self, response: web.StreamResponse, text: str, *, end: bool = True) -> None:
        for start in range(0, len(text), 9):
            await _send(response, {"delta": {"content": text[start : start + 9]}})
        if end:
            await _end(response, "stop")

    async def _call(
        self, response: web.StreamResponse, name: str, arguments: dict[str, Any]
    ) -> None:
        function = {"name": name, "arguments": json.dumps(arguments)}
        call = {"index": 0, "id": f"call_{id(response)}", "type": "function", "function": function}
        await _send(response, {"delta": {"tool_calls": [call]}})
        await _end(response, "tool_calls")


def _reply(text: str) -> str:
    if "markdown" in text:
        return MARKDOWN
    return MARKUP if "markup" in text else f"You said: {text}"


def _text(message: dict[str, Any]) -> str:
    content = message["content"]
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


async def _send(response: web.StreamResponse, choice: dict[str, Any]) -> None:
    whole = {"id": "c1", "model": "talk", "choices": [{"index": 0, **choice}]}
    await response.write(f"data: {json.dumps(whole)}\n\n".encode())


async def _end(response: web.StreamResponse, reason: str) -> None:
    await _send(response, {"delta": {}, "finish_reason": reason})
    usage = {"prompt_tokens": 12, "completion_tokens": 8, "total_tokens": 20}
    end = {"id": "c1", "model": "talk", "choices": [], "usage": usage}
    await response.write(f"data: {json.dumps(end)}\n\ndata: [DONE]\n\n".encode())


@asynccontextmanager
async def serving() -> AsyncIterator[Conversationalist]:
    """Serve the model on this machine while the context lasts."""
    model = Conversationalist()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", model.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    model.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield model
    finally:
        await runner.cleanup()
