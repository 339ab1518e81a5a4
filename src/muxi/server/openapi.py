"""The description of the API, made from the table of operations and its models.

Called for /openapi.json and by the build of the dashboard, whose types are generated from it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from muxi.core.events import AnyEvent
from muxi.core.json_shapes import is_array, is_object
from muxi.core.users import USER_HEADER
from muxi.core.version import __version__
from muxi.runtime.principal import LOCAL
from muxi.server import problems
from muxi.server.examples import Examples
from muxi.server.links import links
from muxi.server.mcp.described import mcp_paths
from muxi.server.operations import AnyOperation, Nothing, Raw
from muxi.server.problems import ProblemDetails

_REFERENCES = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"\{(\w+)\}")
_EVENT = "Event"
_JSON = "application/json"
_STREAM = "text/event-stream"
_USER = {
    "name": USER_HEADER,
    "in": "header",
    "required": False,
    "description": "The user for whom the request is made, any text as UTF-8 in percent-encoding; "
    "`local` if it is left out. Nobody sees threads, runs and memories of another user.",
    "schema": {"type": "string", "minLength": 1, "default": LOCAL.principal},
}
_PARAMETERS: dict[str, Any] = {
    "user": _USER,
    "idempotency-key": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "A fresh key for each request, such as a UUID. Sent again under its key "
        "within a day, a request is not carried out again and gets the same answer.",
        "schema": {"type": "string", "pattern": "^[!#-~]{1,255}$"},
        "example": "5d1f0c52-7c3e-4b8e-9a64-0f6d1f2a9c11",
    },
    "if-match": {
        "name": "If-Match",
        "in": "header",
        "required": False,
        "description": "The ETag of what was read: it is changed only if it still has that one.",
        "schema": {"type": "string", "pattern": r'^(\*|"[!#-~]+")$'},
        "example": '"q7Zc1J0kqPp0vXh2Tn5s"',
    },
    "if-absent": {
        "name": "If-None-Match",
        "in": "header",
        "required": False,
        "description": "With `*`, it is made only if there is none yet.",
        "schema": {"type": "string"},
        "example": "*",
    },
    "if-none-match": {
        "name": "If-None-Match",
        "in": "header",
        "required": False,
        "description": "The ETag of what you have: it is not sent again if it is still the same.",
        "schema": {"type": "string"},
        "example": '"q7Zc1J0kqPp0vXh2Tn5s"',
    },
}
_CONDITIONS = {
    "POST": ["idempotency-key"],
    "GET": ["if-none-match"],
    "PUT": ["if-match", "if-absent"],
    "PATCH": ["if-match"],
    "DELETE": ["if-match"],
}
"""The headers that operations of a method take beside their own."""


def describe(operations: Sequence[AnyOperation]) -> dict[str, Any]:
    """An OpenAPI 3.1 document of `operations`, and of MCP beside them."""
    schemas = _Schemas(operations)
    # What can be read has an ETag, which a change of it may name.
    tagged = {each.path for each in operations if each.method == "GET" and each.answer is not None}
    paths: dict[str, Any] = {}
    for operation in operations:
        entry = paths.setdefault(operation.path, {})
        described = _operation(operation, schemas, tagged=operation.path in tagged)
        entry[operation.method.lower()] = described
        if found := links(operation, operations):
            described["responses"][str(operation.status)]["links"] = found
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "muxi",
            "version": __version__,
            "description": "Agents, threads and runs of one project.",
        },
        "paths": paths | mcp_paths(schemas.problem()),
        "components": {
            "schemas": schemas.definitions,
            "parameters": _PARAMETERS,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "muxi_session"},
            },
        },
        "security": [{"token": []}, {"session": []}],
    }


class _Schemas:
    """The schemas of all models, each once, the references to them, and examples."""

    def __init__(self, operations: Sequence[AnyOperation]) -> None:
        wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {
            (ProblemDetails, "serialization"): None
        }
        for operation in operations:
            if operation.body is not Nothing and not issubclass(operation.body, Raw):
                wanted[(operation.body, "validation")] = None
            if operation.answer is not None:
                wanted[(operation.answer, "serialization")] = None
            for model in operation.messages.values():
                wanted[(model, "validation")] = None
        found, document = models_json_schema(list(wanted), ref_template=_REFERENCES)
        self._references = dict(found)
        self.definitions: dict[str, Any] = document.get("$defs", {})
        event = TypeAdapter[Any](AnyEvent).json_schema(
            mode="serialization", ref_template=_REFERENCES
        )
        for name, schema in event.pop("$defs").items():
            self.definitions.setdefault(name, schema)
        self.definitions.setdefault(_EVENT, event)
        self.definitions = _with_open_unions(self.definitions)
        self._examples = Examples(self.definitions)

    def reference(self, model: type[BaseModel], mode: JsonSchemaMode) -> dict[str, Any]:
        return dict(self._references[(model, mode)])

    def content(self, model: type[BaseModel], mode: JsonSchemaMode) -> dict[str, Any]:
        """A body of this model, with an example."""
        schema = self.reference(model, mode)
        return {"schema": schema, "example": self._examples.of(schema)}

    def problem(self) -> dict[str, Any]:
        """What a problem looks like, by media type."""
        return {problems.MEDIA_TYPE: self.content(ProblemDetails, "serialization")}

    def with_example(self, parameter: dict[str, Any]) -> dict[str, Any]:
        """A parameter, with an example if there is something to show."""
        example = self._examples.of(parameter["schema"], parameter["name"])
        return parameter if example is None else {**parameter, "example": example}


def _with_open_unions(value: Any) -> Any:
    """Schemas in which what is of a known kind may be of the unknown kind too, as ours are read."""
    if is_object(value):
        return {
            "anyOf" if key == "oneOf" else key: _with_open_unions(member)
            for key, member in value.items()
        }
    if is_array(value):
        return [_with_open_unions(item) for item in value]
    return value


def _operation(operation: AnyOperation, schemas: _Schemas, *, tagged: bool) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.handler.__name__,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": _parameters(operation, schemas, tagged=tagged),
        "responses": _responses(operation, schemas),
    }
    if issubclass(operation.body, Raw):
        content: dict[str, Any] = {
            name: {"schema": {} if name == _JSON else {"type": "string"}}
            for name in operation.body.media_types
        }
        described["requestBody"] = {"required": True, "content": content}
    elif operation.body is not Nothing:
        content = schemas.content(operation.body, "validation")
        described["requestBody"] = {"required": True, "content": {_JSON: content}}
    elif operation.streamed:
        content = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
        described["requestBody"] = {"required": False, "content": content}
    if operation.about:
        described["description"] = operation.about
    if operation.messages:
        # OpenAPI has no word for what is said over a WebSocket.
        told = operation.messages.items()
        described["x-messages"] = {
            name: schemas.reference(model, "validation") for name, model in told
        }
    if operation.open:
        described["security"] = []
    return described


def _responses(operation: AnyOperation, schemas: _Schemas) -> dict[str, Any]:
    """What an operation answers, by status."""
    problem = schemas.problem()
    if operation.problem is not None:
        # In the form of another protocol, which describes it.
        problem = {_JSON: {"schema": {"type": "object"}}}
    answer = {"description": operation.summary, **_content(operation, schemas)}
    responses: dict[str, dict[str, Any]] = {str(operation.status): answer}
    for status, media_type in operation.also.items():
        told = responses.setdefault(str(status), {"description": "Otherwise"})
        if media_type:
            told.setdefault("content", {})[media_type] = _of_type(media_type)
    if operation.method == "GET" and operation.answer is not None and not operation.open:
        responses["304"] = {"description": "It is as you have it"}
    return {**responses, "default": {"description": "A problem", "content": problem}}


def _content(operation: AnyOperation, schemas: _Schemas) -> dict[str, Any]:
    if operation.events:
        event = {"$ref": _REFERENCES.format(model=_EVENT)}
        return {"content": {_STREAM: _stream(contentSchema=event)}}
    if operation.media_type is not None:
        return {"content": {operation.media_type: _of_type(operation.media_type)}}
    if operation.answer is None:
        return {}
    return {"content": {_JSON: schemas.content(operation.answer, "serialization")}}


def _of_type(media_type: str) -> dict[str, Any]:
    """What has no model of ours."""
    if media_type == _STREAM:
        return _stream()
    return {"schema": {} if media_type == _JSON else {"type": "string"}}


def _stream(**data: Any) -> dict[str, Any]:
    """Server-sent events, each with JSON as its data (as OpenAPI 3.2 describes them)."""
    text = {"type": "string", "contentMediaType": _JSON, **data}
    event = {"type": "object", "required": ["data"], "properties": {"data": text}}
    return {"itemSchema": event, "schema": {}}


def _parameters(
    operation: AnyOperation, schemas: _Schemas, *, tagged: bool
) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(operation.path)
    ]
    schema = operation.query.model_json_schema(ref_template=_REFERENCES)
    for name, value in schema.get("properties", {}).items():
        required = name in schema.get("required", ())
        parameters.append({"name": name, "in": "query", "required": required, "schema": value})
    if operation.events and operation.method == "GET":
        parameters.append(
            {
                "name": "Last-Event-ID",
                "in": "header",
                "required": False,
                "schema": {"type": "integer"},
            }
        )
    parameters = [schemas.with_example(parameter) for parameter in parameters]
    names = [] if operation.open else ["user", *_CONDITIONS.get(operation.method, ())]
    if not tagged:
        names = [name for name in names if not name.startswith("if-")]
    return [*parameters, *({"$ref": f"#/components/parameters/{name}"} for name in names)]
