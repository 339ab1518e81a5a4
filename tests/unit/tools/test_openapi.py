"""The built-in tools for services that OpenAPI documents describe, against one that listens."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from muxi.config.service_tool_settings import OpenapiTool
from muxi.core.context import RunContext
from muxi.core.errors import ToolArgumentsInvalid, ToolFailed
from muxi.core.messages import TextPart
from muxi.tools.builtin.catalogue import builtin_tools
from muxi.tools.builtin.setup import Setup

CTX: RunContext[Any] = RunContext(deps=None)

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Shop", "version": "1"},
    "servers": [{"url": "http://127.0.0.1:1/v1"}],
    "components": {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}},
    "paths": {
        "/orders/{order_id}": {
            "parameters": [
                {"name": "order_id", "in": "path", "required": True, "schema": {"type": "string"}}
            ],
            "get": {"operationId": "getOrder", "summary": "One order", "tags": ["orders"]},
            "delete": {"operationId": "deleteOrder", "summary": "Cancel an order"},
        },
        "/orders": {
            "get": {
                "operationId": "findOrders",
                "summary": "Find orders",
                "tags": ["orders"],
                "parameters": [
                    {
                        "name": "status",
                        "in": "query",
                        "schema": {"type": "array", "items": {"enum": ["new", "sent"]}},
                    },
                    {
                        "name": "ids",
                        "in": "query",
                        "explode": False,
                        "schema": {"type": "array", "items": {"type": "integer"}},
                    },
                    {
                        "name": "filter",
                        "in": "query",
                        "style": "deepObject",
                        "schema": {"type": "object"},
                    },
                    {"name": "X-Trace", "in": "header", "schema": {"type": "string"}},
                ],
            },
            "post": {
                "operationId": "addOrder",
                "summary": "Add an order",
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "required": ["item"],
                                "properties": {"item": {"type": "string"}},
                            }
                        }
                    },
                },
            },
        },
        "/large": {"get": {"operationId": "large", "summary": "Much"}},
        "/picture": {"get": {"operationId": "picture", "summary": "No text"}},
        "/away": {"get": {"operationId": "away", "summary": "Elsewhere"}},
        "/fails": {"get": {"operationId": "fails", "summary": "Breaks"}},
    },
}


@dataclass
class Shop:
    """A service, and what it was asked."""

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(
            {
                "method": request.method,
                "path": request.raw_path,
                "key": request.headers.get("X-Key"),
                "trace": request.headers.get("X-Trace"),
                "body": await request.text(),
            }
        )
        if request.path.endswith("/large"):
            return web.Response(text="x" * 20_000)
        if request.path.endswith("/picture"):
            return web.Response(body=b"\x89PNG\xff\xfe", content_type="image/png")
        if request.path.endswith("/away"):
            raise web.HTTPFound("http://127.0.0.1:1/elsewhere")
        if request.path.endswith("/fails"):
            return web.json_response({"error": "no stock"}, status=409)
        return web.json_response({"ok": True})


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    made = Shop()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", made.answer)
    async with TestServer(app) as server:
        made.url = str(server.make_url("/v1"))
        yield made


class Apis:
    """The tools of one project, called as a model calls them."""

    def __init__(self, folder: Path, apis: dict[str, Any], **options: Any) -> None:
        (folder / "shop.json").write_text(json.dumps(DOCUMENT))
        settings = OpenapiTool.model_validate({"apis": apis, **options})
        secrets = {f"apis.{name}.key": f"key of {name}" for name in apis}
        made = builtin_tools("openapi", settings, Setup(folder=folder, secrets=secrets))
        self.tools = {each.name: each for each in made}

    async def __call__(self, name: str, **arguments: Any) -> str:
        (part,) = await self.tools[name].run(arguments, CTX)
        assert isinstance(part, TextPart)
        return part.text


def own(shop: Shop, **options: Any) -> dict[str, Any]:
    return {"shop": {"document": "shop.json", "url": shop.url, "key": "x", **options}}


async def test_operations_are_found_and_described(tmp_path: Path, shop: Shop) -> None:
    call = Apis(tmp_path, own(shop))
    listed = (await call("list_operations", search="orders")).splitlines()
    assert listed[0] == "find_orders(status?, ids?, filter?, x_trace?): Find orders"
    assert "get_order(order_id): One order" in listed
    assert not any("delete" in line or "add" in line for line in listed)
    assert await call("list_operations", search="zebra") == "There are no such operations."
    told = await call("describe_operation", operation="find_orders")
    assert told.startswith("find_orders, GET /orders of shop.\nFind orders.")
    assert '"enum":["new","sent"]' in told


async def test_arguments_go_where_the_document_says(tmp_path: Path, shop: Shop) -> None:
    call = Apis(tmp_path, own(shop))
    arguments = {
        "status": ["new", "sent"],
        "ids": [1, 2],
        "filter": {"from": "a&b=c"},
        "x_trace": "t\r\nX-Key: stolen",
    }
    said = await call("read_api", operation="find_orders", arguments=arguments)
    assert said == '200 OK\n{"ok": true}'
    (asked,) = shop.asked
    path, _, query = asked["path"].partition("?")
    assert path == "/v1/orders"
    assert unquote(query) == "status=new&status=sent&ids=1,2&filter[from]=a&b=c"
    assert "a%26b%3Dc" in query
    assert asked["key"] == "key of shop"
    assert asked["trace"] == "t  X-Key: stolen"


async def test_an_argument_cannot_change_the_path(tmp_path: Path, shop: Shop) -> None:
    call = Apis(tmp_path, own(shop))
    for value in ("../admin", "a/b?x=1#y", "%2e%2e", "ü 1", "http://evil.example.org/"):
        await call("read_api", operation="get_order", arguments={"order_id": value})
        assert shop.asked[-1]["path"].startswith("/v1/orders/")
        assert shop.asked[-1]["path"].count("/") == 3
    for value in ("..", ".", ""):
        with pytest.raises(ToolArgumentsInvalid):
            await call("read_api", operation="get_order", arguments={"order_id": value})


async def test_what_changes_something_needs_leave(tmp_path: Path, shop: Shop) -> None:
    reading = Apis(tmp_path, own(shop))
    assert "change_api" not in reading.tools
    with pytest.raises(ToolArgumentsInvalid, match="no operation"):
        await reading("read_api", operation="add_order", arguments={"body": {"item": "tea"}})
    writing = Apis(tmp_path, own(shop), write=True)
    assert writing.tools["change_api"].spec.approval
    with pytest.raises(ToolArgumentsInvalid, match="call it by change_api"):
        await writing("read_api", operation="delete_order", arguments={"order_id": "1"})
    assert shop.asked == []
    await writing("change_api", operation="add_order", arguments={"body": {"item": "Tee für 2"}})
    assert shop.asked[0]["method"] == "POST"
    assert json.loads(shop.asked[0]["body"]) == {"item": "Tee für 2"}


@pytest.mark.parametrize(
    ("operation", "arguments", "says"),
    [
        ("find_orders", {"status": ["lost"]}, "status"),
        ("find_orders", {"nonsense": 1}, "nonsense"),
        ("get_order", {}, "order_id"),
        ("get_order", {"order_id": 5}, "order_id"),
        ("nonsense", {}, "no operation"),
    ],
)
async def test_arguments_that_do_not_fit_are_never_sent(
    tmp_path: Path, shop: Shop, operation: str, arguments: dict[str, Any], says: str
) -> None:
    with pytest.raises(ToolArgumentsInvalid, match=says):
        await Apis(tmp_path, own(shop))("read_api", operation=operation, arguments=arguments)
    assert shop.asked == []


async def test_answers_of_every_kind_are_told(tmp_path: Path, shop: Shop) -> None:
    call = Apis(tmp_path, own(shop), max_bytes=10_000)
    assert await call("read_api", operation="fails") == '409 Conflict\n{"error": "no stock"}'
    picture = await call("read_api", operation="picture")
    assert picture == "200 OK\n[6 bytes of image/png, which are no text]"
    assert (await call("read_api", operation="away")).startswith("302 Found")
    with pytest.raises(ToolFailed, match="more than 10,000 bytes"):
        await call("read_api", operation="large")


async def test_a_document_cannot_lead_into_a_private_network(tmp_path: Path, shop: Shop) -> None:
    call = Apis(tmp_path, {"shop": {"document": "shop.json"}})
    with pytest.raises(ToolFailed, match="private network"):
        await call("read_api", operation="fails")


async def test_two_services_may_have_operations_of_the_same_name(
    tmp_path: Path, shop: Shop
) -> None:
    both = {name: own(shop, tags=["orders"])["shop"] for name in ("one", "two")}
    call = Apis(tmp_path, both)
    assert "one.get_order(order_id)" in await call("list_operations")
    await call("read_api", operation="two.get_order", arguments={"order_id": "1"})
    assert shop.asked[0]["key"] == "key of two"


async def test_documents_that_cannot_be_used_are_told_with_their_service(
    tmp_path: Path, shop: Shop
) -> None:
    (tmp_path / "broken.yaml").write_text("openapi: 2")
    for settings in (
        {"document": "missing.yaml"},
        {"document": "broken.yaml"},
        {"document": "shop.json", "tags": ["nonsense"]},
    ):
        with pytest.raises(ToolFailed, match="The API shop"):
            await Apis(tmp_path, {"shop": settings})("list_operations")
