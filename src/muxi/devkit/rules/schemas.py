"""Rules of input and output schemas."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, cast

from muxi.devkit.exchange import Json
from muxi.devkit.rules.evidence import Evidence, items, mapping, named, parameters
from muxi.devkit.rules.rule import Complaint, Rule
from muxi.devkit.schemas import faults_of, is_slow, schema_faults

ABOUT: Final = "schemas"

MISSING = Rule(
    "input-schema-missing",
    "error",
    "Every tool has an inputSchema.",
    "The protocol requires one; a tool without parameters has an object without properties.",
    'Set it to `{"type": "object", "additionalProperties": false}`.',
)
ROOT = Rule(
    "input-schema-root",
    "error",
    'The root of an inputSchema has `"type": "object"`.',
    "Arguments are given by name; clients refuse a tool whose root is anything else.",
    "Wrap what it takes in an object.",
)
INVALID = Rule(
    "input-schema-invalid",
    "error",
    "An inputSchema is a schema of JSON Schema 2020-12.",
    "Clients that check it drop the tool, or all tools of the server.",
    "Correct what the message names.",
)
OUTPUT_INVALID = Rule(
    "output-schema-invalid",
    "error",
    "An outputSchema is a schema of JSON Schema 2020-12.",
    "Clients hold results to it, and fail on every call if it is none.",
    "Correct what the message names.",
)
OUTPUT_ROOT = Rule(
    "output-schema-root",
    "warning",
    "The root of an outputSchema is an object.",
    "Before revision 2026-07-28 nothing else was allowed, and older clients refuse it.",
    'Wrap the result: `{"result": …}`.',
)
OUTPUT_MISSING = Rule(
    "output-schema-missing",
    "note",
    "A tool that only reads declares an outputSchema.",
    "With one, programs and code-writing models can use the result without guessing.",
    "Declare it, and return structuredContent that fits.",
)
REF_BROKEN = Rule(
    "schema-ref-unresolvable",
    "error",
    "Every `$ref` leads somewhere within the schema.",
    "Nothing can be checked against such a schema; strict clients drop the tool.",
    "Put the definition under `$defs`, or write the part out.",
)
REF_REMOTE = Rule(
    "schema-ref-remote",
    "error",
    "No `$ref` leads out of the schema.",
    "Clients must not fetch it, and one that did would let a server make it fetch anything.",
    "Copy the definition into `$defs`.",
)
REQUIRED_UNKNOWN = Rule(
    "schema-required-unknown",
    "error",
    "What is required is among the properties.",
    "A model is not told of it and cannot give it.",
    "Describe the property, or require it no more.",
)
PATTERN = Rule(
    "schema-pattern-invalid",
    "error",
    "Every `pattern` is a regular expression.",
    "Whoever checks arguments against it fails instead.",
    "Correct the expression; it is one of ECMAScript, without flags.",
)
SLOW = Rule(
    "schema-pattern-slow",
    "warning",
    "No `pattern` repeats what repeats itself.",
    "A text of thirty letters can hold whoever checks it up for hours.",
    "Write `[a-z]+` instead of `([a-z]+)*`, or bound the length.",
)
DEFAULT = Rule(
    "schema-default-misfit",
    "warning",
    "Defaults and examples fit the schema that they stand in.",
    "A model copies them and is refused.",
    "Correct the value or the schema.",
)
UNTYPED = Rule(
    "parameter-untyped",
    "warning",
    "Every parameter says what type it has.",
    "A model guesses, and some APIs refuse the tool.",
    "Add `type`, `enum`, `anyOf` or `$ref`.",
)
ITEMS = Rule(
    "schema-items-missing",
    "warning",
    "Every array says what its items are.",
    "The APIs of OpenAI and Google refuse arrays without `items`.",
    "Add `items`.",
)
OPEN = Rule(
    "schema-open",
    "note",
    "An inputSchema says `additionalProperties: false`.",
    "Otherwise a misspelt argument is dropped without a word, and the call does something else.",
    "Close the object, and refuse unknown arguments.",
)
DEEP = Rule(
    "schema-deep",
    "warning",
    "A schema is nested at most six levels deep.",
    "Models fill deep structures in wrongly, and OpenAI's strict mode refuses over ten.",
    "Flatten it, or split the tool.",
)
COMBINED = Rule(
    "schema-root-combined",
    "warning",
    "The root of an inputSchema has no `oneOf`, `anyOf` or `allOf`.",
    "Most model APIs refuse them there.",
    "Make parameters optional and check their combination, or make two tools.",
)
CROWDED = Rule(
    "parameters-many",
    "note",
    "A tool has at most 15 parameters.",
    "With more, models leave some out and confuse others.",
    "Split the tool, or group what belongs together.",
)
HEADER = Rule(
    "schema-header-invalid",
    "error",
    "`x-mcp-header` stands on a text, whole number or boolean, and names a header of its own.",
    "Clients of revision 2026-07-28 must drop a tool where it does not.",
    "Name the header with letters, digits and `-`, once, on a plain parameter.",
)

_DEEPEST: Final = 6
_MOST_PARAMETERS: Final = 15
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_PLAIN: Final = ("string", "integer", "boolean")
_DATA: Final = ("default", "examples", "const", "enum", "example")
_TELLING: Final = ("type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref")


def check(evidence: Evidence) -> Iterator[Complaint]:
    """What breaks these rules."""
    for tool in evidence.tools:
        yield from _input(tool)
        if "outputSchema" in tool:
            yield from _output(tool)
        elif mapping(tool, "annotations").get("readOnlyHint") is True:
            yield OUTPUT_MISSING.at(named("tool", tool), "it has none")


def _input(tool: Json) -> Iterator[Complaint]:
    where, schema = named("tool", tool), tool.get("inputSchema")
    if not isinstance(schema, dict):
        yield MISSING.at(where, f"it is {schema!r}")
        return
    root = cast("Json", schema)
    if root.get("type") != "object":
        yield ROOT.at(f"{where}, inputSchema", f"its type is {root.get('type')!r}")
    faults = schema_faults(root)
    for fault in faults:
        yield INVALID.at(f"{where}, inputSchema", fault)
    yield from _parts(root, f"{where}, inputSchema", whole=not faults)
    yield from _required(root, where)
    yield from _parameters(tool, where)
    if root.get("additionalProperties") is not False:
        yield OPEN.at(f"{where}, inputSchema", "it does not")
    if found := [key for key in ("oneOf", "anyOf", "allOf") if key in root]:
        yield COMBINED.at(f"{where}, inputSchema", f"it has {', '.join(found)}")
    yield from _headers(root, where)


def _output(tool: Json) -> Iterator[Complaint]:
    where, schema = f"{named('tool', tool)}, outputSchema", tool["outputSchema"]
    faults = schema_faults(schema)
    for fault in faults:
        yield OUTPUT_INVALID.at(where, fault)
    if isinstance(schema, dict):
        root = cast("Json", schema)
        yield from _parts(root, where, whole=not faults)
        if root.get("type") != "object":
            yield OUTPUT_ROOT.at(where, f"its type is {root.get('type')!r}")


def _required(root: Json, where: str) -> Iterator[Complaint]:
    known = mapping(root, "properties")
    lost = [str(each) for each in items(root, "required") if each not in known]
    if lost and not any(key in root for key in ("$ref", "allOf", "anyOf", "oneOf")):
        yield REQUIRED_UNKNOWN.at(f"{where}, inputSchema", f"of {', '.join(lost)}")


def _parameters(tool: Json, where: str) -> Iterator[Complaint]:
    found = dict(parameters(tool))
    if len(found) > _MOST_PARAMETERS:
        yield CROWDED.at(where, f"it has {len(found)}")
    untyped = [name for name, part in found.items() if not any(key in part for key in _TELLING)]
    if untyped:
        yield UNTYPED.at(where, f"of {', '.join(untyped)} nothing is said")


def _parts(root: Json, where: str, *, whole: bool) -> Iterator[Complaint]:
    """What is wrong anywhere in a schema; values are held to it only if it is one."""
    deepest = 0
    for place, part, depth in _walk(root):
        deepest = max(deepest, depth)
        at = f"{where}{place}"
        yield from _reference(part.get("$ref"), root, at)
        pattern = part.get("pattern")
        if isinstance(pattern, str):
            yield from _pattern(pattern, at)
        if part.get("type") == "array" and not {"items", "prefixItems"} & part.keys():
            yield ITEMS.at(at, "it does not")
        if whole:
            yield from _values(part, root, at)
    if deepest > _DEEPEST:
        yield DEEP.at(where, f"it has {deepest} levels")


def _pattern(pattern: str, where: str) -> Iterator[Complaint]:
    if not _compiles(pattern):
        yield PATTERN.at(where, f"{pattern!r} is none")
    elif is_slow(pattern):
        yield SLOW.at(where, f"{pattern!r} does")


def _reference(reference: Any, root: Json, where: str) -> Iterator[Complaint]:
    if not isinstance(reference, str):
        return
    if not reference.startswith("#"):
        yield REF_REMOTE.at(where, f"it leads to {reference!r}")
    elif not _leads_somewhere(reference, root):
        yield REF_BROKEN.at(where, f"{reference!r} leads nowhere")


def _leads_somewhere(reference: str, root: Json) -> bool:
    if reference == "#":
        return True
    if not reference.startswith("#/"):
        name = reference[1:]
        return any(
            name in (part.get("$anchor"), part.get("$dynamicAnchor")) for _, part, _ in _walk(root)
        )
    found: Any = root
    for step in reference[2:].split("/"):
        key = step.replace("~1", "/").replace("~0", "~").replace("%25", "%")
        if isinstance(found, dict) and key in found:
            found = cast("Json", found)[key]
        elif (
            isinstance(found, list) and key.isdecimal() and int(key) < len(cast("list[Any]", found))
        ):
            found = cast("list[Any]", found)[int(key)]
        else:
            return False
    return True


def _values(part: Json, root: Json, where: str) -> Iterator[Complaint]:
    given = list(items(part, "examples"))
    if part.get("default") is not None:
        given.append(part["default"])
    if not given:
        return
    held = {**part, "$defs": {**mapping(root, "$defs"), **mapping(part, "$defs")}}
    if "definitions" in root:
        held["definitions"] = root["definitions"]
    for value in given:
        if faults := faults_of(value, held):
            yield DEFAULT.at(where, f"{value!r} does not: {faults[0]}")


def _headers(root: Json, where: str) -> Iterator[Complaint]:
    seen: set[str] = set()
    for place, part, _ in _walk(root):
        if "x-mcp-header" not in part:
            continue
        token = part["x-mcp-header"]
        reachable = bool(place) and re.fullmatch(r"(?:\.properties\.[^.]+)+", place)
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            yield HEADER.at(f"{where}{place}", f"{token!r} is no name of a header")
        elif not reachable or part.get("type") not in _PLAIN:
            yield HEADER.at(f"{where}{place}", "it stands on no plain parameter")
        elif token.lower() in seen:
            yield HEADER.at(f"{where}{place}", f"{token!r} stands twice")
        else:
            seen.add(token.lower())


def _walk(root: Json) -> Iterator[tuple[str, Json, int]]:
    """Each object that is a schema, with its place and how deep it lies."""
    pending: list[tuple[str, Any, int]] = [("", root, 1)]
    while pending:
        place, part, depth = pending.pop()
        if not isinstance(part, dict) or depth > 100:
            continue
        schema = cast("Json", part)
        yield place, schema, depth
        for key, value in schema.items():
            if key in _DATA:
                continue
            if key in (
                "properties",
                "patternProperties",
                "$defs",
                "definitions",
                "dependentSchemas",
            ):
                inner = cast("Json", value) if isinstance(value, dict) else {}
                deeper = depth + (key == "properties")
                pending += [(f"{place}.{key}.{name}", each, deeper) for name, each in inner.items()]
            elif isinstance(value, dict):
                inner = cast("Json", value)
                pending.append((f"{place}.{key}", inner, depth + (key == "items")))
            elif isinstance(value, list):
                every = cast("list[Any]", value)
                pending += [(f"{place}.{key}.{i}", each, depth) for i, each in enumerate(every)]


def _compiles(pattern: str) -> bool:
    # Python writes a few things of ECMAScript differently; they are no fault of the schema.
    python = re.sub(r"\\[pP]\{[^}]*\}", r"\\w", pattern).replace("(?<", "(?P<")
    python = python.replace("(?P<=", "(?<=").replace("(?P<!", "(?<!").replace("\\/", "/")
    try:
        re.compile(python)
    except (re.error, RecursionError, OverflowError):
        return False
    return True
