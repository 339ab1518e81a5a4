"""Who makes a request, and in whose name. Asked by the dispatcher, and by WebSockets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from muxi.core.caller import Caller
from muxi.core.errors import InvalidInput
from muxi.core.users import TENANT_HEADER, USER_HEADER
from muxi.runtime.build import Runtime
from muxi.runtime.tickets import Shown
from muxi.server.access import Access
from muxi.server.addresses import Address
from muxi.server.managing import require_operator
from muxi.server.problems import Refused
from muxi.server.users import named_tenant, named_user

_ONCE: Final = frozenset(
    {b"authorization", b"content-length", b"content-type", b"host", b"origin", b"transfer-encoding"}
)
_SHOWN: Final = (
    b"authorization",
    b"cookie",
    b"host",
    b"origin",
    b"sec-fetch-site",
    TENANT_HEADER.lower().encode(),
    USER_HEADER.lower().encode(),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What says who makes a request."""

    method: str
    """`WEBSOCKET` for an upgrade."""
    pairs: Sequence[tuple[bytes, bytes]]
    """The headers as they came."""
    headers: Mapping[bytes, bytes]
    """The same, by their names in lower case."""
    server: Address | None
    client: Address | None
    scheme: str
    resource: str | None = None
    """The protected resource that is asked for, if there are tokens for that alone."""


def refuse_repeated(pairs: Iterable[tuple[bytes, bytes]]) -> None:
    """Raise `Refused` if a header came twice that says who asks, of whom, or how much.

    A proxy that was asked to check it may have looked at the other one.
    """
    seen: set[bytes] = set()
    for name, _ in pairs:
        if name in _ONCE and name in seen:
            error = InvalidInput(f"The header `{name.decode()}` came more than once.")
            raise Refused(400, error, ((b"connection", b"close"),))
        seen.add(name)


def shown_in(headers: Shown) -> Shown:
    """What of a request's headers says who makes it."""
    return {name: headers[name] for name in _SHOWN if name in headers}


async def caller_of(runtime: Runtime, access: Access, asked: Asked) -> Caller:
    """Who asks, and for whom.

    Raises:
        Refused: No credentials, wrong ones, a cookie that a foreign page may have sent; or too
            many such requests from there.
        AccessDenied: They may not act for whom they name.
        InvalidInput: Whom they name is nobody.
    """
    try:
        caller = await access.identify(
            asked.method,
            asked.headers,
            asked.server,
            asked.client,
            scheme=asked.scheme,
            resource=asked.resource,
        )
    except Refused as refused:
        if refused.status == 401:
            access.rates.admit_stranger(asked.client[0] if asked.client else "")
        raise
    tenant = named_tenant(asked.headers)
    if tenant is not None and tenant != caller.tenant:
        require_operator(caller)
        await runtime.guard.require(caller, "tenants.act_for")
        await runtime.identity.tenants.get(tenant)
        caller = replace(caller, tenant=tenant)
    named = named_user(asked.pairs)
    if named is None or named == caller.user:
        return caller
    await runtime.guard.require(caller, "users.act_for", named)
    return caller.acting(named)
