"""Signing browsers in and out: by password, by a link. Part of the API."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from pydantic import Field
from starlette.responses import RedirectResponse, Response

from muxi.core.caller import DEFAULT_TENANT, STRANGER
from muxi.core.errors import AccessDenied, InvalidInput, NotFound
from muxi.core.identities import Me, SignInLink
from muxi.identity.sessions import LINK_SECONDS, Browser
from muxi.server.managing import is_own, require_management, require_whole
from muxi.server.operations import AnyOperation, Call, Nothing, Operation, Raw, Strict
from muxi.server.problems import Refused

_LONGEST = 10_000
"""Bytes of what a form may send."""


_LONGEST_NAME = 200
"""Characters of a name that are entered in the audit log."""


class LoginQuery(Strict):
    token: str | None = Field(None, max_length=300)
    """Of a link; without one it is the page to sign in on."""
    tenant: str = Field("", max_length=40)


class LoginForm(Raw):
    """Name and password, as a page's form sends them."""

    media_types: ClassVar[tuple[str, ...]] = ("application/x-www-form-urlencoded",)


class LinkRequest(Strict):
    """For whom a link is, and how long it may wait."""

    user: str | None = Field(None, max_length=200)
    """The user whom it signs in; who asks, if left out."""
    seconds: int = Field(LINK_SECONDS, ge=60, le=7 * 24 * 3600)


async def login(call: Call[Nothing, LoginQuery]) -> Response:
    if call.query.token is None:
        return call.access.login_page(tenant=call.query.tenant, status=200)
    try:
        session = await call.access.redeem(call.query.token, _browser(call))
    except Refused as refused:
        if b"text/html" not in call.headers.get(b"accept", b""):
            raise
        return call.access.login_page(wrong=refused.error.message)
    return await _signed_in(call, session, how="link")


async def sign_in(call: Call[LoginForm, Nothing]) -> Response:
    if len(call.body.content) > _LONGEST:
        raise InvalidInput("The form is too long.")
    form = dict(parse_qsl(call.body.content.decode("utf-8", "replace"), keep_blank_values=True))
    tenant, name = form.get("tenant") or DEFAULT_TENANT, form.get("name", "")
    sessions = call.access.identity.sessions
    try:
        session = await sessions.sign_in(tenant, name, form.get("password", ""), _browser(call))
    except AccessDenied as error:
        await _tell_refusal(call, tenant, name)
        return call.access.login_page(tenant=form.get("tenant", ""), name=name, wrong=error.message)
    return await _signed_in(call, session, how="password")


async def sign_out(call: Call[Nothing, Nothing]) -> Response:
    credential = call.caller.credential
    if credential.kind == "session":
        user = call.caller.user or ""
        sessions = call.runtime.identity.sessions
        await sessions.end(call.caller.tenant, credential.id, of=user)
        await call.runtime.audit.record(call.caller, "account.sign_out")
    return call.access.drop_session(Response(status_code=204), scheme=call.scheme)


async def make_login_link(call: Call[LinkRequest, Nothing]) -> SignInLink:
    url = call.runtime.url
    if url is None:
        raise NotFound("This process serves no browsers.", hint="`muxi up` does.")
    user = call.body.user or call.caller.subject
    await require_whole(call)
    if not is_own(call, user):
        await require_management(call, user)
    return await call.access.link(
        url, tenant=call.caller.tenant, user=user, seconds=call.body.seconds
    )


async def me(call: Call[Nothing, Nothing]) -> Me:
    caller, credential = call.caller, call.caller.credential
    return Me(
        tenant=caller.tenant,
        user=caller.user or "",
        acting_for=caller.acting_for,
        credential=credential.kind,
        credential_id=credential.id or None,
        roles=sorted(caller.roles),
        groups=sorted(caller.groups),
        scopes=None if credential.scopes is None else sorted(credential.scopes),
    )


async def _signed_in(call: Call[Any, Any], session: str, *, how: str) -> Response:
    caller = await call.access.identity.callers.identify(session)
    if caller is not None:
        await call.runtime.audit.record(caller, "account.sign_in", how=how, address=call.address)
    answer = RedirectResponse("/", 303, {"cache-control": "no-store"})
    return call.access.keep_session(answer, session, scheme=call.scheme)


async def _tell_refusal(call: Call[Any, Any], tenant: str, name: str) -> None:
    """Enter a failed attempt in the log of a tenant that there is."""
    with suppress(NotFound):
        await call.runtime.identity.tenants.get(tenant)
        stranger = replace(STRANGER, tenant=tenant)
        await call.runtime.audit.refused(
            stranger, "account.sign_in", name[:_LONGEST_NAME], address=call.address
        )


def _browser(call: Call[Any, Any]) -> Browser:
    client = call.headers.get(b"user-agent", b"").decode("latin-1")
    return Browser(call.address, client)


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="GET",
        path="/login",
        summary="The page to sign in on; with a link's token, sign a browser in",
        handler=login,
        query=LoginQuery,
        open=True,
        media_type="text/html",
        also={303: ""},
        tag="access",
    ),
    Operation(
        method="POST",
        path="/login",
        summary="Sign a browser in by name and password",
        handler=sign_in,
        body=LoginForm,
        open=True,
        tag="access",
        status=303,
        also={401: "text/html"},
    ),
    Operation(
        method="POST",
        path="/api/logout",
        summary="End the browser's session",
        handler=sign_out,
        anyone=True,
        status=204,
        tag="access",
    ),
    Operation(
        method="POST",
        path="/api/login-links",
        summary="A link that signs a browser in once",
        handler=make_login_link,
        action="users.login_link",
        body=LinkRequest,
        answer=SignInLink,
        status=201,
        confidential=True,
        tag="access",
    ),
    Operation(
        method="GET",
        path="/api/me",
        summary="Who asks, as the server sees them",
        handler=me,
        anyone=True,
        answer=Me,
        tag="access",
    ),
)
