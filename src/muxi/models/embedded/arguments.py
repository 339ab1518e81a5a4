"""The arguments of one call, read off the request by the parameters' schemas.

Called by the model after a tool was chosen. What no span of the request can give is left to the
language model, which is then held to the schema; see `missing`. It must never know the name of a
tool or of a parameter.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any, Final

from muxi.core.requests import ToolSpec
from muxi.models.embedded import schemas, spans, values
from muxi.models.embedded.tokens import stem, tokenize
from muxi.models.embedded.word_likeness import WordLikeness

_DOUBT: Final = math.log(0.25)
"""Log probability below which a parameter is given: the spans share what is left among them, so
the best one alone may be less likely than its absence."""
_KEPT: Final = 40
"""Best candidates a parameter keeps for the assignment."""


@dataclass(slots=True)
class Filled:
    """Arguments found, and the names of required parameters for which nothing was."""

    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    missing: list[str] = field(default_factory=list[str])


def fill(
    request: str,
    spec: ToolSpec,
    likeness: WordLikeness,
    *,
    weights: Sequence[float] | None = None,
) -> Filled:
    """The arguments of a call of `spec` that `request` asks for."""
    found: dict[str, Any] = {}
    open_ended: dict[str, spans.Parameter] = {}
    for name, schema in schemas.properties(spec.parameters).items():
        parameter = spans.describe(spec, name)
        parameter.schema = schema
        if _by_span(schema) and not values.is_zone(schema, parameter.values):
            open_ended[name] = parameter
            continue
        value = _closed(request, spec, parameter)
        if value is not None:
            found[name] = value
    ranked = {
        name: scored(request, parameter, likeness, weights or default_weights())
        for name, parameter in open_ended.items()
    }
    chosen = {stem(str(value)) for value in found.values()}
    found |= _assign(request, open_ended, ranked, chosen)
    filled = Filled()
    required = schemas.required(spec.parameters)
    for name in schemas.properties(spec.parameters):
        if name in found:
            filled.arguments[name] = found[name]
        elif name in required:
            filled.missing.append(name)
    return filled


def _by_span(schema: dict[str, Any]) -> bool:
    return schemas.kind(schema) in ("string", "integer", "number")


def _closed(request: str, spec: ToolSpec, parameter: spans.Parameter) -> Any | None:
    """A value out of a set that the schema closes: choices, yes or no, zones, lists."""
    schema = parameter.schema
    match schemas.kind(schema):
        case "choice":
            return values.choice(request, schemas.choices(schema))
        case "boolean":
            shown = [
                (example.request, bool(example.arguments[parameter.name]))
                for example in spec.examples
                if parameter.name in example.arguments
            ]
            return values.switch(request, parameter.name.split("_"), shown)
        case "array":
            return _several(request, schema) or None
        case "object":
            return None
        case _:
            return values.zone(request)


def _several(request: str, schema: dict[str, Any]) -> list[Any]:
    items: dict[str, Any] = schema.get("items", {})
    kind = schemas.kind(items)
    if kind == "choice":
        return [o for o in schemas.choices(items) if values.choice(request, [o]) is not None]
    accept = values.acceptor(items, ())
    if accept is None:
        return []
    return [values.cast(token.text, items, ()) for token in tokenize(request) if accept([token])]


def scored(
    request: str,
    parameter: spans.Parameter,
    likeness: WordLikeness,
    weights: Sequence[float],
) -> list[tuple[float, spans.Span]]:
    """Candidates for `parameter` with their log probabilities, best first."""
    accept = values.acceptor(parameter.schema, parameter.values)
    options = [*spans.candidates(request, accept), spans.Span(0, 0, "")]
    scene = spans.Scene(request, parameter, likeness)
    raw = [sum(weights[i] * v for i, v in scene.features(span).items()) for span in options]
    top = max(raw)
    total = top + math.log(sum(math.exp(value - top) for value in raw))
    if raw[-1] - total < _DOUBT and len(options) > 1:
        raw, options = raw[:-1], options[:-1]
    ranked = sorted(zip(raw, options, strict=True), key=lambda pair: -pair[0])
    return [(value - total, span) for value, span in ranked[:_KEPT]]


def _assign(
    request: str,
    parameters: Mapping[str, spans.Parameter],
    ranked: dict[str, list[tuple[float, spans.Span]]],
    chosen: Set[str],
) -> dict[str, Any]:
    """Spans to parameters, the surest first, so that no two overlap."""
    taken: list[spans.Span] = []
    found: dict[str, Any] = {}
    while ranked:
        best: tuple[float, str, spans.Span] | None = None
        for name, options in ranked.items():
            usable = [
                (score, span)
                for score, span in options
                if _allowed(span, parameters[name], taken) and stem(span.text) not in chosen
            ]
            if usable and (best is None or usable[0][0] > best[0]):
                best = *usable[0][:1], name, usable[0][1]
        if best is None:
            break
        _, name, span = best
        ranked.pop(name)
        if span.last:
            taken.append(span)
            parameter = parameters[name]
            found[name] = values.cast(span.text, parameter.schema, parameter.values)
    _dates(request, parameters, found)
    return found


def _allowed(span: spans.Span, parameter: spans.Parameter, taken: Sequence[spans.Span]) -> bool:
    if span.last == 0:
        return not parameter.required
    return all(span.last <= other.first or span.first >= other.last for other in taken)


def _dates(request: str, parameters: Mapping[str, spans.Parameter], found: dict[str, Any]) -> None:
    for name, parameter in parameters.items():
        if name not in found and parameter.schema.get("format") == "date":
            spoken = values.spoken_date(tokenize(request), today=datetime.now(UTC).date())
            if spoken is not None:
                found[name] = spoken


@cache
def default_weights() -> tuple[float, ...]:
    """The layer that was fitted over the collection of tools in the benchmark."""
    path = resources.files("muxi.models.embedded").joinpath("data/spans.json")
    return tuple(json.loads(path.read_text(encoding="utf-8")))
