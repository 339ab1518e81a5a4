"""Operations of an OpenAPI document as tools: chosen, named, and with a schema of their own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final, cast

from muxi.core.errors import InvalidInput
from muxi.core.json_shapes import is_array
from muxi.tools.openapi.document import Document, Object
from muxi.tools.openapi.schemas import Schemas, shortened

USUAL_LIMIT: Final = 40
"""Operations that are taken if nobody says how many: each costs a model tokens in every turn."""
_METHODS: Final = ("get", "head", "post", "put", "patch", "delete")
_LARGEST_SCHEMA: Final = 20_000
"""Characters of a tool's schema; what is larger is described in words only."""
_OWN_HEADERS: Final = frozenset({"accept", "authorization", "content-type", "cookie", "host"})
_LONGEST_NAME: Final = 64


@dataclass(frozen=True, slots=True)
class Selection:
    """What was made of a document."""

    operations: list[Object]
    """As the generated server reads them from its `operations.json`."""
    left: list[str] = field(default_factory=list[str])
    """What was left out, and why, for the person."""


@dataclass(frozen=True, slots=True)
class _Found:
    method: str
    path: str
    data: Object
    shared: list[Any]
    """Parameters of all operations of the path."""

    @property
    def id(self) -> str:
        given = self.data.get("operationId")
        return given if isinstance(given, str) and given else f"{self.method}{self.path}"

    @property
    def tags(self) -> set[str]:
        tags = self.data.get("tags")
        return {str(tag) for tag in cast("list[Any]", tags)} if isinstance(tags, list) else set()


def select(
    document: Document,
    *,
    tags: Sequence[str] = (),
    ids: Sequence[str] = (),
    limit: int | None = None,
) -> Selection:
    """The operations with one of `tags` or `ids`, at most `limit` of them, in the document's order.

    Raises:
        InvalidInput: A tag or an operation does not exist, or nothing is left.
    """
    every = list(_operations(document))
    _refuse_unknown("tag", tags, sorted({tag for each in every for tag in each.tags}))
    _refuse_unknown("operation", ids, [each.id for each in every])
    left: list[str] = []
    chosen = [each for each in every if _wanted(each, tags, ids)]
    made: list[Object] = []
    most = limit or USUAL_LIMIT
    names: set[str] = set()
    for each in chosen:
        if each.data.get("deprecated") is True and each.id not in ids:
            left.append(f"{each.id}: it is deprecated")
        elif len(made) == most:
            left.append(f"{each.id}: there are {most} before it")
        elif (operation := _tool(document, each, names, left)) is not None:
            made.append(operation)
    if not made:
        raise InvalidInput(
            "No operation is left to make a tool of.",
            hint="; ".join(left[:5]) or "Choose others by --tag or --operation.",
        )
    return Selection(made, left)


def _operations(document: Document) -> Iterator[_Found]:
    for path, item in cast("Object", document.data["paths"]).items():
        methods = document.follow(item)
        shared = methods.get("parameters")
        for method in _METHODS:
            data = methods.get(method)
            if isinstance(data, dict) and path.startswith("/"):
                parameters = shared if is_array(shared) else []
                yield _Found(method, path, cast("Object", data), parameters)


def _wanted(found: _Found, tags: Sequence[str], ids: Sequence[str]) -> bool:
    return not (tags or ids) or bool(found.tags.intersection(tags)) or found.id in ids


def _refuse_unknown(what: str, given: Sequence[str], known: list[str]) -> None:
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            guess = f"Did you mean {near[0]}? " if near else ""
            some = ", ".join(known[:10]) + (", …" if len(known) > 10 else "")
            raise InvalidInput(
                f"The document has no {what} {name!r}.", hint=f"{guess}It has: {some or 'none'}."
            )


def _tool(document: Document, found: _Found, names: set[str], left: list[str]) -> Object | None:
    """One tool; None if its body is nothing that JSON could be sent as."""
    schemas = Schemas(document)
    parameters = _parameters(document, found, schemas)
    body = _body(document, found)
    if body is None:
        left.append(f"{found.id}: it does not take JSON")
        return None
    name = _free_name(found, names)
    names.add(name)
    properties = {each["argument"]: each.pop("schema") for each in parameters}
    required = [each["argument"] for each in parameters if each.pop("required")]
    body_argument = None
    if body:
        body_argument = "body" if "body" not in properties else "request_body"
        made = schemas.converted(body["schema"])
        properties[body_argument] = {"description": body["description"], **made}
        if body["required"]:
            required.append(body_argument)
    return {
        "name": name,
        "title": shortened(str(found.data.get("summary") or _words(name)), 80).rstrip("."),
        "description": _description(found),
        "method": found.method.upper(),
        "path": found.path,
        "parameters": parameters,
        "body": body_argument,
        "input_schema": _schema(properties, required, schemas, body_argument),
        "annotations": _annotations(found.method),
    }


def _schema(properties: Object, required: list[str], schemas: Schemas, body: str | None) -> Object:
    schema: Object = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        schema["required"] = required
    definitions = schemas.definitions()
    if definitions:
        schema["$defs"] = definitions
    if schemas.complete and len(json.dumps(schema)) <= _LARGEST_SCHEMA:
        return schema
    words = "As the documentation of the API describes it; its schema is too large to be shown."
    loose = {
        name: {"type": "object", "description": words} if name == body else _flat(each)
        for name, each in properties.items()
    }
    schema.pop("$defs", None)
    return {**schema, "properties": loose}


def _flat(schema: Object) -> Object:
    """A schema without what it refers to."""
    return {key: schema[key] for key in ("type", "description", "enum") if key in schema}


def _parameters(document: Document, found: _Found, schemas: Schemas) -> list[Object]:
    own = found.data.get("parameters")
    given = [*found.shared, *(own if is_array(own) else [])]
    by_place: dict[tuple[str, str], Object] = {}
    for each in given:
        parameter = document.follow(each)
        place, name = parameter.get("in"), parameter.get("name")
        if place in ("path", "query", "header") and isinstance(name, str):
            by_place[place, name] = parameter
    # A path may name what nobody describes.
    for name in re.findall(r"{([^{}]+)}", found.path):
        by_place.setdefault(("path", name), {"in": "path", "name": name})
    made: list[Object] = []
    taken: set[str] = set()
    for (place, name), parameter in by_place.items():
        if place == "header" and name.lower() in _OWN_HEADERS:
            continue
        if place == "path" and f"{{{name}}}" not in found.path:
            continue
        argument = _free_argument(name, taken)
        taken.add(argument)
        made.append(
            {
                "argument": argument,
                "name": name,
                "in": place,
                "explode": parameter.get("explode", True) is not False,
                "deep": parameter.get("style") == "deepObject",
                "required": place == "path" or parameter.get("required") is True,
                "schema": _parameter_schema(parameter, place, schemas),
            }
        )
    return made


def _parameter_schema(parameter: Object, place: str, schemas: Schemas) -> Object:
    content = parameter.get("content")
    schema = parameter.get("schema")
    if schema is None and isinstance(content, dict) and content:
        schema = {"type": "string"}
    made = schemas.converted(schema if schema is not None else {"type": "string"})
    if isinstance(parameter.get("description"), str) and parameter["description"]:
        made["description"] = shortened(parameter["description"], 300)
    made.setdefault("description", f"`{parameter['name']}` of the {place}.")
    if place == "path" and made.get("type") == "string":
        made.setdefault("minLength", 1)
    return made


def _body(document: Document, found: _Found) -> Object | None:
    """The body that an operation takes: empty if none, None if it is not JSON."""
    data = found.data.get("requestBody")
    if data is None or found.method in ("get", "head", "delete"):
        return {}
    body = document.follow(data)
    content = body.get("content")
    kinds = cast("Object", content) if isinstance(content, dict) else {}
    for kind, media in kinds.items():
        plain = kind.partition(";")[0].strip().lower()
        if plain in ("application/json", "*/*") or plain.endswith("+json"):
            schema = document.follow(media).get("schema", {})
            said = shortened(str(body.get("description") or "What is sent."), 300)
            required = body.get("required") is True
            return {"schema": schema, "required": required, "description": said}
    return None


def _description(found: _Found) -> str:
    parts = [str(found.data.get(key) or "") for key in ("summary", "description")]
    text = shortened(". ".join(part.strip().rstrip(".") for part in parts if part.strip()), 800)
    return (
        f"{text}."
        if text and not text.endswith("…")
        else text or (f"{found.method.upper()} {shortened(found.path, 200)}.")
    )


def _annotations(method: str) -> Object:
    return {
        "readOnlyHint": method in ("get", "head"),
        "destructiveHint": method in ("put", "patch", "delete"),
        "idempotentHint": method in ("get", "head", "put", "delete"),
        "openWorldHint": True,
    }


def _free_name(found: _Found, taken: set[str]) -> str:
    plain = _snake(found.id) or f"{found.method}_operation"
    plain = plain[:_LONGEST_NAME].rstrip("_")
    name, number = plain, 2
    while name in taken:
        end = f"_{number}"
        name, number = plain[: _LONGEST_NAME - len(end)] + end, number + 1
    return name


def _free_argument(name: str, taken: set[str]) -> str:
    plain = _snake(name) or "value"
    argument, number = plain, 2
    while argument in taken:
        argument, number = f"{plain}_{number}", number + 1
    return argument


def _snake(text: str) -> str:
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", text)
    plain = re.sub(r"[^a-zA-Z0-9]+", "_", split).strip("_").lower()
    return f"_{plain}".lstrip("_") if not plain[:1].isdigit() else f"op_{plain}"


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
