"""The embedded model: plain talk by a small language model, tools by embeddings and spans.

Made by `runtime`, called by agents like any other model. A model this small cannot choose a tool
or retell a result; so tools are chosen by `decision`, arguments are read off the request, results
are told by `reply`, and the language model speaks only where none of these can.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final

from muxi.core.errors import WeightsUnavailable
from muxi.core.events import (
    ModelEvent,
    ResponseCompleted,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from muxi.core.ids import new_id
from muxi.core.json_shapes import is_object
from muxi.core.messages import Message, StopReason, TextPart, ToolCallPart, ToolResultPart
from muxi.core.requests import ModelRequest, OutputSchema, ToolSpec
from muxi.core.usage import Usage
from muxi.models.embedded import about_user, dialogue, openmp, reply
from muxi.models.embedded.bounds import LONGEST_STRING, bounded
from muxi.models.embedded.decision import Decision, decide
from muxi.models.embedded.engine import Engine
from muxi.models.embedded.facts import Call
from muxi.models.embedded.fields import NOTHING
from muxi.models.embedded.minilm import MiniLMEmbedder
from muxi.models.embedded.output import (
    Grounded,
    Known,
    as_text,
    complete,
    ground,
    read_on,
    whole_sentences,
)
from muxi.models.embedded.router import Encoder, Router
from muxi.models.embedded.schemas import definitions
from muxi.models.embedded.static import StaticEmbedder
from muxi.models.embedded.weights import MINILM, MINILM_TOKENIZER, SMOLLM2, Progress, WeightStore
from muxi.models.embedded.word_likeness import WordLikeness
from muxi.models.model import FREE, ModelProfile

_log = logging.getLogger("muxi.models")
_ANSWER_TOKENS: Final = 256
_OUTPUT_TOKENS: Final = 1_024
_ARGUMENT_TOKENS: Final = 160
_FIELD_TOKENS: Final = 64
_FIELDS_TOKENS: Final = 160
_LONGEST_FIELD: Final = 80
"""Characters of a field that the language model writes beside others."""
_SAMPLING: Final[dict[str, Any]] = {
    "temperature": 0.3,
    "top_p": 0.9,
    "min_p": 0.05,
    "repeat_penalty": 1.15,
    "repeat_last_n": 128,
}
_ARGUMENTS: Final = "Write the arguments of the function as JSON, taken from the request."


class EmbeddedModel:
    """A language model in this process: the weights that muxi fetches, or any GGUF file."""

    def __init__(
        self,
        path: Path | None = None,
        *,
        folder: Path | None = None,
        progress: Progress | None = None,
        threads: int | None = None,
        context: int = 4096,
        encoder: Encoder | None = None,
    ) -> None:
        """
        Args:
            path: A GGUF file; None for the weights that muxi fetches.
            folder: Where fetched weights are kept; None for the user's data folder.
            progress: Told how far a fetch is.
            threads: Threads that compute; None for one fewer than the cores.
            context: Tokens of a whole conversation.
            encoder: What the tool router compares with; None for MiniLM, or for the static table
                where MiniLM cannot be had.
        """
        self._own = path is None
        self._store = WeightStore(folder)
        self._progress = progress
        self._path = path or self._store.path(SMOLLM2)
        self._engine = Engine(self._path, threads=threads, context=context)
        self._encoder = encoder
        self._folder = folder
        self._router: Router | None = None
        self._likeness = WordLikeness(StaticEmbedder())
        self._ready = asyncio.Lock()

    @property
    def name(self) -> str:
        return "embedded/smollm2-135m" if self._own else f"embedded/{self._path.stem}"

    @property
    def profile(self) -> ModelProfile:
        return ModelProfile(
            context_tokens=self._engine.context,
            output_tokens=_OUTPUT_TOKENS,
            price=FREE,
            images=False,
            audio=False,
            files=False,
            small=self._own,
        )

    async def prepare(self) -> None:
        """Fetch what is not here yet and verify what is; every stream does so by itself.

        Raises:
            WeightsUnavailable: The weights are not here and could not be fetched.
        """
        async with self._ready:
            if self._router is None:
                self._router = Router(await asyncio.to_thread(self._fetch))

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """See `Model.stream`."""
        await self.prepare()
        question, results = dialogue.this_turn(request.messages)
        decision = None
        if dialogue.is_repair(request.messages):
            # What was read off the turn was refused, and would be read off it again.
            question, results = None, []
        if question is not None and not results:
            decision = await asyncio.to_thread(self._decide, question.text, request)
        if decision is not None:
            events = self._call(question.text if question else "", decision)
        elif request.output is not None and question is not None:
            events = self._shape(question, results, request, request.output)
        elif results and request.output is None:
            told = await asyncio.to_thread(
                reply.answer, question.text if question else "", results, self._routed().encode
            )
            events = _tell(told, self.name)
        else:
            known = None if question is None else await self._known(question.text, request)
            events = self._speak(request) if known is None else _tell(known, self.name)
        async with aclosing(events):
            async for event in events:
                yield event

    def count(self, *messages: Message) -> int:
        return sum(map(dialogue.message_tokens, messages))

    def count_text(self, text: str) -> int:
        return dialogue.tokens(text)

    async def close(self) -> None:
        await asyncio.to_thread(self._engine.close)

    def _fetch(self) -> Encoder:
        openmp.provide(self._store, self._progress)
        if self._own:
            self._store.fetch(SMOLLM2, progress=self._progress)
        if self._encoder is not None:
            return self._encoder
        try:
            self._store.fetch(MINILM, MINILM_TOKENIZER, progress=self._progress)
        except WeightsUnavailable as error:
            _log.warning("%s Tools are chosen by a coarser table instead.", error.message)
            return StaticEmbedder()
        return MiniLMEmbedder(self._store.folder)

    def _routed(self) -> Router:
        assert self._router is not None, "prepare() comes first"
        return self._router

    def _decide(self, question: str, request: ModelRequest) -> Decision | None:
        return decide(
            question,
            request.tools,
            request.tool_choice,
            router=self._routed(),
            likeness=self._likeness,
            before=dialogue.last_tool(request.messages),
        )

    async def _known(self, question: str, request: ModelRequest) -> str | None:
        """What memory knows of the user that answers `question`."""
        told = [message.text for message in request.messages if message.role == "system"]
        instructions = "\n".join((request.instructions, *told))
        encode = self._routed().encode
        return await asyncio.to_thread(about_user.answer, question, instructions, encode)

    async def _call(self, question: str, decision: Decision) -> AsyncGenerator[ModelEvent]:
        """The events of one tool call."""
        usage = Usage(requests=1)
        arguments = decision.filled.arguments
        if decision.filled.missing:
            arguments = arguments | await self._complete(question, decision, usage)
        call = ToolCallPart(id=new_id("call"), name=decision.spec.name, arguments=arguments)
        yield ToolCallStarted(call_id=call.id, name=call.name)
        yield ToolCallDelta(call_id=call.id, text=json.dumps(arguments, ensure_ascii=False))
        yield _completed([call], usage, "tool_calls", self.name)

    async def _complete(self, question: str, decision: Decision, usage: Usage) -> dict[str, Any]:
        """What the language model makes of the parameters that no span of the request filled."""
        spec, missing = decision.spec, decision.filled.missing
        body = {
            "messages": _argument_turns(spec, missing, question),
            "max_tokens": _ARGUMENT_TOKENS,
            "temperature": 0.0,
            "response_format": _response_format("arguments", _partial(spec, missing)),
        }
        return _object(await self._gather(body, usage))

    async def _shape(
        self,
        question: Message,
        results: list[ToolResultPart],
        request: ModelRequest,
        shape: OutputSchema,
    ) -> AsyncGenerator[ModelEvent]:
        """An answer in the shape that the request wants."""
        usage = Usage(requests=1)
        grounded = await asyncio.to_thread(self._ground, question, results, request, shape)
        written = await self._write(request, shape, grounded, usage) if grounded.missing else {}
        value = complete(grounded, written)
        if value is NOTHING:
            # The grammar holds the model to the whole schema, which no field by itself satisfied.
            async for event in self._speak(request):
                yield event
            return
        text = as_text(value)
        yield TextDelta(text=text)
        yield _completed([TextPart(text=text)], usage, "stop", self.name)

    def _ground(
        self,
        question: Message,
        results: list[ToolResultPart],
        request: ModelRequest,
        shape: OutputSchema,
    ) -> Grounded:
        specs = {spec.name: spec for spec in request.tools}
        good = [result for result in results if result.outcome == "ok"]
        encode = self._routed().encode
        made = zip(dialogue.calls_of(request.messages, good), good, strict=True)
        known = Known(
            question.text,
            [Call(call, result, specs.get(result.name)) for call, result in made],
            reply.answer(question.text, good, encode),
            dialogue.earlier(request.messages, question),
        )
        return ground(shape, known, self._likeness, encode)

    async def _write(
        self, request: ModelRequest, shape: OutputSchema, grounded: Grounded, usage: Usage
    ) -> dict[str, Any]:
        """What the language model makes of the fields that nothing known gives."""
        body = self._body(request.model_copy(update={"output": None}))
        only = grounded.missing[0]
        if len(grounded.missing) == 1 and only.free:
            text = await self._gather(body | {"max_tokens": _FIELD_TOKENS}, usage)
            return {only.full_name: whole_sentences(text)}
        if any(entry.numeric for entry in grounded.missing):
            # Under a schema it strings digits together; talking, it says what it knows.
            said = await self._gather(body | {"max_tokens": _FIELD_TOKENS}, usage)
            encode = self._routed().encode
            await asyncio.to_thread(read_on, shape, grounded, said, self._likeness, encode)
            if not grounded.missing:
                return {}
        properties = {entry.full_name: entry.schema for entry in grounded.missing}
        schema = {"type": "object", "properties": properties, "required": list(properties)}
        schema |= definitions(shape.json_schema)
        body |= {
            "max_tokens": _FIELDS_TOKENS,
            "response_format": _response_format(shape.name, schema, longest=_LONGEST_FIELD),
        }
        return _object(await self._gather(body, usage))

    async def _gather(self, body: dict[str, Any], usage: Usage) -> str:
        """All that the engine answers to `body`."""
        text = ""
        async with aclosing(self._engine.stream(body)) as pieces:
            async for piece in pieces:
                text += piece.text
                _count(usage, piece.input_tokens, piece.output_tokens, piece.cached_tokens)
        return text

    async def _speak(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """The language model's own words, as they come."""
        usage = Usage(requests=1)
        text = ""
        stop: StopReason = "stop"
        async with aclosing(self._engine.stream(self._body(request))) as pieces:
            async for piece in pieces:
                if piece.text:
                    text += piece.text
                    yield TextDelta(text=piece.text)
                if piece.stop is not None:
                    stop = "length" if piece.stop == "length" else "stop"
                _count(usage, piece.input_tokens, piece.output_tokens, piece.cached_tokens)
        yield _completed([TextPart(text=text)], usage, stop, self.name)

    def _body(self, request: ModelRequest) -> dict[str, Any]:
        settings = request.settings
        default = _OUTPUT_TOKENS if request.output else _ANSWER_TOKENS
        most = min(settings.max_tokens or default, self._engine.context // 2)
        body: dict[str, Any] = _SAMPLING | {
            "messages": dialogue.build(
                request.messages,
                request.instructions,
                room=self._engine.context - most,
                primed=self._own and request.output is None,
            ),
            "max_tokens": most,
        }
        given = {
            "temperature": settings.temperature,
            "top_p": settings.top_p,
            "seed": settings.seed,
            "stop": list(settings.stop) or None,
        }
        body |= {key: value for key, value in given.items() if value is not None}
        if request.output is not None:
            schema = request.output.json_schema
            body["response_format"] = _response_format(request.output.name, schema)
        return body | settings.extra


def _response_format(
    name: str, schema: dict[str, Any], *, longest: int = LONGEST_STRING
) -> dict[str, Any]:
    held = bounded(schema, longest=longest)
    return {"type": "json_schema", "json_schema": {"name": name, "schema": held}}


def _object(text: str) -> dict[str, Any]:
    """The JSON object that `text` is; an empty one if it is none."""
    try:
        written = json.loads(text)
    except ValueError:
        return {}
    return written if is_object(written) else {}


def _partial(spec: ToolSpec, names: list[str]) -> dict[str, Any]:
    """The schema of `spec` reduced to `names`, all of them required."""
    declared: dict[str, Any] = spec.parameters.get("properties", {})
    chosen = {name: declared[name] for name in names if name in declared}
    return spec.parameters | {"type": "object", "properties": chosen, "required": list(chosen)}


def _argument_turns(spec: ToolSpec, names: list[str], question: str) -> dialogue.Turns:
    turns = [{"role": "system", "content": f"{_ARGUMENTS} {spec.name}: {spec.description}"}]
    for example in spec.examples:
        shown = {name: example.arguments[name] for name in names if name in example.arguments}
        if shown:
            turns.append({"role": "user", "content": example.request})
            turns.append({"role": "assistant", "content": dialogue.as_json_example(shown)})
    return [*turns, {"role": "user", "content": question}]


def _count(usage: Usage, read: int, written: int, cached: int) -> None:
    usage.input_tokens += read
    usage.output_tokens += written
    usage.cached_tokens += cached


def _completed(parts: list[Any], usage: Usage, stop: StopReason, model: str) -> ResponseCompleted:
    return ResponseCompleted(parts=parts, usage=usage, stop_reason=stop, model=model)


async def _tell(text: str, model: str) -> AsyncGenerator[ModelEvent]:
    """A text that is already whole, as events."""
    yield TextDelta(text=text)
    yield _completed([TextPart(text=text)], Usage(requests=1), "stop", model)
