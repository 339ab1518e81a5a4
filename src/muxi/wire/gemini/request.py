"""Our questions as bodies of generateContent. Called by `models.gemini`.

What does not change between two turns of a conversation is encoded once. The provider caches
prefixes by itself.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from muxi.core.messages import Message
from muxi.core.once import Once
from muxi.core.requests import ModelRequest, ModelSettings, NamedTool, ToolSpec
from muxi.wire.encoded import to_json
from muxi.wire.extra import merged
from muxi.wire.gemini.contents import parts_of
from muxi.wire.gemini.dialect import Dialect
from muxi.wire.merged_schema import offered

_BUDGETS = {"low": 1024, "medium": 8192, "high": 24576}
_NO_START = b'{"text":"(The beginning of this conversation is not shown.)"}'


class RequestEncoder:
    """Writes requests for one model. Keeps what it wrote of messages and tools that live on.

    Args:
        dialect: What the model takes; its name is in the path, not in the body.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._parts = Once(partial(_parts, dialect))
        self._tool = Once(_tool)

    def encode(self, request: ModelRequest) -> bytes:
        """`request` as the body of a POST that asks for a stream.

        `parallel_tool_calls` is unknown to this format and left out.

        Raises:
            InvalidInput: A part cannot be said in this format.
        """
        first = 0
        while first < len(request.messages) and request.messages[first].role == "system":
            first += 1
        body: dict[str, Any] = {"contents": self._contents(request.messages[first:])}
        held = request.output is not None and (self._dialect.rich or not request.tools)
        words = _system(request, first, in_words=not held)
        if words:
            body["systemInstruction"] = {"parts": [{"text": words}]}
        if request.tools:
            pieces = b",".join(self._tool.each(request.tools))
            body["tools"] = [{"functionDeclarations": msgspec.Raw(b"[%b]" % pieces)}]
            mode = _mode(request)
            if mode is not None:
                body["toolConfig"] = {"functionCallingConfig": mode}
        config = _sampling(request.settings)
        if request.output is not None and held:
            config["responseMimeType"] = "application/json"
            config["responseJsonSchema"] = request.output.json_schema
        thinking = _thinking(request.settings, self._dialect)
        if thinking is not None:
            config["thinkingConfig"] = thinking
        if config:
            body["generationConfig"] = config
        return to_json(merged(body, request.settings.extra))

    def _contents(self, messages: list[Message]) -> msgspec.Raw:
        turns: list[tuple[bytes, list[bytes]]] = []
        for message in messages:
            if message.role == "system":
                pieces = to_json({"text": f"<system>\n{message.text}\n</system>"})
            else:
                pieces = self._parts(message)
            if not pieces:
                continue
            role = b"model" if message.role == "assistant" else b"user"
            if turns and turns[-1][0] == role:
                turns[-1][1].append(pieces)
            else:
                turns.append((role, [pieces]))
        if turns and turns[0][0] != b"user":
            # A conversation must begin with the user, and ours may have lost its beginning.
            turns.insert(0, (b"user", [_NO_START]))
        contents = [
            b'{"role":"%b","parts":[%b]}' % (role, b",".join(pieces)) for role, pieces in turns
        ]
        return msgspec.Raw(b"[%b]" % b",".join(contents))


def _parts(dialect: Dialect, message: Message) -> bytes:
    return to_json(parts_of(dialect, message))[1:-1]


def _tool(tool: ToolSpec) -> bytes:
    fields: dict[str, Any] = {"name": tool.name}
    if tool.description:
        fields["description"] = tool.description
    fields["parametersJsonSchema"] = offered(tool.parameters)
    return to_json(fields)


def _mode(request: ModelRequest) -> dict[str, Any] | None:
    choice = request.tool_choice
    if isinstance(choice, NamedTool):
        return {"mode": "ANY", "allowedFunctionNames": [choice.name]}
    if choice == "required":
        return {"mode": "ANY"}
    return {"mode": "NONE"} if choice == "none" else None


def _system(request: ModelRequest, first: int, *, in_words: bool) -> str:
    texts = [request.instructions, *(message.text for message in request.messages[:first])]
    if request.output is not None and in_words:
        schema = to_json(request.output.json_schema).decode()
        texts.append(
            f"Answer with one JSON object and nothing else. It must fit this JSON Schema: {schema}"
        )
    return "\n\n".join(text for text in texts if text)


def _sampling(settings: ModelSettings) -> dict[str, Any]:
    wishes = {
        "temperature": settings.temperature,
        "topP": settings.top_p,
        "maxOutputTokens": settings.max_tokens,
        "stopSequences": settings.stop or None,
        "seed": settings.seed,
    }
    return {name: value for name, value in wishes.items() if value is not None}


def _thinking(settings: ModelSettings, dialect: Dialect) -> dict[str, Any] | None:
    wish = settings.reasoning
    if wish is None:
        return None
    if wish in ("off", 0):
        if dialect.levels:
            # These models always think, and not all of them know a level below this one.
            return {"thinkingLevel": "LOW"}
        return {"thinkingBudget": dialect.least_budget}
    if isinstance(wish, int):
        return {"includeThoughts": True, "thinkingBudget": max(wish, dialect.least_budget)}
    if dialect.levels:
        return {"includeThoughts": True, "thinkingLevel": wish.upper()}
    return {"includeThoughts": True, "thinkingBudget": _BUDGETS[wish]}
