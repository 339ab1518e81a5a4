"""Which run of tokens in a request is the value of a parameter: a learnt, tool-blind scorer.

Every candidate run is described by its surroundings, its shape, the parameter's own words and the
values seen in the tool's examples; a linear layer, fitted once over many unlike tools, weighs
that. Called by `arguments`. It must never know the name of a tool or of a parameter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from muxi.core.requests import ToolSpec
from muxi.models.embedded.tokens import Token, stem, tokenize
from muxi.models.embedded.word_likeness import WordLikeness

_LONGEST_SPAN: Final = 16
_LONGEST_REQUEST: Final = 80
_LINK_WORDS: Final = (
    "a about add after again and are around as at be because by can check could do does "
    "execute find for from get give go has have how i in into is it its like look make me "
    "much my named need now of off on online open or our out over please put run saying "
    "search set show some take tell telling than thanks that the their then there this to "
    "today tomorrow under up us using want was we web what when where whether which who why "
    "will with would you your called what's internet "
)
LINKS: Final = tuple(_LINK_WORDS.split())
_LINK_INDEX: Final = {word.replace("'", ""): index for index, word in enumerate(LINKS)}
"""Places in `LINKS` by word; people leave apostrophes out."""
_KINDS: Final = ("edge", "word", "name", "number", "operator", "quote", "colon", "stop", "other")
_KIND_INDEX: Final = {kind: index for index, kind in enumerate(_KINDS)}
_QUOTES: Final = frozenset("'\"“”‘’`«»")
_STOPS: Final = frozenset(".,;!?=")
_OPERATORS: Final = frozenset("+-*/^×÷−%()")
_SHAPES: Final = 8
_TELLING: Final = (0, 6, 7)
"""Traits of `shape` that ordinary words do not have: numbers, addresses, codes and dates."""
_EXTRAS: Final = 43
_ABSENT: Final = 9
WRITTEN_ANEW: Final = frozenset(
    (
        "answer",
        "explanation",
        "summary",
        "reply",
        "poem",
        "joke",
        "advice",
        "translation",
        "comment",
    )
)
"""Words such as name what is seldom quoted from a text."""
_SHOWN: Final = re.compile(r"`([^`]+)`")
WIDTH: Final = 4 * (len(LINKS) + len(_KINDS)) + _EXTRAS + _ABSENT


@dataclass(slots=True, frozen=True)
class Span:
    """Tokens `first` to `last`, exclusive, of a request; `last` 0 means "left out"."""

    first: int
    last: int
    text: str


@dataclass(slots=True)
class Parameter:
    """What is known of one parameter: its words, and how the examples filled it."""

    name: str
    schema: dict[str, Any]
    required: bool
    words: frozenset[str]
    tool_words: frozenset[str]
    sibling_words: frozenset[str]
    names: frozenset[str] = frozenset()
    """The words of its name as they are written; of `sibling_names`, those of the others."""
    sibling_names: frozenset[str] = frozenset()
    values: list[str] = field(default_factory=list[str])
    lefts: list[str] = field(default_factory=list[str])
    rights: list[str] = field(default_factory=list[str])
    firsts: list[str] = field(default_factory=list[str])
    lasts: list[str] = field(default_factory=list[str])
    lengths: list[int] = field(default_factory=list[int])
    shapes: list[tuple[bool, ...]] = field(default_factory=list[tuple[bool, ...]])
    inside: set[str] = field(default_factory=set[str])
    """Words that stand in the examples' values."""
    outside: set[str] = field(default_factory=set[str])
    """Words of the examples' requests that stand in no value."""
    presence: float = 0.5
    """Share of the examples that give the parameter."""


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z]{2,}", text.lower()))


def _stems(text: str) -> frozenset[str]:
    return frozenset(stem(word) for word in re.findall(r"[A-Za-z]+", text))


def describe(spec: ToolSpec, name: str) -> Parameter:
    """Parameter `name` of `spec`, with what its examples teach."""
    schema: dict[str, Any] = spec.parameters.get("properties", {}).get(name, {})
    properties: dict[str, Any] = spec.parameters.get("properties", {})
    own = f"{name.replace('_', ' ')} {schema.get('description', '')}"
    others = " ".join(key.replace("_", " ") for key in properties if key != name)
    parameter = Parameter(
        name=name,
        schema=schema,
        required=name in spec.parameters.get("required", ()),
        words=_stems(own),
        tool_words=_stems(f"{spec.name.replace('_', ' ')} {spec.description}"),
        sibling_words=_stems(others),
        names=_words(name),
        sibling_names=_words(others),
    )
    for example in spec.examples:
        if name in example.arguments:
            _learn(parameter, example.request, str(example.arguments[name]))
    if spec.examples:
        parameter.presence = len(parameter.values) / len(spec.examples)
    for shown in [*_SHOWN.findall(own), *map(str, schema.get("examples", ()))]:
        run = tokenize(shown)
        if run:
            _learn_value(parameter, run)
    parameter.outside -= parameter.inside
    return parameter


def _learn(parameter: Parameter, request: str, value: str) -> None:
    tokens = tokenize(request)
    parameter.values.append(value)
    span = locate(request, value)
    if span is None:
        return
    for index, token in enumerate(tokens):
        within = span.first <= index < span.last
        if token.kind == "word" and not token.spoken_number and not within:
            parameter.outside.add(token.lower)
    parameter.lefts.append(_neighbour(tokens, span.first - 1))
    parameter.rights.append(_neighbour(tokens, span.last))
    _learn_value(parameter, tokens[span.first : span.last])


def _learn_value(parameter: Parameter, run: Sequence[Token]) -> None:
    parameter.firsts.append(_kind(run, 0, named=True))
    parameter.lasts.append(_kind(run, len(run) - 1, named=True))
    parameter.lengths.append(len(run))
    parameter.shapes.append(shape(run))
    parameter.inside |= {
        token.lower for token in run if token.kind == "word" and not token.spoken_number
    }


def locate(request: str, value: str) -> Span | None:
    """The tokens of `request` that spell `value`, or None."""
    tokens = tokenize(request)
    wanted = re.sub(r"[\s,]+", "", value).lower()
    for first in range(len(tokens)):
        for last in range(first + 1, len(tokens) + 1):
            text = request[tokens[first].start : tokens[last - 1].end]
            squeezed = re.sub(r"[\s,]+", "", text).lower()
            if squeezed == wanted:
                return Span(first, last, text)
            if len(squeezed) > len(wanted) + 2:
                break
    return None


def shape(tokens: Sequence[Token]) -> tuple[bool, ...]:
    """Coarse traits of a run of tokens."""
    kinds = {token.kind for token in tokens}
    words = [token for token in tokens if token.kind == "word"]
    return (
        "number" in kinds or any(token.spoken_number for token in tokens),
        any(token.text[0] in _OPERATORS for token in tokens if token.kind == "symbol"),
        bool(words) and all(token.text[0].isupper() for token in words),
        bool(words) and all(token.text.isupper() for token in words),
        len(tokens) == 1,
        bool(words),
        bool(kinds & {"uri", "email", "path", "tag", "phone"}),
        bool(kinds & {"code", "date", "time"}),
    )


def candidates(request: str, accept: Callable[[Sequence[Token]], bool] | None = None) -> list[Span]:
    """The runs of tokens that may be a value; `accept` narrows them."""
    tokens = tokenize(request)[:_LONGEST_REQUEST]
    found: list[Span] = []
    for first in range(len(tokens)):
        if _closing(tokens[first]):
            continue
        for last in _ends(tokens, first):
            run = tokens[first:last]
            if accept is None or accept(run):
                found.append(Span(first, last, request[run[0].start : run[-1].end]))
    return found


def _ends(tokens: Sequence[Token], first: int) -> Iterable[int]:
    near = min(len(tokens), first + _LONGEST_SPAN)
    for last in range(first + 1, len(tokens) + 1):
        at_end = last >= len(tokens) - 1
        if (last <= near or at_end) and not _opening(tokens[last - 1]):
            yield last


def _closing(token: Token) -> bool:
    return token.kind == "symbol" and token.text in ".,;:!?)]}=\"'”’"


def _opening(token: Token) -> bool:
    return token.kind == "symbol" and token.text in ".,;:?([{=\"'“‘+-*/"


def _neighbour(tokens: Sequence[Token], index: int) -> str:
    if not 0 <= index < len(tokens):
        return "^"
    token = tokens[index]
    return token.lower if token.kind in ("word", "symbol") else f"<{token.kind}>"


def _kind(tokens: Sequence[Token], index: int, *, named: bool = False) -> str:
    if not 0 <= index < len(tokens):
        return "edge"
    token = tokens[index]
    if token.kind == "number" or token.spoken_number:
        return "number"
    if token.kind == "word":
        return "name" if token.text[0].isupper() and (named or index > 0) else "word"
    return _sign(token.text) if token.kind == "symbol" else "other"


def _sign(text: str) -> str:
    if text in _QUOTES:
        return "quote"
    if text == ":":
        return "colon"
    if text in _STOPS:
        return "stop"
    return "operator" if text[0] in _OPERATORS else "other"


class Scene:
    """One request before one parameter: what its candidates are judged by."""

    def __init__(self, request: str, parameter: Parameter, likeness: WordLikeness) -> None:
        self.tokens = tokenize(request)
        self.parameter = parameter
        self.inside: list[float] = []
        self.outside: list[float] = []
        self.own: list[float] = []
        """How much nearer each word, or kind of token, is to the parameter's name than to other
        names."""
        for token in self.tokens:
            word = token.lower if token.kind == "word" and not token.spoken_number else ""
            self.inside.append(likeness.nearest(word, parameter.inside))
            self.outside.append(likeness.nearest(word, parameter.outside))
            meaning = word if token.kind in ("word", "symbol") else token.kind
            others = likeness.nearest(meaning, parameter.sibling_names)
            self.own.append(likeness.nearest(meaning, parameter.names) - others)
        self.written_anew = max(
            (likeness.nearest(name, WRITTEN_ANEW) for name in parameter.names), default=0.0
        )

    def features(self, span: Span) -> dict[int, float]:
        """What speaks for and against `span` as the value, as sparse numbers by index."""
        parameter, tokens = self.parameter, self.tokens
        if span.last == 0:
            return dict(enumerate(self._absence(), start=WIDTH - _ABSENT))
        out: dict[int, float] = {}
        block = len(LINKS) + len(_KINDS)
        places = (span.first - 1, span.first, span.last - 1, span.last)
        for offset, index in enumerate(places):
            link = _LINK_INDEX.get(_neighbour(tokens, index).replace("'", "").replace("’", ""))
            if link is not None:
                out[offset * block + link] = 1.0
            out[offset * block + len(LINKS) + _KIND_INDEX[_kind(tokens, index)]] = 1.0
        numbers = (
            *_surroundings(tokens, span, parameter),
            *_likeness(tokens, span, parameter),
            *self._words(span),
            *self._naming(span),
        )
        out |= {4 * block + index: value for index, value in enumerate(numbers) if value}
        return out

    def _absence(self) -> list[float]:
        """What speaks for leaving the parameter out."""
        parameter, tokens = self.parameter, self.tokens
        seen = shape(tokens)
        count = len(parameter.shapes)
        marks = [
            seen[index] * sum(known[index] for known in parameter.shapes) / count
            for index in _TELLING
            if count
        ]
        names = sum(kind == "name" for kind in parameter.firsts) / count if count else 0.0
        named = any(_kind(tokens, index) == "name" for index in range(len(tokens)))
        return [
            float(not parameter.required),
            float(parameter.required),
            float(parameter.schema.get("type") == "string"),
            max([0.0, *self._leanings(range(len(tokens)))]),
            parameter.presence,
            max([0.0, *marks]),
            names * named,
            self.written_anew,
            max([0.0, *self.own]),
        ]

    def _naming(self, span: Span) -> list[float]:
        """Whether the words of the run, or around it, mean what the parameter's name does."""
        within = self.own[span.first : span.last]
        before, after = self.own[: span.first], self.own[span.last :]
        return [
            sum(within) / len(within),
            max(within),
            max(before[-1:], default=0.0),
            max(before[-3:], default=0.0),
            max(after[:2], default=0.0),
        ]

    def _words(self, span: Span) -> list[float]:
        """Whether the words at the edges are such as stand in values, or around them."""
        places = (span.first - 1, span.first, span.last - 1, span.last)
        known = [index if 0 <= index < len(self.tokens) else -1 for index in places]
        left = self._leanings(range(span.first)) + self._leanings(
            range(span.last, len(self.tokens))
        )
        within = self._leanings(range(span.first, span.last))
        return [
            *(self.inside[index] if index >= 0 else 0.0 for index in known),
            *(self.outside[index] if index >= 0 else 0.0 for index in known),
            max([0.0, *left]),
            max([0.0, *(-leaning for leaning in within)]),
            max([0.0, *within]),
            sum(leaning > 0.3 for leaning in left) / 2,
        ]

    def _leanings(self, indexes: Iterable[int]) -> list[float]:
        return [self.inside[index] - self.outside[index] for index in indexes]


def _surroundings(tokens: Sequence[Token], span: Span, parameter: Parameter) -> list[float]:
    run = tokens[span.first : span.last]
    stems = [stem(token.lower) for token in run]
    left, right = _neighbour(tokens, span.first - 1), _neighbour(tokens, span.last)
    capital = [t.kind == "word" and t.text[0].isupper() for t in tokens]
    whole_name = all(capital[span.first : span.last])
    before = span.first > 1 and capital[span.first - 1]
    after = span.last < len(tokens) and capital[span.last]
    length = len(run)
    rest = len(tokens) - span.last
    content = [s for s in stems if s not in _LINK_INDEX]
    own = sum(s in parameter.words or s in parameter.tool_words for s in stems if s in content)
    return [
        min(length, 10) / 5,
        float(length == 1),
        float(length > 6),
        length / len(tokens),
        float(span.first == 0),
        float(rest == 0 or (rest == 1 and tokens[-1].kind == "symbol")),
        float(left in _QUOTES and right in _QUOTES),
        float(any(token.text in _QUOTES for token in run)),
        float(stem(left) in parameter.words),
        float(stem(right) in parameter.words),
        float(stem(left) in parameter.sibling_words),
        float(whole_name),
        float((capital[span.first] and before) or (capital[span.last - 1] and after)),
        min(own, 3) / 2,
        sum(s in parameter.sibling_words for s in content) / 2,
        float(not content),
    ]


def _likeness(tokens: Sequence[Token], span: Span, parameter: Parameter) -> list[float]:
    """How far the run resembles those that the examples took."""
    count = len(parameter.shapes)
    if count == 0:
        return [0.0] * 9 + [1.0]
    traits = shape(tokens[span.first : span.last])
    agreement = [
        sum(known[index] == traits[index] for known in parameter.shapes) / count
        for index in range(_SHAPES)
    ]
    left, right = _neighbour(tokens, span.first - 1), _neighbour(tokens, span.last)
    closest = min(abs(span.last - span.first - length) for length in parameter.lengths)
    inside = {token.lower for token in tokens[span.first : span.last]}
    command = sum(word in inside for word in set(parameter.lefts) if word.isalpha())
    return [
        parameter.lefts.count(left) / max(1, len(parameter.lefts)),
        parameter.rights.count(right) / max(1, len(parameter.rights)),
        parameter.firsts.count(_kind(tokens, span.first)) / count,
        parameter.lasts.count(_kind(tokens, span.last - 1)) / count,
        sum(agreement) / _SHAPES,
        min(agreement),
        agreement[0] + agreement[1] - 1,
        min(closest, 6) / 3,
        min(command, 2) / 2,
        0.0,
    ]
