"""Fits the layer of `muxi.models.embedded.spans` and writes it. Run by hand: see README.md."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.embedded.cases import builtin_specs, cases, read, squeeze
from muxi.core.requests import ToolExample, ToolSpec
from muxi.models.embedded import schemas, spans, values
from muxi.models.embedded.static import StaticEmbedder
from muxi.models.embedded.word_likeness import WordLikeness

DATA = Path("src/muxi/models/embedded/data")
LIKENESS = WordLikeness(StaticEmbedder())
STEPS, RATE, DECAY = 700, 0.05, 5e-5
SLIPS = 0.3
"""How many of the words around arguments are misspelt in the second copy of a request."""
_WORD = re.compile(r"[^\W\d_]+")
Row = tuple[list[dict[int, float]], list[int]]


def with_examples(row: dict[str, Any], shown: list[dict[str, Any]]) -> ToolSpec:
    return ToolSpec(
        name=row["name"],
        description=row["description"],
        parameters=row["parameters"],
        examples=tuple(ToolExample(**example) for example in shown),
    )


def thinned(spec: ToolSpec, share: float, chance: random.Random) -> ToolSpec:
    """`spec` with some of its examples, so that the fit does not lean on them all."""
    kept = tuple(example for example in spec.examples if chance.random() < share)
    return spec.model_copy(update={"examples": kept})


def misspelt(request: str, arguments: dict[str, Any], chance: random.Random) -> str:
    """`request` with slips of the hand in some of the words that no argument holds."""
    kept = {word.lower() for word in _WORD.findall(json.dumps(arguments, ensure_ascii=False))}

    def slip(match: re.Match[str]) -> str:
        word = match.group()
        if len(word) < 3 or word.lower() in kept or chance.random() > SLIPS:
            return word
        place = chance.randrange(len(word) - 1)
        head, pair, tail = word[:place], word[place : place + 2], word[place + 2 :]
        return head + chance.choice((pair[::-1], pair[0], pair[1], pair + pair[1])) + tail

    return _WORD.sub(slip, request)


def rows_of(request: str, spec: ToolSpec, arguments: dict[str, Any]) -> list[Row]:
    """One row a parameter: the candidates' features, and which of them are right."""
    out: list[Row] = []
    for name, schema in schemas.properties(spec.parameters).items():
        if schemas.kind(schema) not in ("string", "integer", "number"):
            continue
        parameter = spans.describe(spec, name)
        parameter.schema = schema
        accept = values.acceptor(schema, parameter.values)
        options = [*spans.candidates(request, accept), spans.Span(0, 0, "")]
        wanted = arguments.get(name)
        accepted = wanted if isinstance(wanted, list | dict) else [wanted]
        right = [i for i, span in enumerate(options) if is_right(span, schema, accepted)]
        if right and len(options) > 1:
            scene = spans.Scene(request, parameter, LIKENESS)
            out.append(([scene.features(span) for span in options], right))
    return out


def is_right(span: spans.Span, schema: dict[str, Any], accepted: Any) -> bool:
    if isinstance(accepted, dict):
        text = span.text.lower()
        return all(word.lower() in text for word in accepted["contains"])
    if span.last == 0:
        return accepted == [None] or "" in accepted
    value = values.cast(span.text, schema, ())
    exact = squeeze(span.text) == squeeze(span.text).strip(".,!?")
    return exact and any(
        option is not None and squeeze(value) == squeeze(option) for option in accepted
    )


def collect(chance: random.Random) -> list[Row]:
    out: list[Row] = []
    for _ in range(2):
        for row in read("fitting_tools.jsonl"):
            for case in row["requests"]:
                others = [other for other in row["requests"] if other is not case]
                chance.shuffle(others)
                spec = with_examples(row, others[: chance.choice([0, 0, 1, 3, 5])])
                out += rows_of(case["request"], spec, case["arguments"])
                sloppy = misspelt(case["request"], case["arguments"], chance)
                out += rows_of(sloppy, spec, case["arguments"])
    specs = {spec.name: spec for spec in builtin_specs()}
    for case in cases("development.jsonl") + cases("fitting_arguments.jsonl"):
        if case.tool:
            for share in (1.0, 0.7, 0.4):
                spec = thinned(specs[case.tool], share, chance)
                out += rows_of(case.request, spec, case.arguments)
                sloppy = misspelt(case.request, case.arguments, chance)
                out += rows_of(sloppy, spec, case.arguments)
    for spec in specs.values():
        for example in spec.examples:
            rest = tuple(other for other in spec.examples if other is not example)
            spec_ = spec.model_copy(update={"examples": rest})
            out += rows_of(example.request, spec_, dict(example.arguments))
    return out


def collect_output() -> list[Row]:
    """Texts and the fields that can be read off them; a field may always be missing."""
    out: list[Row] = []
    for row in 3 * read("fitting_output.jsonl") + read("fitting_tools.jsonl"):
        spec = with_examples(row | {"parameters": row["parameters"] | {"required": []}}, [])
        for case in row["requests"]:
            out += rows_of(case["request"], spec, case["arguments"])
    return out


def store(name: str, rows: list[Row]) -> None:
    weights = [round(float(weight), 3) for weight in fit(rows)]
    (DATA / name).write_text(json.dumps(weights) + "\n", encoding="utf-8")


def fit(rows: list[Row]) -> np.ndarray[Any, Any]:
    """Weights under which the right candidates of each row are likely, by Adam."""
    weights = np.zeros(spans.WIDTH)
    matrices, marks = [], []
    for options, right in rows:
        matrix = np.zeros((len(options), spans.WIDTH))
        for index, sparse in enumerate(options):
            for key, value in sparse.items():
                matrix[index, key] = value
        matrices.append(matrix)
        mark = np.zeros(len(options), bool)
        mark[right] = True
        marks.append(mark)
    stacked = np.concatenate(matrices).astype(np.float32)
    right = np.concatenate(marks)
    starts = np.cumsum([0, *(len(matrix) for matrix in matrices)])[:-1]
    owner = np.repeat(np.arange(len(matrices)), [len(matrix) for matrix in matrices])
    first = second = np.zeros_like(weights)
    for step in range(1, STEPS + 1):
        score = stacked @ weights
        score = np.exp(score - np.maximum.reduceat(score, starts)[owner])
        every = score / np.add.reduceat(score, starts)[owner]
        good = np.where(right, score, 0)
        good = good / np.maximum(np.add.reduceat(good, starts), 1e-30)[owner]
        gradient = stacked.T @ (every - good) / len(rows) + DECAY * weights
        first = 0.9 * first + 0.1 * gradient
        second = 0.99 * second + 0.01 * gradient**2
        step_size = first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
        weights = weights - RATE * step_size
    return weights


if __name__ == "__main__":
    store("spans.json", collect(random.Random(0)))
    store("fields.json", collect_output())
