"""What speaks for a tool, given a request: numbers that mean the same for every tool.

Called by `router`, which weighs them. Everything is computed from the tool's name, description,
schema and examples; it must never know a particular tool.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from muxi.core.requests import ToolSpec
from muxi.models.embedded import schemas, values
from muxi.models.embedded.collection import Collection, Encode, overlap, traits, unit
from muxi.models.embedded.tokens import stem, tokenize

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]

_NAMES: Final = (
    "bias description parameters example examples plain_one plain_five bag_example "
    "bag_examples bag_plain_one bag_plain_five traits_for traits_against missing met optional "
    "words name_words bare bare_description bare_words bare_name_words purpose_mix "
    "purpose_best purpose_likeness tool_like "
)
NAMES: Final = tuple(_NAMES.split())
_SAME_PURPOSE: Final = 0.5
"""Affinity from which a purpose is taken for the tool's own."""
_SHARP: Final = 8.0
_SHARPER: Final = 15.0
_PRIOR: Final = 1.5
_WIDER: Final = 0.9
"""How well a tool for a wider purpose serves one that is part of it."""


@dataclass(slots=True)
class ToolView:
    """A tool as the router sees it; made once a specification."""

    spec: ToolSpec
    text: Vector
    parameters: Vector
    examples: Vector
    bags: list[dict[str, float]]
    trait_rates: Vector
    affinity: Vector
    """Likeness of the tool to each purpose of the collection."""
    borrowed: NDArray[np.intp]
    """Places of the samples that serve as examples, because their purpose is the tool's own."""
    words: frozenset[str]
    name_words: frozenset[str]


@dataclass
class RequestView:
    """A request as the router sees it."""

    text: str
    vector: Vector
    collection: Collection
    leave_out: bool = False
    """Whether samples equal to the request are ignored; for fitting."""
    without: int | None = None
    """A purpose whose samples are ignored; for fitting."""
    tokens: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        words = re.findall(r"[A-Za-z]+", self.text)
        self.tokens = frozenset(stem(word) for word in words)

    @cached_property
    def bag(self) -> dict[str, float]:
        return self.collection.bag(self.text)

    @cached_property
    def traits(self) -> list[bool]:
        return traits(self.text)

    @cached_property
    def plain(self) -> tuple[float, float, float, float]:
        """Likeness to plain talk: of vectors, nearest and five nearest; of bags, the same."""
        import numpy as np

        near = self.collection.plain_vectors @ self.vector
        bags = np.array([overlap(self.bag, bag) for bag in self.collection.plain_bags])
        if self.leave_out:
            same = np.array([request == self.text for request in self.collection.plain])
            near, bags = np.where(same, -1.0, near), np.where(same, 0.0, bags)
        near, bags = np.sort(near)[::-1], np.sort(bags)[::-1]
        return float(near[0]), float(near[:5].mean()), float(bags[0]), float(bags[:5].mean())

    @cached_property
    def purposes(self) -> Vector:
        """Likeness to the samples of each purpose."""
        import numpy as np

        collection = self.collection
        near = collection.served_vectors @ self.vector
        if self.leave_out:
            same = np.array([request == self.text for request in collection.served])
            near = np.where(same, -1.0, near)
        out = np.full(len(collection.purposes), -1.0, dtype=np.float32)
        for index in range(len(out)):
            best = np.sort(near[collection.served_purpose == index])[::-1][:2]
            out[index] = 0.5 * best.mean() + 0.5 * best[0]
        if self.without is not None:
            out[self.without] = -1.0
        return out


def tool_text(name: str, description: str) -> str:
    """Name and description in one line, as vectors are made of it."""
    return f"{name.replace('_', ' ')}: {description}"


def _parameter_text(spec: ToolSpec) -> str:
    pieces = [
        f"{name.replace('_', ' ')} {schema.get('description', '')} "
        + " ".join(str(option) for option in schema.get("enum", ()))
        for name, schema in schemas.properties(spec.parameters).items()
    ]
    return " ".join(pieces) or "nothing"


def view(spec: ToolSpec, collection: Collection, encode: Encode) -> ToolView:
    """`spec` prepared for comparison."""
    import numpy as np

    text = tool_text(spec.name, spec.description)
    requests = [example.request for example in spec.examples]
    vectors = encode([text, _parameter_text(spec), *requests])
    examples = vectors[2:]
    background = collection.plain_traits * _PRIOR
    shown = np.array([traits(request) for request in requests], dtype=float).reshape(
        len(requests), len(background)
    )
    affinity = collection.purpose_vectors @ vectors[0]
    if requests:
        centre = unit(examples.mean(axis=0))
        affinity = 0.5 * affinity + 0.5 * (collection.centres @ centre)
    affinity = np.array(
        [
            own if wide is None else max(own, _WIDER * affinity[wide])
            for own, wide in zip(affinity, collection.wider, strict=True)
        ]
    )
    words = re.findall(r"[A-Za-z]+", f"{text} {_parameter_text(spec)}")
    return ToolView(
        spec=spec,
        text=vectors[0],
        parameters=vectors[1],
        examples=examples,
        bags=[collection.bag(request) for request in requests],
        trait_rates=(shown.sum(axis=0) + background) / (len(requests) + _PRIOR),
        affinity=affinity,
        borrowed=_borrowed(affinity, collection),
        words=frozenset(stem(word) for word in words),
        name_words=frozenset(stem(word) for word in re.findall(r"[A-Za-z]+", spec.name)),
    )


def features(request: RequestView, tool: ToolView) -> list[float]:
    """The numbers that `NAMES` lists, for one request and one tool."""
    description = float(tool.text @ request.vector)
    example, several, bag_one, bag_two = _examples(request, tool, description)
    words, name_words = _words(request, tool)
    bare = float(not tool.bags and not len(tool.borrowed))
    return [
        1.0,
        description,
        float(tool.parameters @ request.vector),
        example,
        several,
        *request.plain[:2],
        bag_one,
        bag_two,
        *request.plain[2:],
        *_traits(request, tool),
        *_needs(request.text, tool.spec),
        words,
        name_words,
        bare,
        bare * description,
        bare * words,
        bare * name_words,
        *_purposes(request, tool),
    ]


def _borrowed(affinity: Vector, collection: Collection) -> NDArray[np.intp]:
    import numpy as np

    own = {int(index) for index in np.flatnonzero(affinity >= _SAME_PURPOSE)}
    own |= {index for index, wide in enumerate(collection.wider) if wide in own}
    return np.flatnonzero(np.isin(collection.served_purpose, sorted(own)))


def _examples(
    request: RequestView, tool: ToolView, description: float
) -> tuple[float, float, float, float]:
    """Likeness to the nearest example and to the two nearest: of vectors, then of bags."""
    collection = request.collection
    samples = [int(place) for place in tool.borrowed if _usable(request, int(place))]
    near = [float(x) for x in tool.examples @ request.vector] if tool.bags else []
    near += [float(x) for x in collection.served_vectors[samples] @ request.vector]
    if not near:
        return description, description, 0.0, 0.0
    bags = [overlap(request.bag, bag) for bag in tool.bags]
    bags += [overlap(request.bag, collection.served_bags[place]) for place in samples]
    near, bags = sorted(near)[-2:], sorted(bags)[-2:]
    return near[-1], sum(near) / len(near), bags[-1], sum(bags) / 2


def _usable(request: RequestView, place: int) -> bool:
    collection = request.collection
    if request.without is not None and collection.served_purpose[place] == request.without:
        return False
    return not (request.leave_out and collection.served[place] == request.text)


def _traits(request: RequestView, tool: ToolView) -> tuple[float, float]:
    """Log odds of the special tokens that are there, and of those that are not."""
    gained = lost = 0.0
    usual = request.collection.plain_traits
    for here, rate, base in zip(request.traits, tool.trait_rates, usual, strict=True):
        shown, plain = _inner(float(rate)), _inner(float(base))
        odds = math.log(shown / plain) if here else math.log((1 - shown) / (1 - plain))
        gained += max(odds, 0.0)
        lost += min(odds, 0.0)
    return gained, lost


def _inner(rate: float) -> float:
    return min(max(rate, 0.02), 0.98)


def _needs(request: str, spec: ToolSpec) -> tuple[float, float, float]:
    """Required parameters without and with a fitting token, and optional ones with one."""
    required = schemas.required(spec.parameters)
    missing = met = optional = 0
    for name, schema in schemas.properties(spec.parameters).items():
        fit = _fit(request, schema)
        if name not in required:
            optional += fit > 0
        else:
            missing += fit < 0
            met += fit > 0
    return float(missing), float(met), float(optional)


def _fit(request: str, schema: dict[str, Any]) -> int:
    """1 when the request holds a token for the parameter, -1 when it cannot, 0 when none tells."""
    if schemas.kind(schema) == "choice":
        return int(values.choice(request, schemas.choices(schema)) is not None)
    accept = values.acceptor(schema, ())
    if accept is None:
        return 0
    return 1 if any(accept([token]) for token in tokenize(request)) else -1


def _words(request: RequestView, tool: ToolView) -> tuple[float, float]:
    """Share of the request's weight that the tool's words cover, and of the name that is said."""

    def weight(words: frozenset[str]) -> float:
        return sum(request.collection.rarity(word) for word in words)

    said = weight(request.tokens & tool.words) / (weight(request.tokens) + 1)
    return said, weight(request.tokens & tool.name_words) / (weight(tool.name_words) + 1)


def _purposes(request: RequestView, tool: ToolView) -> tuple[float, float, float, float]:
    """What the samples of like purposes say; the last tells a tool request from plain talk."""
    import numpy as np

    affinity = tool.affinity
    if request.without is not None:
        affinity = affinity.copy()
        affinity[request.without] = -1.0
    likeness = request.purposes
    mix = _soft(affinity, _SHARP)
    return (
        float(mix @ likeness),
        float((likeness * np.clip(affinity, 0.0, 1.0)).max()),
        float(_soft(likeness, _SHARPER) @ affinity),
        float(likeness.max()) - request.plain[1],
    )


def _soft(scores: Vector, sharpness: float) -> Vector:
    import numpy as np

    weights = np.exp(sharpness * (scores - scores.max()))
    return weights / weights.sum()


def weigh(rows: Sequence[Sequence[float]], weights: Sequence[float]) -> list[float]:
    """The weighted sum of each row."""
    return [sum(w * x for w, x in zip(weights, row, strict=True)) for row in rows]
