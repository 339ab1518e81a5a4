"""`/mcp` as a resource that OAuth protects: who issues tokens for it, told to clients (RFC 9728).

Called by the dispatcher, and open to everybody: whoever has no token reads here where to get one.
It must stay light.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel

from muxi.core.errors import NotFound
from muxi.runtime.build import Runtime
from muxi.server.mcp.paths import LINES, PATH
from muxi.server.operations import AnyOperation, Call, Headers, Nothing, Operation
from muxi.server.own_address import address_of, own_address
from muxi.server.problems import Refused

_WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"


class ProtectedResource(BaseModel):
    """Metadata of a protected resource, as RFC 9728 names them."""

    resource: str
    """What tokens must be issued for."""
    resource_name: str
    authorization_servers: list[str]
    """Issuers whose tokens are accepted."""
    bearer_methods_supported: list[str]


def resource_at(runtime: Runtime, path: str, headers: Headers, scheme: str) -> str | None:
    """The protected resource that a request is for; None where no issuer protects it."""
    if path not in (PATH, f"{PATH}/", LINES) or not _issuers(runtime):
        return None
    return f"{address_of(runtime.project, headers, scheme)}{PATH}"


def challenged(refused: Refused, resource: str, *, shown: bool) -> Refused:
    """A refusal of credentials that says where better ones are to be had (RFC 9728, 5.1).

    Args:
        refused: The refusal.
        resource: What was asked for.
        shown: Whether there were credentials, which were no good.
    """
    place = f"{resource.removesuffix(PATH)}{_WELL_KNOWN}{PATH}"
    wrong = 'error="invalid_token", ' if shown else ""
    challenge = f'Bearer {wrong}resource_metadata="{place}"'
    header = (b"www-authenticate", challenge.encode("latin-1", "ignore"))
    return Refused(refused.status, refused.error, (header,))


async def describe_server(call: Call[Nothing, Nothing]) -> ProtectedResource:
    issuers = _issuers(call.runtime)
    if not issuers:
        raise NotFound("No issuer of tokens protects anything here.", hint=_HINT)
    project = call.runtime.project
    return ProtectedResource(
        resource=f"{own_address(call)}{PATH}",
        resource_name=project.name or "muxi",
        authorization_servers=issuers,
        bearer_methods_supported=["header"],
    )


async def describe_mcp(call: Call[Nothing, Nothing]) -> ProtectedResource:
    return await describe_server(call)


_HINT: Final = "Clients send a key as `Authorization: Bearer …`."


def _issuers(runtime: Runtime) -> list[str]:
    settings = runtime.project.identity
    declared: list[Any] = [*settings.oidc.values(), *settings.jwt.values()]
    if not runtime.project.server.mcp.enabled:
        return []
    return list(dict.fromkeys(each.issuer for each in declared))


OPERATIONS: tuple[AnyOperation, ...] = tuple(
    Operation(
        method="GET",
        path=path,
        summary="Who issues tokens for the MCP server of the project",
        handler=handler,
        open=True,
        answer=ProtectedResource,
        tag="access",
    )
    for path, handler in (
        (_WELL_KNOWN, describe_server),
        (f"{_WELL_KNOWN}{PATH}", describe_mcp),
    )
)
