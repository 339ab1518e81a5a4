"""What the tools of a turn were told and what they said, as values with names.

Called by `output`. Results are read as JSON where they are JSON; a result without a name goes by
the words of its tool. It must never know the name of a tool or of a field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from muxi.core.json_shapes import is_array
from muxi.core.messages import ToolCallPart, ToolResultPart
from muxi.core.requests import ToolSpec
from muxi.models.embedded import schemas, values
from muxi.models.embedded.fields import NOTHING, Field
from muxi.models.embedded.tokens import stem, tokenize
from muxi.models.embedded.word_likeness import WordLikeness

RESULT_TRUST: Final = 0.2
ARGUMENT_TRUST: Final = 0.1
_DEEPEST: Final = 5
_MOST: Final = 200
_LONGEST: Final = 300
"""Characters of a string that serves as a value."""
_LOOSE: Final = 0.7
"""What likeness of words counts against equality."""
_ABOUT: Final = 0.6
_BARE: Final = 0.3
_OF_CHOICES: Final = 0.5
"""What it counts for a field with few choices that a value is one of them, whatever its name."""
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


@dataclass(slots=True, frozen=True)
class Fact:
    """A value, what it is called, and how far it is trusted."""

    value: Any
    name: tuple[str, ...]
    """Words; for an unnamed result those of its tool."""
    trust: float
    parent: tuple[str, ...] = ()
    about: frozenset[str] = frozenset()
    """Stems of what the tool of an unnamed result says it does."""
    bare: bool = False

    @property
    def elements(self) -> list[Any] | None:
        """The value if it is a list."""
        value: object = self.value
        return value if is_array(value) else None


@dataclass(slots=True)
class Call:
    """One call of this turn with its result."""

    call: ToolCallPart | None
    result: ToolResultPart
    spec: ToolSpec | None

    @property
    def value(self) -> Any:
        """The result as JSON; `NOTHING` if it is plain text."""
        try:
            return json.loads(self.result.text)
        except (ValueError, RecursionError):
            return NOTHING


def words(name: str) -> tuple[str, ...]:
    """The words of a name in any of the usual spellings, in lower case."""
    return tuple(word.lower() for word in _WORD.findall(name))


def of_call(call: Call) -> list[Fact]:
    """What one call says, the results first."""
    arguments: Mapping[str, Any] = call.call.arguments if call.call else {}
    value = call.value
    if value is NOTHING:
        value = call.result.text.strip()
    told = _members(dict(arguments), (), ARGUMENT_TRUST, 0)
    return [*of_value(value, call), *told][:_MOST]


def of_value(value: Any, call: Call | None = None) -> list[Fact]:
    """The members of a JSON value, or the value itself as an unnamed result of `call`."""
    if isinstance(value, dict):
        return list(_members(cast("dict[str, Any]", value), (), RESULT_TRUST, 0))[:_MOST]
    if value is None or value == "":
        return []
    description = call.spec.description if call and call.spec else ""
    about = frozenset(stem(word) for word in words(description))
    name = words(call.result.name) if call else ()
    return [Fact(value, name, RESULT_TRUST, about=about, bare=True)]


def _members(
    value: dict[str, Any], parent: tuple[str, ...], trust: float, depth: int
) -> Iterator[Fact]:
    for key, member in value.items():
        name = words(key)
        if isinstance(member, dict) and depth < _DEEPEST:
            yield from _members(cast("dict[str, Any]", member), name, trust, depth + 1)
        elif member is not None and member != "":
            yield Fact(member, name, trust, parent=parent)


def fitting(fact: Fact, field: Field) -> tuple[Any, float]:
    """The fact's value in the type of `field` and what the change costs, or `NOTHING`."""
    value = fact.value
    cost = 0.0
    match field.kind:
        case "choice":
            value, cost = _choice(value, schemas.choices(field.schema))
        case "integer" | "number" if isinstance(value, str):
            value, cost = _only_number(value, field.schema), 0.2
        case "integer" if isinstance(value, float) and value.is_integer():
            value = int(value)
        case "string":
            value, cost = _string(value, field.schema)
        case _:
            pass
    return (value, cost) if value is not NOTHING and field.admits(value) else (NOTHING, 0.0)


def _choice(value: Any, options: Sequence[Any]) -> tuple[Any, float]:
    for option in options:
        if type(option) is type(value) and str(option).lower() == str(value).lower():
            return option, -_OF_CHOICES
    found = values.choice(value, options) if isinstance(value, str) else None
    return (NOTHING, 0.0) if found is None else (found, 0.1)


def _only_number(text: str, schema: dict[str, Any]) -> Any:
    numbers = [token for token in tokenize(text) if token.kind == "number"]
    return values.cast(numbers[0].text, schema, ()) if len(numbers) == 1 else NOTHING


def _string(value: Any, schema: dict[str, Any]) -> tuple[Any, float]:
    if isinstance(value, bool | list | dict):
        return NOTHING, 0.0
    text = str(value)
    kind = values.token_kind(schema, ())
    if kind is not None:
        found = [token.text for token in tokenize(text) if token.kind == kind]
        return (found[0], 0.0) if len(found) == 1 else (NOTHING, 0.0)
    cost = 0.0 if isinstance(value, str) else 0.3
    return (text, cost) if len(text) <= _LONGEST else (NOTHING, 0.0)


def agreement(fact: Fact, field: Field, likeness: WordLikeness) -> float:
    """How well what the fact is called fits the name of the field, from 0 to 1."""
    own = words(field.name)
    above = words(field.path[-2]) if len(field.path) > 1 else ()
    best = max(
        _alike(mine, theirs, likeness)
        for mine in {own, (*above, *own)}
        for theirs in {fact.name, (*fact.parent, *fact.name)}
    )
    if not fact.bare:
        return best
    described = any(stem(word) in fact.about for word in own)
    short = not isinstance(fact.value, str) or len(fact.value) <= 40
    return max(0.9 * best, _ABOUT * described) + _BARE * short


def _alike(mine: Sequence[str], theirs: Sequence[str], likeness: WordLikeness) -> float:
    one, other = {stem(word) for word in mine}, {stem(word) for word in theirs}
    if not one or not other:
        return 0.0
    if one == other:
        return 1.0
    if one <= other or other <= one:
        return 0.8
    near = [likeness.nearest(word, theirs) for word in mine]
    return _LOOSE * sum(near) / len(near)
