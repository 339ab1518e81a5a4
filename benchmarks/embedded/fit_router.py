"""Fits the layer of `muxi.models.embedded.router` for both encoders. Run by hand: see README.md."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.embedded.cases import builtin_specs, cases, read
from muxi.core.requests import ToolExample, ToolSpec
from muxi.models.embedded import evidence
from muxi.models.embedded.collection import read_samples
from muxi.models.embedded.minilm import MiniLMEmbedder
from muxi.models.embedded.router import Router
from muxi.models.embedded.static import StaticEmbedder

TARGET = Path("src/muxi/models/embedded/data/router.json")
VECTORS = Path("src/muxi/models/embedded/data/requests.all-MiniLM-L6-v2.npy")
STEPS, RATE, DECAY = 1500, 0.03, 1e-3
DEVELOPMENT_WEIGHT = 4.0
BUILTIN_PURPOSES = ("calculator", "clock", "web_fetch", "web_search")
"""The first purposes of the collection, and the tool that serves each."""


class Remembering:
    """An encoder that encodes each text once."""

    def __init__(self, encoder: StaticEmbedder | MiniLMEmbedder) -> None:
        self.name, self.encoder = encoder.name, encoder
        self.known: dict[str, np.ndarray[Any, Any]] = {}

    def vectors(self, texts: Sequence[str]) -> np.ndarray[Any, Any]:
        new = [text for text in dict.fromkeys(texts) if text not in self.known]
        if new:
            self.known |= zip(new, self.encoder.vectors(new), strict=True)
        return np.stack([self.known[text] for text in texts])


class Episode:
    """A request, the tools on offer, and the index of the right one or None."""

    def __init__(
        self,
        request: str,
        tools: list[ToolSpec],
        right: int | None,
        *,
        without: int | None = None,
        weight: float = 1.0,
    ) -> None:
        self.request, self.tools, self.right = request, tools, right
        self.without, self.weight = without, weight


def with_examples(row: dict[str, Any], shown: list[dict[str, Any]]) -> ToolSpec:
    examples = tuple(ToolExample(**example) for example in shown)
    return ToolSpec(
        name=row["name"],
        description=row["description"],
        parameters=row["parameters"],
        examples=examples,
    )


def episodes(chance: random.Random) -> list[Episode]:
    rows = read("fitting_tools.jsonl")
    _, samples, _ = read_samples()
    builtin = list(builtin_specs())

    def some(row: dict[str, Any], without: dict[str, Any] | None = None) -> ToolSpec:
        shown = [case for case in row["requests"] if case is not without]
        chance.shuffle(shown)
        return with_examples(row, shown[: chance.choice([0, 0, 2, 3, 5])])

    def others(count: int, row: dict[str, Any] | None = None) -> list[ToolSpec]:
        rest = [other for other in rows if other is not row]
        return [some(other) for other in chance.sample(rest, count)]

    out: list[Episode] = []
    first = len(BUILTIN_PURPOSES)
    for turn in range(3):
        for index, row in enumerate(rows):
            for case in row["requests"]:
                tools = [some(row, case), *others(chance.choice([1, 3, 5]), row)]
                without = first + index if turn else None
                out.append(Episode(case["request"], tools, 0, without=without))
        plain = [line["request"] for line in read("fitting_plain.jsonl")]
        plain += chance.sample([s.request for s in samples if s.purpose is None], 100)
        for request in plain:
            out.append(Episode(request, others(chance.choice([1, 3, 5])), None))
            out.append(Episode(request, [*builtin, *others(chance.choice([0, 0, 2]))], None))
    for sample in samples:
        if sample.purpose is not None and sample.purpose < first:
            out.append(Episode(sample.request, [*builtin, *others(2)], sample.purpose))
    names = [spec.name for spec in builtin]
    for case in cases("development.jsonl"):
        right = None if case.tool is None else names.index(case.tool)
        out.append(Episode(case.request, builtin, right, weight=DEVELOPMENT_WEIGHT))
    return out


def fit(router: Router, data: list[Episode]) -> list[float]:
    """Weights under which the right tool, or none, is likely, by Adam; scales are folded in."""
    blocks = []
    known: dict[tuple[str, int | None], evidence.RequestView] = {}
    for episode in data:
        key = episode.request, episode.without
        if key not in known:
            known[key] = router.look(episode.request, leave_out=True, without=episode.without)
        seen = known[key]
        blocks.append(np.array([evidence.features(seen, router.view(t)) for t in episode.tools]))
    width, most = len(evidence.NAMES), max(len(block) for block in blocks)
    everything = np.concatenate(blocks)
    middle, scale = everything.mean(axis=0), everything.std(axis=0) + 1e-6
    middle[0], scale[0] = 0.0, 1.0
    tools = np.zeros((len(data), most, width))
    mask = np.full((len(data), most + 1), -1e9)
    mask[:, 0] = 0.0
    right = np.zeros(len(data), dtype=int)
    for index, (episode, block) in enumerate(zip(data, blocks, strict=True)):
        tools[index, : len(block)] = (block - middle) / scale
        mask[index, 1 : len(block) + 1] = 0.0
        right[index] = 0 if episode.right is None else episode.right + 1
    share = np.array([episode.weight for episode in data])
    share /= share.sum()
    weights = first = second = np.zeros(width)
    for step in range(1, STEPS + 1):
        score = np.concatenate([np.zeros((len(data), 1)), tools @ weights], axis=1) + mask
        odds = np.exp(score - score.max(axis=1, keepdims=True))
        odds /= odds.sum(axis=1, keepdims=True)
        odds[np.arange(len(data)), right] -= 1
        odds *= share[:, None]
        gradient = np.einsum("nk,nkf->f", odds[:, 1:], tools) + DECAY * weights
        first = 0.9 * first + 0.1 * gradient
        second = 0.99 * second + 0.01 * gradient**2
        step_size = first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
        weights = weights - RATE * step_size
    plain = weights / scale
    plain[0] -= float(weights[1:] @ (middle[1:] / scale[1:]))
    return [float(weight) for weight in plain]


def store(router: Router) -> None:
    """Write the vectors of the collection in 8 bits, and go on with those."""
    stored = VECTORS.with_suffix(".old")
    if VECTORS.exists():
        VECTORS.replace(stored)
    vectors = router.collection.vectors
    np.save(VECTORS, np.rint(vectors / np.abs(vectors).max() * 127).astype(np.int8))
    stored.unlink(missing_ok=True)


if __name__ == "__main__":
    table: dict[str, dict[str, float]] = {}
    for encoder in (StaticEmbedder(), MiniLMEmbedder()):
        router = Router(Remembering(encoder))
        if isinstance(encoder, MiniLMEmbedder):
            store(router)
        fitted = fit(router, episodes(random.Random(0)))
        rounded = [round(weight, 4) for weight in fitted]
        table[encoder.name] = dict(zip(evidence.NAMES, rounded, strict=True))
    TARGET.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
