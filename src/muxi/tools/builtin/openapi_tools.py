"""The tools `openapi`: what services do that describe themselves by an OpenAPI document.

A document has hundreds of operations, and each would cost a model tokens in every turn: so models
look for the ones they need, read how they are called, and call them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import Field, JsonValue

from muxi.config.service_tool_settings import ApiSettings, OpenapiTool
from muxi.core.errors import InvalidInput, ToolArgumentsInvalid, ToolDenied, ToolFailed
from muxi.core.manifests import Permissions, SecretNeed, ToolManifest
from muxi.tools.builtin.setup import Setup
from muxi.tools.builtin.user_agent import user_agent
from muxi.tools.function import Examples, FunctionTool, tool
from muxi.tools.openapi.document import Object, read_document
from muxi.tools.openapi.operations import select
from muxi.tools.openapi.sending import Sent, request_of
from muxi.tools.openapi.service import address_of, key_of
from muxi.tools.worker import run_in_thread

MANIFEST = ToolManifest(
    name="openapi",
    version="1.0.0",
    summary="Calls services that describe themselves by an OpenAPI 3 document.",
    tools=OpenapiTool.functions,
    permissions=Permissions(files="read", network=("the hosts of `apis`",)),
    secrets=(SecretNeed(name="apis", description="Keys of the services."),),
    live=False,
    notes=(
        "Only operations that read (GET, HEAD) can be called unless the project allows others."
        " Redirects are not followed. Bodies are sent as JSON; forms and uploads are left out."
    ),
)

_LIST: Examples = (
    ("What can the API do?", {}),
    ("Which operations of the API are about orders?", {"search": "order"}),
)
_DESCRIBE: Examples = (("How is get_order called?", {"operation": "get_order"}),)
_READ: Examples = (
    ("Show order 42 of the shop", {"operation": "get_order", "arguments": {"order_id": 42}}),
    (
        "List all pets that are sold",
        {
            "operation": "find_pets",
            "arguments": {"status": "sold"},
        },
    ),
)
_CHANGE: Examples = (
    (
        "Create a pet called Rex",
        {
            "operation": "add_pet",
            "arguments": {"body": {"name": "Rex"}},
        },
    ),
)
_READING: Final = ("GET", "HEAD")
_MOST_OPERATIONS: Final = 10_000
_MOST_LISTED: Final = 50

Words = Annotated[str, Field(max_length=200)]
Arguments = dict[str, JsonValue]


def openapi_tools(settings: OpenapiTool, setup: Setup) -> list[FunctionTool[..., Any]]:
    """The tools for the services of a project."""
    apis = {
        name: Api(
            name=name,
            settings=each,
            file=setup.folder / Path(each.document).expanduser(),
            key=setup.secrets.get(f"apis.{name}.key"),
            seconds=settings.timeout,
            max_bytes=settings.max_bytes,
        )
        for name, each in settings.apis.items()
    }
    services = Services(apis, write=settings.write)
    made = [_make_list(services), _make_describe(services), _make_read(services)]
    if settings.write:
        made.append(_make_change(services, approval=settings.approval))
    timeout = settings.timeout + 15
    return [each.changed(timeout=timeout, max_bytes=settings.max_text) for each in made]


@dataclass(kw_only=True)
class Api:
    """One service."""

    name: str
    settings: ApiSettings
    file: Path
    key: str | None
    seconds: float
    max_bytes: int

    @cached_property
    def service(self) -> tuple[str, Object | None, list[Object]]:
        """Its address, where its key goes, and what it does.

        Raises:
            ToolFailed: The document cannot be used.
        """
        try:
            document = read_document(self.file)
            chosen = select(
                document,
                tags=self.settings.tags,
                ids=self.settings.operations,
                limit=_MOST_OPERATIONS,
            )
        except InvalidInput as error:
            raise ToolFailed(f"The API {self.name}: {error.message}", hint=error.hint) from error
        address = self.settings.url or address_of(document)
        if not address:
            raise ToolFailed(
                f"The API {self.name}: its document names no address.",
                hint=f"Write `url` under `tools: openapi: apis: {self.name}:`.",
            )
        return address.rstrip("/"), key_of(document), chosen.operations

    async def call(self, sent: Sent) -> str:
        """What the service answers: the status, then the body as text.

        Raises:
            ToolFailed: It cannot be reached, or gives more than may be read.
        """
        import aiohttp

        from muxi.tools.builtin.public_address import PrivateAddress, PublicResolver, refuse_private

        address, place, _ = self.service
        host = urlsplit(address).hostname or ""
        headers = {"User-Agent": user_agent(), "Accept": "application/json, */*;q=0.5"}
        headers |= sent.headers
        query = list(sent.query)
        if self.key is not None:
            _give(self.key, place, headers, query)
        # A document may come from strangers: only what the project wrote itself may be private.
        allowed = [host] if self.settings.url else []
        connector = aiohttp.TCPConnector(resolver=PublicResolver(allowed), use_dns_cache=False)
        try:
            refuse_private(host, allowed)
            async with (
                aiohttp.ClientSession(
                    connector=connector,
                    cookie_jar=aiohttp.DummyCookieJar(),
                    timeout=aiohttp.ClientTimeout(total=self.seconds),
                ) as session,
                session.request(
                    sent.method,
                    _whole(address, sent.path),
                    params=query,
                    data=sent.body,
                    headers=headers,
                    allow_redirects=False,
                ) as response,
            ):
                data = bytearray()
                async for piece in response.content.iter_any():
                    data += piece
                    if len(data) > self.max_bytes:
                        raise ToolFailed(
                            f"{self.name} answers with more than {self.max_bytes:,} bytes.",
                            hint="Ask for less, such as a page or fewer fields.",
                        )
                return _told(response.status, response.reason, response.content_type, bytes(data))
        except ToolDenied:
            raise _private(host) from None
        except TimeoutError as error:
            raise ToolFailed(f"{self.name} did not answer within {self.seconds:g} s.") from error
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, PrivateAddress):
                raise _private(host) from error
            raise ToolFailed(f"{self.name} cannot be reached at {host}.") from error
        except (aiohttp.ClientError, ValueError) as error:
            raise ToolFailed(f"{self.name} cannot be called: {type(error).__name__}.") from error


@dataclass
class Services:
    """All of them, and what of them may be called."""

    apis: Mapping[str, Api]
    write: bool

    @cached_property
    def operations(self) -> dict[str, tuple[Api, Object]]:
        """What may be called, by name; by `api.name` where two services have the same name."""
        every = [
            (api, operation)
            for api in self.apis.values()
            for operation in api.service[2]
            if self.write or operation["method"] in _READING
        ]
        names = Counter(operation["name"] for _, operation in every)
        return {
            operation["name"]
            if names[operation["name"]] == 1
            else f"{api.name}.{operation['name']}": (api, operation)
            for api, operation in every
        }

    async def find(self, name: str) -> tuple[Api, Object]:
        """The operation of that name.

        Raises:
            ToolArgumentsInvalid: There is none.
            ToolFailed: A document cannot be used.
        """
        found = (await self.all()).get(name.strip())
        if found is None:
            raise ToolArgumentsInvalid(
                f"There is no operation `{name}`; list_operations names those there are."
            )
        return found

    async def all(self) -> dict[str, tuple[Api, Object]]:
        """`operations`, read beside the event loop: documents may be large."""
        return await run_in_thread(lambda: self.operations)


def _make_list(services: Services) -> FunctionTool[..., Any]:
    @tool(
        title="List operations",
        read_only=True,
        destructive=False,
        open_world=False,
        idempotent=True,
        examples=_LIST,
    )
    async def list_operations(search: Words = "") -> str:
        """Name the operations of the APIs, with what each does.

        Args:
            search: Words that stand in the name or the description; empty for all.
        """
        every = await services.all()
        words = search.casefold().split()
        ranked = sorted(
            ((-_hits(words, name, each), name) for name, (_, each) in every.items()),
        )
        names = [name for hits, name in ranked if hits or not words]
        lines = [_line(name, every[name][1]) for name in names[:_MOST_LISTED]]
        more = len(names) - len(lines)
        notice = [f"[{more} more; search for what you need.]"] if more > 0 else []
        return "\n".join([*lines, *notice]) or "There are no such operations."

    return list_operations


def _make_describe(services: Services) -> FunctionTool[..., Any]:
    @tool(
        title="Describe an operation",
        read_only=True,
        destructive=False,
        open_world=False,
        idempotent=True,
        examples=_DESCRIBE,
    )
    async def describe_operation(operation: Words) -> str:
        """Tell how an operation of an API is called: what it does, and its arguments.

        Args:
            operation: Its name, from list_operations.
        """
        api, found = await services.find(operation)
        schema = json.dumps(found["input_schema"], ensure_ascii=False, separators=(",", ":"))
        head = f"{operation}, {found['method']} {found['path']} of {api.name}."
        return f"{head}\n{found['description']}\nArguments, as JSON Schema: {schema}"

    return describe_operation


def _make_read(services: Services) -> FunctionTool[..., Any]:
    @tool(
        title="Read from an API",
        read_only=True,
        destructive=False,
        open_world=True,
        idempotent=True,
        examples=_READ,
    )
    async def read_api(operation: Words, arguments: Arguments | None = None) -> str:
        """Call an operation of an API that only reads, and give its answer.

        Args:
            operation: Its name, from list_operations.
            arguments: Its arguments by name, as describe_operation tells them.
        """
        api, found = await services.find(operation)
        if found["method"] not in _READING:
            raise ToolArgumentsInvalid(f"`{operation}` changes something: call it by change_api.")
        return await api.call(request_of(found, dict(arguments or {})))

    return read_api


def _make_change(services: Services, *, approval: bool) -> FunctionTool[..., Any]:
    @tool(
        title="Change something by an API",
        read_only=False,
        destructive=True,
        open_world=True,
        approval=approval,
        examples=_CHANGE,
    )
    async def change_api(operation: Words, arguments: Arguments | None = None) -> str:
        """Call an operation of an API that creates, changes or deletes something.

        Args:
            operation: Its name, from list_operations.
            arguments: Its arguments by name, as describe_operation tells them.
        """
        api, found = await services.find(operation)
        return await api.call(request_of(found, dict(arguments or {})))

    return change_api


def _hits(words: Sequence[str], name: str, operation: Object) -> int:
    """How well an operation fits words: those in its name count more."""
    text = f"{operation['title']} {operation['description']} {operation['path']}".casefold()
    return sum(3 * (word in name) + (word in text) for word in words)


def _line(name: str, operation: Object) -> str:
    schema: Object = operation["input_schema"]
    needed = schema.get("required", ())
    arguments = ", ".join(each if each in needed else f"{each}?" for each in schema["properties"])
    return f"{name}({arguments}): {operation['title']}"


def _give(key: str, place: Object | None, headers: dict[str, str], query: list[Any]) -> None:
    """Put the key where the document wants it; without its word, as a bearer's token."""
    place = place or {"in": "header", "name": "Authorization", "prefix": "Bearer "}
    if place["in"] == "query":
        query.append((place["name"], key))
    else:
        headers[place["name"]] = f"{place['prefix']}{key}"


def _whole(address: str, path: str) -> Any:
    from yarl import URL

    # What was quoted is quoted; nothing is to be read once more.
    return URL(f"{address}{path}", encoded=True)


def _told(status: int, reason: str | None, kind: str, data: bytes) -> str:
    head = f"{status} {reason or ''}".strip()
    if not data:
        return head
    try:
        return f"{head}\n{data.decode()}"
    except UnicodeDecodeError:
        return f"{head}\n[{len(data):,} bytes of {kind}, which are no text]"


def _private(host: str) -> ToolFailed:
    return ToolFailed(
        f"The document leads to {host}, which lies in a private network.",
        hint="The project can say that it is meant: `url` of the API.",
    )
