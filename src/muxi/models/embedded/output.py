"""An answer in a given shape, read off what the turn knows instead of being made up.

Called by `model`, off the loop. The results of tools are trusted most, then what the tools were
told, then the words of the user; what none of these holds is left to the language model. It must
never know a particular tool or schema.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from muxi.core.requests import OutputSchema, ToolSpec
from muxi.models.embedded import facts, schemas
from muxi.models.embedded.arguments import fill
from muxi.models.embedded.facts import Call, Fact
from muxi.models.embedded.fields import NOTHING, Field, Path, build, fields
from muxi.models.embedded.spans import LINKS, WRITTEN_ANEW
from muxi.models.embedded.tokens import stem
from muxi.models.embedded.word_likeness import WordLikeness

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Encode = Callable[[Sequence[str]], NDArray[np.float32]]

_NAMED: Final = 0.45
"""Agreement of names from which a value is taken."""
_UNNAMED: Final = 0.25
_LONGEST: Final = 300
_MOST_ITEMS: Final = 50
_SEPARATORS: Final = re.compile(r"\s*(?:[,;\n]\s*(?:and|or)\b|[,;\n]|\b(?:and|or)\b)\s*")


@dataclass(slots=True)
class Known:
    """What a turn knows."""

    question: str
    calls: list[Call] = field(default_factory=list[Call])
    told: str = ""
    """The results in words, as one would tell them."""
    earlier: list[str] = field(default_factory=list[str])
    """What was said before, the latest first."""


@dataclass(slots=True)
class Grounded:
    """Fields that were found, and those that the whole needs and nothing gives."""

    schema: dict[str, Any]
    found: dict[Path, Any] = field(default_factory=dict[Path, Any])
    missing: list[Field] = field(default_factory=list[Field])

    def value(self) -> Any:
        """The whole value; `NOTHING` while something is missing."""
        return build(self.schema, self.found)


class Grounding:
    """Fills the fields of one schema. Holds what is not filled yet."""

    def __init__(
        self, output: OutputSchema, known: Known, likeness: WordLikeness, encode: Encode
    ) -> None:
        self._output = output
        self._known = known
        self._likeness = likeness
        self._encode = encode
        self._open = {entry.path: entry for entry in fields(output.json_schema)}
        self._grounded = Grounded(output.json_schema)

    def run(self) -> Grounded:
        """Everything that can be found, in the order of trust."""
        known = self._known
        said = [fact for call in known.calls for fact in facts.of_call(call)]
        self._fill_lists(said)
        self._fill_by_name(said)
        self._fill_by_type(said)
        plain = [call.result.text for call in known.calls if call.value is NOTHING]
        texts = [*plain, known.question, *([] if known.calls else known.earlier)]
        for text in texts:
            self._fill_from_text(text)
        self._fill_with_the_result()
        self._fill_choices(" ".join([*plain, known.question]))
        self._leave_empty()
        self._grounded.missing = [entry for entry in self._open.values() if entry.needed]
        return self._grounded

    def read_on(self, grounded: Grounded, text: str) -> None:
        """Numbers that `grounded` lacks, out of `text`."""
        self._grounded = grounded
        self._open = {entry.path: entry for entry in grounded.missing if entry.numeric}
        self._fill_from_text(text)
        grounded.missing = [e for e in grounded.missing if e.path not in grounded.found]

    def _take(self, entry: Field, value: Any) -> None:
        self._grounded.found[entry.path] = value
        del self._open[entry.path]

    def _fill_by_name(self, said: list[Fact]) -> None:
        """Values to the fields they agree with, the surest first, each but once."""
        pairs: list[tuple[float, int, Field, Any]] = []
        for entry in self._open.values():
            for index, fact in enumerate(said):
                value, cost = facts.fitting(fact, entry)
                agrees = facts.agreement(fact, entry, self._likeness) - cost
                if value is not NOTHING and agrees >= (_UNNAMED if fact.bare else _NAMED):
                    pairs.append((agrees + fact.trust, index, entry, value))
        used: set[int] = set()
        for _, index, entry, value in sorted(pairs, key=lambda pair: -pair[0]):
            if entry.path in self._open and index not in used:
                used.add(index)
                self._take(entry, value)

    def _fill_by_type(self, said: list[Fact]) -> None:
        """The one argument that no field took, to the one field that it can only be for."""
        taken = [str(value) for value in self._grounded.found.values()]
        rest = [f for f in said if f.trust < facts.RESULT_TRUST and str(f.value) not in taken]
        wanted = [entry for entry in self._open.values() if entry.needed]
        for fact in rest if len(rest) == 1 else ():
            fits = [
                (entry, value)
                for entry in wanted
                if not self._written_anew(entry)
                and (value := facts.fitting(fact, entry)[0]) is not NOTHING
            ]
            if len(fits) == 1:
                self._take(*fits[0])

    def _written_anew(self, entry: Field) -> bool:
        own = facts.words(entry.name)
        return any(self._likeness.nearest(word, WRITTEN_ANEW) > 0.6 for word in own)

    def _fill_lists(self, said: list[Fact]) -> None:
        for entry in [entry for entry in self._open.values() if entry.kind == "array"]:
            items = schemas.resolve(entry.schema.get("items", {}), entry.root)
            options: list[tuple[float, Sequence[Any]]] = [
                (facts.agreement(fact, entry, self._likeness), fact.elements)
                for fact in said
                if fact.elements is not None
            ]
            if len(self._known.calls) > 1 and schemas.kind(items) == "object":
                options.append((_NAMED, self._known.calls))
            for agrees, elements in sorted(options, key=lambda option: -option[0]):
                found = self._items(elements[:_MOST_ITEMS], items, entry)
                if agrees >= _UNNAMED and found is not NOTHING and entry.admits(found):
                    self._take(entry, found)
                    break

    def _items(self, values: Sequence[Any], items: dict[str, Any], entry: Field) -> Any:
        """`values` as items of a list; `NOTHING` if one does not fit."""
        out: list[Any] = []
        for value in values:
            item = self._item(value, items, entry)
            if item is NOTHING:
                return NOTHING
            out.append(item)
        return out

    def _item(self, value: Any, items: dict[str, Any], entry: Field) -> Any:
        if isinstance(value, Call):
            said = facts.of_call(value)
        elif isinstance(value, dict) and items.get("properties"):
            said = facts.of_value(value)
        else:
            single = Field((*entry.path, entry.name), items, entry.root, needed=True)
            return facts.fitting(Fact(value, (), 0.0), single)[0]
        schema = {**schemas.definitions(entry.root), **items}
        output = OutputSchema(name=self._output.name, json_schema=schema)
        inner = Grounding(output, Known(""), self._likeness, self._encode)
        inner._fill_lists(said)
        inner._fill_by_name(said)
        return inner._grounded.value()

    def _fill_from_text(self, text: str) -> None:
        """Fields read off `text` like the arguments of a tool."""
        names = {e.full_name: e for e in self._open.values() if e.needed or not self._known.calls}
        declared = {name: entry.schema for name, entry in names.items()}
        spec = ToolSpec(
            name=self._output.name,
            parameters={
                **schemas.definitions(self._output.json_schema),
                "type": "object",
                "properties": declared,
            },
        )
        for name, value in fill(
            text, spec, self._likeness, weights=field_weights()
        ).arguments.items():
            known = str(value) in map(str, self._grounded.found.values())
            if names[name].admits(value) and not (known and isinstance(value, str)):
                self._take(names[name], value)
        for entry in list(self._open.values()):
            items = schemas.resolve(entry.schema.get("items", {}), entry.root)
            if entry.kind == "array" and schemas.kind(items) == "string":
                listed = enumerated(text)
                if listed and entry.admits(listed):
                    self._take(entry, listed)

    def _fill_with_the_result(self) -> None:
        """The first free text of the answer tells what the tools said, if no other field does."""
        told = self._known.told[:_LONGEST]
        if not told:
            return
        for entry in list(self._open.values()):
            if entry.needed and entry.kind == "string" and entry.admits(told):
                self._take(entry, told)
                return

    def _fill_choices(self, text: str) -> None:
        """What is nearest in meaning; of yes and no, silence is no."""
        for entry in [entry for entry in self._open.values() if entry.needed]:
            if entry.kind == "boolean":
                self._take(entry, False)
            elif entry.kind == "choice":
                options = schemas.choices(entry.schema)
                vectors = self._encode([text, *(f"This is {option}." for option in options)])
                self._take(entry, options[int((vectors[1:] @ vectors[0]).argmax())])

    def _leave_empty(self) -> None:
        """Lists of which nothing is known, when something else is."""
        if self._grounded.found:
            for entry in list(self._open.values()):
                if entry.kind == "array" and entry.needed and entry.admits([]):
                    self._take(entry, [])


def enumerated(text: str) -> list[str]:
    """The items of an enumeration such as "a, b and c"; none if there is no such thing."""
    text = text.strip().rstrip(".!?")
    _, colon, tail = text.rpartition(": ")
    pieces = [piece for piece in _SEPARATORS.split(tail if colon else text) if piece]
    if len(pieces) < 2:
        return []
    first, last = pieces[0].split(), pieces[-1].split()
    if not colon:
        starts = [i + 1 for i, word in enumerate(first) if stem(word) in LINKS]
        first = first[max(starts, default=0) :]
        first = first if len(first) <= 2 else first[-1:]
    ends = [i for i, word in enumerate(last) if i and word.lower() in LINKS]
    last = last[: min(ends, default=len(last))]
    out = [" ".join(first), *pieces[1:-1], " ".join(last)]
    return [item for item in out if item] if all(len(i.split()) <= 4 for i in out) else []


def ground(output: OutputSchema, known: Known, likeness: WordLikeness, encode: Encode) -> Grounded:
    """What `known` says to the fields of `output`."""
    return Grounding(output, known, likeness, encode).run()


def read_on(
    output: OutputSchema, grounded: Grounded, text: str, likeness: WordLikeness, encode: Encode
) -> None:
    """Fill in the numbers that are missing from what the language model said in its own words."""
    Grounding(output, Known(text), likeness, encode).read_on(grounded, text)


def complete(grounded: Grounded, written: Mapping[str, Any]) -> Any:
    """The whole value, with what the language model wrote for the fields that were missing, by
    their full names; `NOTHING` if it wrote something that is not valid."""
    found = dict(grounded.found)
    for entry in grounded.missing:
        value = written.get(entry.full_name, NOTHING)
        if value is not NOTHING and entry.admits(value):
            found[entry.path] = value
    return build(grounded.schema, found)


def whole_sentences(text: str) -> str:
    """`text` without a last sentence that was cut off."""
    text = text.strip()
    ends = [match.end() for match in re.finditer(r"[.!?](?=\s|$)", text)]
    return text[: ends[-1]] if ends else text


def as_text(value: Any) -> str:
    """JSON in one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@cache
def field_weights() -> tuple[float, ...]:
    """The layer that reads fields off plain texts; fitted like that for arguments."""
    path = resources.files("muxi.models.embedded").joinpath("data/fields.json")
    return tuple(json.loads(path.read_text(encoding="utf-8")))
