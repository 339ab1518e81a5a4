"""OpenAPI documents as they are found: pruned, recursive, huge, wrong and hostile ones."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from muxi.core.errors import InvalidInput
from muxi.devkit.create.material import SAMPLE
from muxi.tools.openapi.document import LARGEST, Document, read_document
from muxi.tools.openapi.operations import USUAL_LIMIT, Selection, select
from muxi.tools.openapi.service import address_of, key_of


def document(paths: dict[str, Any], **more: Any) -> Document:
    return Document({"openapi": "3.1.0", "paths": paths, **more})


def made(**operation: Any) -> dict[str, Any]:
    """The tool of one operation."""
    method = operation.pop("method", "get")
    path = operation.pop("path", "/things")
    more = operation.pop("more", {})
    return select(document({path: {method: operation}}, **more)).operations[0]


def names(selection: Selection) -> list[str]:
    return [operation["name"] for operation in selection.operations]


def test_operations_are_chosen_by_tag_id_and_number() -> None:
    sample = read_document(SAMPLE)
    assert names(select(sample)) == [
        *("search_items", "add_item", "get_item", "remove_item", "borrow", "return_item"),
    ]
    assert names(select(sample, tags=["loans"])) == ["borrow", "return_item"]
    assert names(select(sample, tags=["loans"], ids=["getItem"])) == [
        *("get_item", "borrow", "return_item"),
    ]
    few = select(sample, limit=2)
    assert names(few) == ["search_items", "add_item"]
    assert few.left[0] == "getItem: there are 2 before it"


@pytest.mark.parametrize(
    ("chosen", "hint"),
    [({"tags": ["loan"]}, "Did you mean loans?"), ({"ids": ["getItems"]}, "Did you mean getItem?")],
)
def test_what_the_document_does_not_have_is_told(chosen: dict[str, Any], hint: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        select(read_document(SAMPLE), **chosen)
    assert hint in str(caught.value.hint)


def test_schemas_are_valid_and_recursion_stays_a_reference() -> None:
    (item,) = select(read_document(SAMPLE), ids=["addItem"]).operations
    schema = item["input_schema"]
    Draft202012Validator.check_schema(schema)
    parts = schema["$defs"]["Item"]["properties"]["parts"]
    assert parts["items"] == {"$ref": "#/$defs/Item"}
    assert "id" not in schema["$defs"]["Item"]["properties"]  # only the service sets it
    nested = {"name": "saw", "purpose": "wood", "parts": [{"name": "blade", "purpose": "wood"}]}
    assert Draft202012Validator(schema).is_valid({"body": nested})
    nested["parts"][0]["purpose"] = "weapons"  # type: ignore[index] -- nested JSON
    assert not Draft202012Validator(schema).is_valid({"body": nested})


def test_the_words_of_openapi_30_become_json_schema() -> None:
    schema = {
        "type": "number",
        "nullable": True,
        "minimum": 0,
        "exclusiveMinimum": True,
        "pattern": "(?<broken",
        "example": 3,
        "maximum": "many",
    }
    parameter = {"name": "weight", "in": "query", "schema": schema}
    weight = made(parameters=[parameter])["input_schema"]["properties"]["weight"]
    assert weight == {
        "type": ["number", "null"],
        "exclusiveMinimum": 0,
        "description": "`weight` of the query.",
    }


def test_every_part_of_a_path_is_an_argument_and_names_are_made_plain() -> None:
    parameters = [
        {"name": "filter[maker]", "in": "query"},
        {"name": "X-Request-Id", "in": "header"},
        {"name": "Authorization", "in": "header"},
        {"name": "body", "in": "query"},
    ]
    tool = made(
        method="post",
        path="/shops/{shopId}/things",
        parameters=parameters,
        requestBody={"content": {"application/json": {"schema": {"type": "object"}}}},
    )
    assert tool["name"] == "post_shops_shop_id_things"
    assert list(tool["input_schema"]["properties"]) == [
        *("filter_maker", "x_request_id", "body", "shop_id", "request_body"),
    ]
    assert tool["input_schema"]["required"] == ["shop_id"]
    assert tool["body"] == "request_body"


def test_two_operations_never_share_a_name() -> None:
    paths = {f"/{i}": {"get": {"operationId": "list-Things"}} for i in range(3)}
    assert names(select(document(paths))) == ["list_things", "list_things_2", "list_things_3"]
    long = {f"/{i}": {"get": {"operationId": "x" * 200}} for i in range(3)}
    assert {len(name) for name in names(select(document(long)))} == {64}


def test_what_cannot_be_sent_as_json_is_left_out_and_told() -> None:
    upload = {"content": {"multipart/form-data": {"schema": {}}}}
    paths = {
        "/a": {"post": {"requestBody": upload}, "get": {}},
        "/b": {"get": {"deprecated": True}},
    }
    selection = select(document(paths))
    assert names(selection) == ["get_a"]
    assert selection.left == ["post/a: it does not take JSON", "get/b: it is deprecated"]


def test_hidden_characters_do_not_reach_the_model() -> None:
    tool = made(summary="List\u200b things\u202e\n\nnow", description="All\x00 of them.")
    assert tool["description"] == "List things now. All of them."


def test_a_reference_out_of_the_document_leads_nowhere() -> None:
    for reference in ("https://example.com/x.json", "other.yaml#/a", "file:///etc/passwd", "#/no"):
        parameter = {"name": "a", "in": "query", "schema": {"$ref": reference}}
        schema = made(parameters=[parameter])["input_schema"]
        assert schema["properties"]["a"] == {"description": "`a` of the query."}


def test_references_in_a_circle_end() -> None:
    loop = {"parameters": {"a": {"$ref": "#/components/parameters/a"}}}
    tool = made(parameters=[{"$ref": "#/components/parameters/a"}], more={"components": loop})
    assert tool["parameters"] == []


def test_a_huge_recursive_document_is_read_in_seconds(tmp_path: Path) -> None:
    schemas = {
        f"S{i}": {
            "type": "object",
            "properties": {
                f"p{j}": {"$ref": f"#/components/schemas/S{(i * 7 + j) % 400}"} for j in range(8)
            },
        }
        for i in range(400)
    }
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/S0"}}}}
    paths = {
        f"/r{i}": {"post": {"operationId": f"make{i}", "requestBody": body}} for i in range(5_000)
    }
    file = tmp_path / "huge.json"
    data = {"openapi": "3.0.3", "paths": paths, "components": {"schemas": schemas}}
    file.write_text(json.dumps(data), encoding="utf-8")
    start = time.process_time()
    selection = select(read_document(file))
    assert time.process_time() - start < 3
    assert len(selection.operations) == USUAL_LIMIT
    assert len(selection.left) == 5_000 - USUAL_LIMIT
    # What would cost a model tens of thousands of tokens is told in words.
    body_schema = selection.operations[0]["input_schema"]["properties"]["body"]
    assert "too large to be shown" in body_schema["description"]


def test_a_bomb_of_aliases_does_not_burst(tmp_path: Path) -> None:
    def nine(alias: str) -> str:
        return ", ".join(f"k{number}: {alias}" for number in range(9))

    lines = ["x0: &x0 {type: object, properties: {a: {type: string}}}"]
    lines += [
        f"x{i}: &x{i} {{type: object, properties: {{{nine(f'*x{i - 1}')}}}}}" for i in range(1, 12)
    ]
    lines += [
        "e0: &e0 [1, 1, 1, 1, 1, 1, 1, 1, 1]",
        *(f"e{i}: &e{i} [{', '.join([f'*e{i - 1}'] * 9)}]" for i in range(1, 12)),
        "openapi: 3.1.0",
        "paths: {/a: {post: {requestBody: {content: {application/json: {schema: *x11}}},",
        "  parameters: [{name: q, in: query, schema: {type: array, default: *e11}}]}}}",
    ]
    file = tmp_path / "bomb.yaml"
    file.write_text("\n".join(lines), encoding="utf-8")
    start = time.process_time()
    (tool,) = select(read_document(file)).operations
    assert time.process_time() - start < 3
    assert len(json.dumps(tool)) < 30_000


def test_a_schema_that_contains_itself_by_an_alias_ends(tmp_path: Path) -> None:
    file = tmp_path / "self.yaml"
    file.write_text(
        "openapi: 3.1.0\nloop: &loop {type: object, default: *loop, properties: {again: *loop}}\n"
        "paths: {/a: {post: {requestBody: {content: {application/json: {schema: *loop}}}}}}\n",
        encoding="utf-8",
    )
    (tool,) = select(read_document(file)).operations
    json.dumps(tool)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no OpenAPI"),
        ("just words", "holds no OpenAPI"),
        ("- a\n- b\n", "holds no OpenAPI"),
        ("{", "neither JSON nor YAML"),
        ("a: [", "neither JSON nor YAML"),
        ('{"swagger": "2.0"}', "Swagger 2"),
        ("openapi: 3.1.0\n", "no OpenAPI 3"),
        ("openapi: 4.0.0\npaths: {}\n", "no OpenAPI 3"),
        ("!!python/object/apply:os.system [true]", "neither JSON nor YAML"),
        ("[" * 100_000, "nested too deeply|neither JSON nor YAML"),
        ('{"a":' * 100_000, "nested too deeply|neither JSON nor YAML"),
    ],
)
def test_what_is_no_document_is_named_so(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "api.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput, match=words):
        read_document(file)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_document(tmp_path / "none.yaml")
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_document(tmp_path)
    (tmp_path / "latin.yaml").write_bytes("ä".encode("latin-1"))
    with pytest.raises(InvalidInput, match="UTF-8"):
        read_document(tmp_path / "latin.yaml")
    with (tmp_path / "large.json").open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(InvalidInput, match="larger than"):
        read_document(tmp_path / "large.json")


@pytest.mark.parametrize(
    "paths",
    [
        {},
        {"/a": None},
        {"/a": {"get": 3}},
        {"no-slash": {"get": {}}},
        {"/a": {"post": {"requestBody": {"content": {"text/csv": {}}}}}},
    ],
)
def test_a_document_without_anything_to_call_is_refused(paths: Any) -> None:
    with pytest.raises(InvalidInput, match="No operation"):
        select(document(paths))


@pytest.mark.parametrize("odd", [None, 3, "x", [], {}, [3], {"a": 3}])
def test_odd_pieces_of_a_document_do_no_harm(odd: Any) -> None:
    schema = {"type": odd, "properties": odd, "required": odd, "enum": odd, "items": odd}
    tool = made(
        method="post",
        operationId=odd,
        summary=odd,
        description=odd,
        tags=odd,
        parameters=[odd, {"name": "q", "in": "query", "schema": odd, "description": odd}],
        requestBody={"content": {"application/json": {"schema": {**schema, "allOf": odd}}}},
        more={"servers": odd, "components": {"securitySchemes": odd}},
    )
    Draft202012Validator.check_schema(tool["input_schema"])


@pytest.mark.parametrize(
    ("servers", "address"),
    [
        ([{"url": "https://api.example.com/v1/"}], "https://api.example.com/v1"),
        (
            [{"url": "https://{r}.example.com", "variables": {"r": {"default": "eu"}}}],
            "https://eu.example.com",
        ),
        ([{"url": "/v1"}], ""),
        ([{"url": 'https://x"; import os'}], ""),
        ([], ""),
    ],
)
def test_the_address_of_the_service_is_whole_or_nothing(servers: Any, address: str) -> None:
    assert address_of(document({}, servers=servers)) == address


@pytest.mark.parametrize(
    ("scheme", "key"),
    [
        ({"type": "apiKey", "in": "query", "name": "key"}, ("query", "key", "")),
        ({"type": "http", "scheme": "Bearer"}, ("header", "Authorization", "Bearer ")),
        ({"type": "http", "scheme": "basic"}, ("header", "Authorization", "Basic ")),
        ({"type": "oauth2"}, ("header", "Authorization", "Bearer ")),
        ({"type": "apiKey", "in": "header", "name": 'X"\nY'}, None),
        ({"type": "mutualTLS"}, None),
    ],
)
def test_where_the_key_goes(scheme: Any, key: tuple[str, str, str] | None) -> None:
    found = key_of(document({}, components={"securitySchemes": {"a": scheme}}))
    assert found == (key and dict(zip(("in", "name", "prefix"), key, strict=True)))
