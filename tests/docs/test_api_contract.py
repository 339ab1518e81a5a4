"""The API keeps its contract, and every example in its description is true."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from muxi.server.openapi import describe
from muxi.server.operations import Nothing, Raw
from muxi.server.table import all_operations

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import make_openapi as contract  # noqa: E402 -- a script, not a module of the package

DOCUMENT = contract.described()
SCHEMAS = DOCUMENT["components"]["schemas"]


def test_no_client_of_the_contract_is_broken() -> None:
    kept = json.loads(contract.FILE.read_text(encoding="utf-8"))
    assert contract.broken(kept, DOCUMENT) == [], "see scripts/make_openapi.py"


Change = Callable[[dict[str, Any]], object]


def _schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    return document["components"]["schemas"][name]


BREAKING: dict[str, Change] = {
    "an operation is gone": lambda new: new["paths"].pop("/api/runs"),
    "an operation has another name": lambda new: new["paths"]["/api/runs"]["get"].update(
        operationId="x"
    ),
    "a parameter is gone": lambda new: new["paths"]["/api/threads"]["get"]["parameters"].pop(0),
    "a parameter is required": lambda new: new["paths"]["/api/threads"]["get"]["parameters"].append(
        {"name": "x", "in": "query", "required": True, "schema": {"type": "string"}}
    ),
    "a member of a body is required": lambda new: _schema(new, "NewThread").update(
        required=["title"]
    ),
    "a member of a body is gone": lambda new: _schema(new, "NewThread")["properties"].pop("title"),
    "a member of an answer is gone": lambda new: _schema(new, "Thread")["properties"].pop("title"),
    "an answer need not have a member": lambda new: _schema(new, "Run")["required"].remove("agent"),
    "an answer has another type": lambda new: _schema(new, "Run")["properties"].update(
        agent={"type": "integer"}
    ),
    "an answer has another value": lambda new: _schema(new, "Message")["properties"]["role"][
        "enum"
    ].append("x"),
    "a body may be shorter": lambda new: _schema(new, "NewSecret")["properties"]["value"].update(
        maxLength=5
    ),
}
HARMLESS: dict[str, Change] = {
    "an operation more": lambda new: new["paths"].update({"/api/x": new["paths"]["/api/runs"]}),
    "a member of a body more": lambda new: _schema(new, "NewThread")["properties"].update(
        x={"type": "string"}
    ),
    "a member of an answer more": lambda new: _schema(new, "Run")["properties"].update(
        x={"type": "string"}
    ),
    "other words": lambda new: _schema(new, "Run").update(description="x"),
    "a body may be longer": lambda new: _schema(new, "NewThread")["properties"]["title"].update(
        anyOf=[{"type": "string"}, {"type": "null"}]
    ),
}


@pytest.mark.parametrize("change", BREAKING)
def test_what_breaks_clients_is_found(change: str) -> None:
    new = copy.deepcopy(DOCUMENT)
    BREAKING[change](new)
    assert contract.broken(DOCUMENT, new)


@pytest.mark.parametrize("change", HARMLESS)
def test_what_does_not_is_let_pass(change: str) -> None:
    new = copy.deepcopy(DOCUMENT)
    HARMLESS[change](new)
    assert contract.broken(DOCUMENT, new) == []


def _mistakes(schema: dict[str, Any], value: Any) -> list[str]:
    whole = {**schema, "components": DOCUMENT["components"]}
    found = jsonschema.Draft202012Validator(whole).iter_errors(value)
    return [f"{list(error.path)}: {error.message[:200]}" for error in found]


def _shown() -> Iterator[tuple[str, dict[str, Any]]]:
    """Whatever has a schema and an example."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            name = f"{method} {path}"
            for parameter in operation["parameters"]:
                if "example" in parameter:
                    yield f"{name} {parameter['name']}", parameter
            for kind, content in operation.get("requestBody", {}).get("content", {}).items():
                if kind == "application/json" and "$ref" in content["schema"]:
                    yield f"{name} body", content
            for status, answer in operation["responses"].items():
                for kind, content in answer.get("content", {}).items():
                    if kind.endswith("json") and "$ref" in content["schema"]:
                        yield f"{name} {status}", content


def test_every_body_and_answer_has_an_example_of_its_schema() -> None:
    shown = dict(_shown())
    assert len(shown) > 300
    wrong = {
        name: mistakes
        for name, content in shown.items()
        if (mistakes := _mistakes(content["schema"], content["example"]))
    }
    assert wrong == {}


def test_every_example_of_a_body_is_taken() -> None:
    for operation in all_operations():
        if operation.body is Nothing or issubclass(operation.body, Raw):
            continue
        content = DOCUMENT["paths"][operation.path][operation.method.lower()]["requestBody"]
        example = content["content"]["application/json"]["example"]
        operation.body.model_validate_json(json.dumps(example))


def _operations() -> Iterator[dict[str, Any]]:
    for methods in DOCUMENT["paths"].values():
        yield from methods.values()


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [each["operationId"] for each in _operations()]
    assert sorted(names) == sorted(set(names))


def test_links_lead_from_what_is_answered_to_what_is_asked_next() -> None:
    known = {each["operationId"]: each for each in _operations()}
    links = [
        link
        for operation in known.values()
        for answer in operation["responses"].values()
        for link in answer.get("links", {}).values()
    ]
    assert len(links) > 100
    for link in links:
        ((name, value),) = link["parameters"].items()
        asked = known[link["operationId"]]["parameters"]
        assert any(each.get("name") == name and each["in"] == "path" for each in asked)
        assert value.startswith("$response.body#/")
    started = known["start_run"]["responses"]["201"]["links"]
    assert started["cancel_run"]["parameters"] == {"id": "$response.body#/id"}
    assert started["get_thread"]["parameters"] == {"id": "$response.body#/thread_id"}


def test_a_condition_is_told_only_where_there_is_an_etag() -> None:
    conditional = {
        path
        for path, methods in DOCUMENT["paths"].items()
        for operation in methods.values()
        if any("if-match" in each.get("$ref", "") for each in operation["parameters"])
    }
    assert "/api/threads/{id}" in conditional
    assert "/api/secrets/{name}" not in conditional


def test_the_description_is_made_alike_each_time() -> None:
    assert describe(all_operations()) == describe(all_operations())
