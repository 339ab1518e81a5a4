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
from muxi.core.users import USER_HEADER
from muxi.core.version import __version__
from muxi.runtime.principal import LOCAL
from muxi.server import problems
from muxi.server.operations import AnyOperation, Nothing, Raw
from muxi.server.problems import ProblemDetails

_REFERENCES = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"\{(\w+)\}")
_EVENT = "Event"
_USER = {
    "name": USER_HEADER,
    "in": "header",
    "required": False,
    "description": "The user for whom the request is made, any text as UTF-8 in percent-encoding; "
    "`local` if it is left out. Nobody sees threads, runs and memories of another user.",
    "schema": {"type": "string", "minLength": 1, "default": LOCAL.principal},
}


def describe(operations: Sequence[AnyOperation]) -> dict[str, Any]:
    """An OpenAPI 3.1 document of `operations`."""
    schemas = _Schemas(operations)
    paths: dict[str, Any] = {}
    for operation in operations:
        entry = paths.setdefault(operation.path, {})
        entry[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "muxi",
            "version": __version__,
            "description": "Agents, threads and runs of one project.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas.definitions,
            "parameters": {"user": _USER},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "muxi_session"},
            },
        },
        "security": [{"token": []}, {"session": []}],
    }


class _Schemas:
    """The schemas of all models, each once, and the references to them."""

    def __init__(self, operations: Sequence[AnyOperation]) -> None:
        wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {
            (ProblemDetails, "serialization"): None
        }
        for operation in operations:
            if operation.body is not Nothing and not issubclass(operation.body, Raw):
                wanted[(operation.body, "validation")] = None
            if operation.answer is not None:
                wanted[(operation.answer, "serialization")] = None
        found, document = models_json_schema(list(wanted), ref_template=_REFERENCES)
        self._references = dict(found)
        self.definitions: dict[str, Any] = document.get("$defs", {})
        event = TypeAdapter[Any](AnyEvent).json_schema(
            mode="serialization", ref_template=_REFERENCES
        )
        for name, schema in event.pop("$defs").items():
            self.definitions.setdefault(name, schema)
        self.definitions.setdefault(_EVENT, event)

    def reference(self, model: type[BaseModel], mode: JsonSchemaMode) -> dict[str, Any]:
        return dict(self._references[(model, mode)])


def _operation(operation: AnyOperation, schemas: _Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.handler.__name__,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": _parameters(operation),
        "responses": {
            str(operation.status): _answer(operation, schemas),
            "default": {
                "description": "A problem",
                "content": {
                    problems.MEDIA_TYPE: {
                        "schema": schemas.reference(ProblemDetails, "serialization")
                    }
                },
            },
        },
    }
    if issubclass(operation.body, Raw):
        content = {name: {"schema": {"type": "string"}} for name in operation.body.media_types}
        described["requestBody"] = {"required": True, "content": content}
    elif operation.body is not Nothing:
        schema = schemas.reference(operation.body, "validation")
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
    if operation.open:
        described["security"] = []
    return described


def _answer(operation: AnyOperation, schemas: _Schemas) -> dict[str, Any]:
    if operation.events:
        schema = {"$ref": _REFERENCES.format(model=_EVENT)}
        description = "Server-sent events; `data` of each is one event as JSON"
        return {
            "description": description,
            "content": {"text/event-stream": {"itemSchema": schema, "schema": {"type": "string"}}},
        }
    if operation.media_type is not None:
        content = {operation.media_type: {"schema": {"type": "string"}}}
        return {"description": operation.summary, "content": content}
    if operation.answer is None:
        return {"description": operation.summary}
    schema = schemas.reference(operation.answer, "serialization")
    return {"description": operation.summary, "content": {"application/json": {"schema": schema}}}


def _parameters(operation: AnyOperation) -> list[dict[str, Any]]:
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
    if not operation.open:
        parameters.append({"$ref": "#/components/parameters/user"})
    return parameters
