"""What the conformance suite of MCP expects a server to offer, served by muxi's own handlers.

The names and answers are those that the suite's scenarios describe; how they are found, checked,
paged, asked for in rounds and put on the wire is what muxi serves its own projects with.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import mcp_types as types
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    PromptsListChanged,
    ToolsListChanged,
)

from muxi.core.errors import NotFound, ToolFailed
from muxi.server.mcp.call import Call
from muxi.server.mcp.surface import ResourceContents, ServedPrompt, ServedTool, Surface

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA="
PAUSE = 0.05

Run = Callable[[dict[str, Any], Call], Awaitable[Any]]
Rounds = Mapping[str, types.InputRequest]


def form(message: str, **fields: Any) -> types.ElicitRequest:
    schema = {"type": "object", "properties": fields, "required": list(fields)}
    return elicit(message, schema)


def elicit(message: str, schema: dict[str, Any]) -> types.ElicitRequest:
    params = types.ElicitRequestFormParams(message=message, requested_schema=schema)
    return types.ElicitRequest(params=params)


def sample(words: str) -> types.CreateMessageRequest:
    said = types.SamplingMessage(role="user", content=types.TextContent(text=words))
    return types.CreateMessageRequest(
        params=types.CreateMessageRequestParams(messages=[said], max_tokens=100)
    )


NAME = form("What is your name?", name={"type": "string"})
ROOTS = types.ListRootsRequest()


def text_resource(uri: str, words: str, media_type: str = "text/plain") -> types.EmbeddedResource:
    return types.EmbeddedResource(
        resource=types.TextResourceContents(uri=uri, text=words, mime_type=media_type)
    )


IMAGE = types.ImageContent(data=PNG, mime_type="image/png")


async def simple_text(_: Any, call: Call) -> str:
    return "This is a simple text response for testing."


async def image(_: Any, call: Call) -> list[Any]:
    return [IMAGE]


async def audio(_: Any, call: Call) -> list[Any]:
    return [types.AudioContent(data=WAV, mime_type="audio/wav")]


async def embedded(_: Any, call: Call) -> list[Any]:
    return [text_resource("test://embedded-resource", "This is an embedded resource content.")]


async def mixed(_: Any, call: Call) -> list[Any]:
    data = text_resource("test://mixed-content-resource", '{"value": 123}', "application/json")
    return [types.TextContent(text="Multiple content types test:"), IMAGE, data]


async def logging(_: Any, call: Call) -> str:
    for words in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await call.log("info", words)
        await asyncio.sleep(PAUSE)
    return "Logged three lines."


async def progress(_: Any, call: Call) -> str:
    for done in (0, 50, 100):
        await call.progress(done, 100)
        await asyncio.sleep(PAUSE)
    return "Done."


async def failing(_: Any, call: Call) -> str:
    raise ToolFailed("This tool intentionally returns an error for testing")


async def sampling(arguments: dict[str, Any], call: Call) -> str:
    said = await call.ask({"answer": sample(arguments["prompt"])})
    return f"LLM response: {said['answer'].content.text}"


def told(said: types.ElicitResult) -> str:
    return f"action={said.action}, content={json.dumps(said.content or {})}"


async def elicitation(arguments: dict[str, Any], call: Call) -> str:
    asked = form(arguments["message"], username={"type": "string"}, email={"type": "string"})
    return f"User response: {told((await call.ask({'user': asked}))['user'])}"


def asking(message: str, **fields: Any) -> Run:
    async def run(_: Any, call: Call) -> str:
        schema = {"type": "object", "properties": fields}
        said = await call.ask({"form": elicit(message, schema)})
        return f"Elicitation completed: {told(said['form'])}"

    return run


defaults = asking(
    "Please provide user information",
    name={"type": "string", "default": "John Doe"},
    age={"type": "integer", "default": 30},
    score={"type": "number", "default": 95.5},
    status={"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    verified={"type": "boolean", "default": True},
)

_TITLED = [{"const": "value1", "title": "First"}, {"const": "value2", "title": "Second"}]

enums = asking(
    "Please choose",
    untitledSingle={"type": "string", "enum": ["option1", "option2", "option3"]},
    titledSingle={"type": "string", "oneOf": _TITLED},
    legacyEnum={"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["One", "Two"]},
    untitledMulti={"type": "array", "items": {"type": "string", "enum": ["option1", "option2"]}},
    titledMulti={"type": "array", "items": {"anyOf": _TITLED}},
)


def in_one_round(requests: Rounds, state: Any = None) -> Run:
    """A tool that asks once and says what it left for itself."""

    async def run(_: Any, call: Call) -> str:
        said = await call.ask(requests, state)
        if "user_name" in requests and said["user_name"].action == "accept":
            return f"Hello, {said['user_name'].content['name']}!"
        return "state-ok" if call.state == state else "state lost"

    return run


async def multi_round(_: Any, call: Call) -> str:
    state: Any = call.state or {"round": 1}
    if state["round"] == 1:
        ask = form("Step 1: What is your name?", name={"type": "string"})
        said = await call.ask({"step1": ask}, {"round": 1})
        state = {"round": 2, "name": said["step1"].content["name"]}
    ask = form("Step 2: What is your favorite color?", color={"type": "string"})
    said = await call.ask({"step2": ask}, state)
    return f"{state['name']} likes {said['step2'].content['color']}."


async def capabilities(_: Any, call: Call) -> str:
    possible: Rounds = {"name": NAME, "capital": sample("What is the capital of France?")}
    able = {name: request for name, request in possible.items() if call.may_ask(request)}
    await call.ask(able)
    return "Asked what could be asked."


async def missing_capability(_: Any, call: Call) -> str:
    await call.ask({"answer": sample("Hello?")})
    return "The client has answered."


async def streaming_elicitation(_: Any, call: Call) -> str:
    await call.progress(1, 2)
    await call.ask({"user_name": NAME})
    return "Done."


NO_ARGUMENTS: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}


def takes(name: str, **further: Any) -> dict[str, Any]:
    properties = {name: {"type": "string", **further}}
    return {**NO_ARGUMENTS, "properties": properties, "required": [name]}


_HEADER = takes("region", **{"x-mcp-header": "Region"})

_SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}

_CONFIRM: Rounds = {"confirm": form("Please confirm", ok={"type": "boolean"})}
_SEVERAL: Rounds = {
    "user_name": NAME,
    "greeting": sample("Generate a greeting"),
    "client_roots": ROOTS,
}

_ROUND = "test_input_required_result_"
_TOOLS: dict[str, tuple[Run, dict[str, Any]]] = {
    "test_simple_text": (simple_text, NO_ARGUMENTS),
    "test_image_content": (image, NO_ARGUMENTS),
    "test_audio_content": (audio, NO_ARGUMENTS),
    "test_embedded_resource": (embedded, NO_ARGUMENTS),
    "test_multiple_content_types": (mixed, NO_ARGUMENTS),
    "test_tool_with_logging": (logging, NO_ARGUMENTS),
    "test_logging_tool": (logging, NO_ARGUMENTS),
    "test_tool_with_progress": (progress, NO_ARGUMENTS),
    "test_error_handling": (failing, NO_ARGUMENTS),
    "test_sampling": (sampling, takes("prompt")),
    "test_elicitation": (elicitation, takes("message")),
    "test_elicitation_sep1034_defaults": (defaults, NO_ARGUMENTS),
    "test_elicitation_sep1330_enums": (enums, NO_ARGUMENTS),
    "test_missing_capability": (missing_capability, NO_ARGUMENTS),
    "test_streaming_elicitation": (streaming_elicitation, NO_ARGUMENTS),
    f"{_ROUND}elicitation": (in_one_round({"user_name": NAME}), NO_ARGUMENTS),
    f"{_ROUND}sampling": (
        in_one_round({"capital_question": sample("What is the capital of France?")}),
        NO_ARGUMENTS,
    ),
    f"{_ROUND}list_roots": (in_one_round({"client_roots": ROOTS}), NO_ARGUMENTS),
    f"{_ROUND}request_state": (in_one_round(_CONFIRM, {"step": 1}), NO_ARGUMENTS),
    f"{_ROUND}tampered_state": (in_one_round(_CONFIRM, {"step": 1}), NO_ARGUMENTS),
    f"{_ROUND}multiple_inputs": (in_one_round(_SEVERAL, {"step": 1}), NO_ARGUMENTS),
    f"{_ROUND}multi_round": (multi_round, NO_ARGUMENTS),
    f"{_ROUND}capabilities": (capabilities, NO_ARGUMENTS),
    "test_custom_header": (simple_text, _HEADER),
    "json_schema_2020_12_tool": (simple_text, _SCHEMA),
}


class FixtureSurface(Surface):
    """Offers what the suite asks for."""

    instructions = "A server for the conformance suite."
    logs = True

    def __init__(self) -> None:
        self.changed = InMemorySubscriptionBus()

    async def tools(self, call: Call) -> Sequence[ServedTool]:
        return [
            *(served(name, run, schema) for name, (run, schema) in _TOOLS.items()),
            served("test_trigger_tool_change", self._tools_change, NO_ARGUMENTS),
            served("test_trigger_prompt_change", self._prompts_change, NO_ARGUMENTS),
        ]

    def header_schema(self, tool: str) -> Mapping[str, Any] | None:
        return _HEADER if tool == "test_custom_header" else None

    async def prompts(self, call: Call) -> Sequence[ServedPrompt]:
        return [
            prompt("test_simple_prompt", simple_prompt),
            prompt("test_prompt_with_arguments", prompt_with_arguments, "arg1", "arg2"),
            prompt("test_prompt_with_embedded_resource", embedding_prompt, "resourceUri"),
            prompt("test_prompt_with_image", image_prompt),
            prompt("test_input_required_result_prompt", asking_prompt),
        ]

    async def resources(
        self, cursor: str | None, call: Call
    ) -> tuple[Sequence[types.Resource], str | None]:
        kinds = {"static-text": "text/plain", "static-binary": "image/png"}
        kinds["watched-resource"] = "text/plain"
        return [
            types.Resource(name=name, uri=f"test://{name}", description=name, mime_type=kind)
            for name, kind in kinds.items()
        ], None

    async def templates(self, call: Call) -> Sequence[types.ResourceTemplate]:
        return [types.ResourceTemplate(name="data", uri_template="test://template/{id}/data")]

    async def read(self, uri: str, call: Call) -> Sequence[ResourceContents]:
        if uri == "test://static-binary":
            return [types.BlobResourceContents(uri=uri, blob=PNG, mime_type="image/png")]
        texts = {
            "test://static-text": "This is the content of the static text resource.",
            "test://watched-resource": "Watched resource content",
        }
        if uri in texts:
            text = types.TextResourceContents(uri=uri, text=texts[uri], mime_type="text/plain")
            return [text]
        if uri.startswith("test://template/") and uri.endswith("/data"):
            number = uri.split("/")[3]
            data = {"id": number, "templateTest": True, "data": f"Data for ID: {number}"}
            return [
                types.TextResourceContents(
                    uri=uri, text=json.dumps(data), mime_type="application/json"
                )
            ]
        return await super().read(uri, call)

    async def complete(self, params: types.CompleteRequestParams, call: Call) -> types.Completion:
        values = [
            each for each in ("paris", "park", "party") if each.startswith(params.argument.value)
        ]
        return types.Completion(values=values, total=len(values), has_more=False)

    async def watch(self, uri: str, call: Call) -> AsyncGenerator[None]:
        if uri != "test://watched-resource":
            raise NotFound("It is not watched.")
        return _once()

    async def _tools_change(self, _: Any, call: Call) -> str:
        await self.changed.publish(ToolsListChanged())
        return "Changed."

    async def _prompts_change(self, _: Any, call: Call) -> str:
        await self.changed.publish(PromptsListChanged())
        return "Changed."


async def _once() -> AsyncGenerator[None]:
    yield
    await asyncio.Event().wait()


def served(name: str, run: Run, schema: dict[str, Any]) -> ServedTool:
    async def answer(arguments: dict[str, Any], call: Call) -> types.CallToolResult:
        result = await run(arguments, call)
        content = [types.TextContent(text=result)] if isinstance(result, str) else result
        return types.CallToolResult(content=content)

    description = f"For the scenario that calls {name}."
    return ServedTool(types.Tool(name=name, description=description, input_schema=schema), answer)


def prompt(name: str, get: Any, *arguments: str) -> ServedPrompt:
    asked = [types.PromptArgument(name=each, description=each, required=True) for each in arguments]
    shown = types.Prompt(name=name, description=f"The prompt {name}.", arguments=asked)
    return ServedPrompt(shown, get)


def messages(*contents: Any) -> types.GetPromptResult:
    said = [types.PromptMessage(role="user", content=content) for content in contents]
    return types.GetPromptResult(messages=said)


async def simple_prompt(_: dict[str, str], call: Call) -> types.GetPromptResult:
    return messages(types.TextContent(text="This is a simple prompt for testing."))


async def prompt_with_arguments(given: dict[str, str], call: Call) -> types.GetPromptResult:
    words = f"Prompt with arguments: arg1='{given['arg1']}', arg2='{given['arg2']}'"
    return messages(types.TextContent(text=words))


async def embedding_prompt(given: dict[str, str], call: Call) -> types.GetPromptResult:
    held = text_resource(given["resourceUri"], "Embedded resource content for testing.")
    return messages(held, types.TextContent(text="Please process the embedded resource above."))


async def image_prompt(_: dict[str, str], call: Call) -> types.GetPromptResult:
    return messages(IMAGE, types.TextContent(text="Please analyze the image above."))


async def asking_prompt(_: dict[str, str], call: Call) -> types.GetPromptResult:
    ask = form("What context should the prompt use?", context={"type": "string"})
    said = await call.ask({"user_context": ask})
    return messages(types.TextContent(text=f"With {said['user_context'].content['context']}."))
