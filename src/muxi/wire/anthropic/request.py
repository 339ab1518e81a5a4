"""Our questions as bodies of the Messages format. Called by `models.anthropic`.

What does not change between two turns of a conversation is encoded once. Nothing here loads a
blob: media must hold their bytes or an address.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from muxi.core.messages import Message
from muxi.core.once import Once
from muxi.core.requests import ModelRequest, ModelSettings, NamedTool
from muxi.wire.anthropic.blocks import assistant_blocks, result_blocks, user_blocks
from muxi.wire.anthropic.dialect import Dialect
from muxi.wire.anthropic.offers import Offer, offer, within_limits
from muxi.wire.closed_schema import closed_form
from muxi.wire.encoded import to_json
from muxi.wire.extra import merged

_MARK = b',"cache_control":{"type":"ephemeral"}}'
_MARKED_TURNS = 2
"""Breakpoints among messages; two more lie on the tools and the system prompt, four is all."""
BINDING_BETA = "thinking-binding-controls-2026-08-01"
"""Value of the header `anthropic-beta` that bodies for models with bound thoughts need."""

_MIN_BUDGET = 1024
_BUDGETS = {"low": 2048, "medium": 8192, "high": 16384}
_NO_START = b'{"type":"text","text":"(The beginning of this conversation is not shown.)"}'
_ADAPTIVE = {"type": "adaptive", "display": "summarized"}
_UNBOUND = {**_ADAPTIVE, "block_binding": {"prefix_mismatch_behavior": "drop_block"}}


class _Turn(NamedTuple):
    """One message: the role it has here, and its blocks joined by commas."""

    role: str
    blocks: bytes


class RequestEncoder:
    """Writes requests for one model. Keeps what it wrote of messages and tools that live on.

    Args:
        model: The provider's name of the model.
        dialect: What the model takes.
        max_tokens: Bound of an answer when the request sets none: the format demands one.
    """

    def __init__(self, model: str, dialect: Dialect, *, max_tokens: int) -> None:
        self._model = model
        self._dialect = dialect
        self._max_tokens = max_tokens
        self._turn = Once(_turn)
        self._offer = Once(offer)

    def encode(self, request: ModelRequest) -> bytes:
        """`request` as the body of a POST that asks for a stream.

        Raises:
            InvalidInput: A part cannot be said in this format.
        """
        settings, dialect = request.settings, self._dialect
        first = _conversation_start(request.messages)
        body: dict[str, Any] = {
            "model": self._model,
            "max_tokens": settings.max_tokens or self._max_tokens,
            "stream": True,
        }
        form = self._form(request)
        words = _system(request, first, in_words=request.output is not None and form is None)
        if words:
            body["system"] = msgspec.Raw(_list([_text(words)], mark=settings.cache_prompt))
        if request.tools:
            self._add_tools(body, request, mark=settings.cache_prompt and not words)
        body["messages"] = self._messages(request, first)
        if form is not None:
            body["output_config"] = {"format": {"type": "json_schema", "schema": form}}
        _add_thinking(body, settings, dialect, forced=_is_forced(body))
        _add_sampling(body, settings, dialect)
        return to_json(merged(body, settings.extra))

    def _form(self, request: ModelRequest) -> dict[str, Any] | None:
        """The schema that the provider enforces; None when there is none or it cannot."""
        if request.output is None or not self._dialect.schemas:
            return None
        return closed_form(request.output.json_schema)

    def _add_tools(self, body: dict[str, Any], request: ModelRequest, *, mark: bool) -> None:
        offers: list[Offer] = self._offer.each(request.tools)
        hold = self._dialect.schemas and within_limits(offers)
        pieces = [each.strict if hold and each.strict else each.plain for each in offers]
        body["tools"] = msgspec.Raw(_list(pieces, mark=mark))
        choice, parallel = request.tool_choice, request.settings.parallel_tool_calls
        chosen: dict[str, Any] = {"type": "auto"}
        if isinstance(choice, NamedTool) and self._dialect.forced:
            chosen = {"type": "tool", "name": choice.name}
        elif choice == "required" and self._dialect.forced:
            chosen = {"type": "any"}
        elif choice == "none":
            chosen = {"type": "none"}
        if parallel is not None and choice != "none":
            chosen["disable_parallel_tool_use"] = not parallel
        if chosen != {"type": "auto"}:
            body["tool_choice"] = chosen

    def _messages(self, request: ModelRequest, first: int) -> msgspec.Raw:
        messages = request.messages[first:]
        turns: list[tuple[str, list[bytes]]] = []
        for number, turn in enumerate(self._turn.each(messages)):
            if not turn.blocks:
                continue
            role, blocks = turn
            if role == "system" and not self._may_stand(messages, number, turns):
                role, blocks = "user", _text(f"<system>\n{messages[number].text}\n</system>")
            if turns and turns[-1][0] == role:
                turns[-1][1].append(blocks)
            else:
                turns.append((role, [blocks]))
        if turns and turns[0][0] != "user":
            # A conversation must begin with the user, and ours may have lost its beginning.
            turns.insert(0, ("user", [_NO_START]))
        marks = _MARKED_TURNS if request.settings.cache_prompt else 0
        out: list[bytes] = []
        for role, pieces in reversed(turns):
            blocks = b",".join(pieces)
            if marks and role == "user":
                blocks = blocks[:-1] + _MARK
                marks -= 1
            out.append(b'{"role":"%b","content":[%b]}' % (role.encode(), blocks))
        out.reverse()
        demand = "" if self._dialect.forced else _demand(request)
        if demand and turns[-1][0] == "user":
            out.append(to_json({"role": "system", "content": demand}))
        return msgspec.Raw(b"[%b]" % b",".join(out))

    def _may_stand(
        self, messages: list[Message], number: int, turns: list[tuple[str, list[bytes]]]
    ) -> bool:
        """Whether a system message may stand where it is: between a user and an assistant."""
        if not self._dialect.system_turns or not turns or turns[-1][0] != "user":
            return False
        return number + 1 == len(messages) or messages[number + 1].role == "assistant"


def _demand(request: ModelRequest) -> str:
    """Words for a model that may not be forced to call a tool; those models take them last."""
    choice = request.tool_choice
    if not request.tools or choice in ("auto", "none"):
        return ""
    if isinstance(choice, NamedTool):
        return f"Answer with a call of the tool {choice.name}."
    return "Answer with a call of one of the tools."


def _is_forced(body: dict[str, Any]) -> bool:
    return body.get("tool_choice", {}).get("type") in ("any", "tool")


def _turn(message: Message) -> _Turn:
    if message.role == "assistant":
        return _Turn("assistant", _joined(assistant_blocks(message.parts)))
    if message.role == "tool":
        return _Turn("user", _joined(result_blocks(message.parts)))
    return _Turn(message.role, _joined(user_blocks(message.parts)))


def _joined(blocks: list[dict[str, Any]]) -> bytes:
    return to_json(blocks)[1:-1]


def _text(text: str) -> bytes:
    return to_json({"type": "text", "text": text})


def _list(pieces: list[bytes], *, mark: bool) -> bytes:
    joined = b",".join(pieces)
    return b"[%b]" % (joined[:-1] + _MARK if mark else joined)


def _conversation_start(messages: list[Message]) -> int:
    """How many system messages stand before everything else."""
    number = 0
    while number < len(messages) and messages[number].role == "system":
        number += 1
    return number


def _system(request: ModelRequest, first: int, *, in_words: bool) -> str:
    texts = [request.instructions, *(message.text for message in request.messages[:first])]
    if request.output is not None and in_words:
        schema = to_json(request.output.json_schema).decode()
        texts.append(
            f"Answer with one JSON object and nothing else. It must fit this JSON Schema: {schema}"
        )
    return "\n\n".join(text for text in texts if text.strip())


def _add_thinking(
    body: dict[str, Any], settings: ModelSettings, dialect: Dialect, *, forced: bool
) -> None:
    if not dialect.adaptive:
        if not forced and settings.reasoning not in (None, "off", 0):
            _add_budget(body, settings)
        return
    wish = settings.reasoning
    resting = wish in ("off", 0)
    if dialect.can_rest and (resting or forced):
        # A forced tool and thinking exclude each other, and the force is the stricter wish.
        body["thinking"] = {"type": "disabled"}
        return
    if resting:
        wish = "low"
    if wish is not None:
        effort = _effort(wish) if isinstance(wish, int) else wish
        body.setdefault("output_config", {})["effort"] = effort
    if dialect.bound:
        # Histories are cut to fit and instructions change: better no thoughts than no answer.
        body["thinking"] = {
            **_ADAPTIVE,
            "block_binding": {"prefix_mismatch_behavior": "drop_block"},
        }
    elif wish is not None:
        body["thinking"] = _ADAPTIVE


def _add_budget(body: dict[str, Any], settings: ModelSettings) -> None:
    wish = settings.reasoning
    budget = max(_MIN_BUDGET, wish if isinstance(wish, int) else _BUDGETS[wish or "low"])
    if settings.max_tokens is None:
        # The budget counts towards the bound of the answer, which must leave room for words.
        body["max_tokens"] += budget
    elif budget >= settings.max_tokens:
        budget = settings.max_tokens - 1
    if budget >= _MIN_BUDGET:
        body["thinking"] = {"type": "enabled", "budget_tokens": budget}


def _effort(budget: int) -> str:
    return "low" if budget <= 4096 else "medium" if budget <= 16384 else "high"


def _add_sampling(body: dict[str, Any], settings: ModelSettings, dialect: Dialect) -> None:
    if settings.stop:
        body["stop_sequences"] = settings.stop
    if not dialect.sampling or body.get("thinking", {}).get("type") in ("enabled", "adaptive"):
        return
    if settings.temperature is not None:
        body["temperature"] = min(settings.temperature, 1.0)
    elif settings.top_p is not None:
        # Models from 4.1 on refuse both at once.
        body["top_p"] = settings.top_p
