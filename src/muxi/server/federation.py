"""Signing browsers in and out with identity providers, and who users are there. Part of the API."""

from __future__ import annotations

from html import escape
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse, RedirectResponse, Response

from muxi.core.errors import AccessDenied, IdentityProviderUnavailable, MuxiError, summarize
from muxi.core.identities import ForeignIdentity
from muxi.core.pages import Page
from muxi.identity.sessions import Browser
from muxi.runtime.build import Runtime
from muxi.server.access import Access
from muxi.server.login_page import Way
from muxi.server.managing import require_management, require_whole
from muxi.server.operations import AnyOperation, Call, Nothing, Operation, Strict
from muxi.server.own_address import own_address
from muxi.server.paging import WholeQuery, page_of

COOKIE: Final = "muxi_sign_in"
"""What a browser keeps between leaving for a provider and coming back."""
_SECONDS: Final = 600
_PATH: Final = "/login/oidc"
_BACK: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="0;url={path}">
<title>{words}</title></head>
<body><p>{words}. <a href="{path}">Go on</a></p></body></html>
"""
_POLICY: Final = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"


class BeginQuery(Strict):
    return_to: str = Field("/", max_length=2_000)
    """Where to go once signed in: a path of this server."""


class CallbackQuery(BaseModel):
    """What a provider lets a browser bring back; it may add what muxi does not know."""

    model_config = ConfigDict(extra="ignore")

    code: str | None = Field(None, max_length=8_000)
    state: str | None = Field(None, max_length=300)
    iss: str | None = Field(None, max_length=500)
    error: str | None = Field(None, max_length=200)
    error_description: str | None = Field(None, max_length=1_000)


class Subject(Strict):
    """Somebody at an issuer."""

    issuer: str = Field(min_length=1, max_length=500)
    subject: str = Field(min_length=1, max_length=255)


def federate(access: Access, runtime: Runtime) -> None:
    """Let `access` know the callers who are known elsewhere."""
    federation = runtime.federation
    access.ways += [
        Way(f"Sign in with {title}", f"{_PATH}/{name}") for name, title in federation.titles.items()
    ]
    if federation.settings.oidc:
        access.session_checks.append(federation.check_session)
    if federation.settings.jwt or federation.settings.oidc:
        access.bearers.append(federation.authenticate)


async def begin(call: Call[Nothing, BeginQuery]) -> Response:
    name = call.path["provider"]
    redirect_url = f"{own_address(call)}{_PATH}/{name}/callback"
    try:
        page, kept = await call.runtime.federation.begin(name, redirect_url, call.query.return_to)
    except IdentityProviderUnavailable as error:
        return _refused(call, error, status=503)
    answer = RedirectResponse(page, 303, {"cache-control": "no-store"})
    answer.set_cookie(
        COOKIE,
        kept,
        max_age=_SECONDS,
        path=_PATH,
        secure=call.scheme == "https",
        httponly=True,
        # The browser comes back from another site, which `strict` would not let it do.
        samesite="lax",
    )
    return answer


async def come_back(call: Call[Nothing, CallbackQuery]) -> Response:
    answer = call.query.model_dump(exclude_none=True)
    browser = Browser(call.address, call.headers.get(b"user-agent", b"").decode("latin-1"))
    try:
        signed_in = await call.runtime.federation.finish(
            call.path["provider"], _kept(call), answer, browser
        )
    except AccessDenied as error:
        return _forget(_refused(call, error, status=401))
    except IdentityProviderUnavailable as error:
        return _forget(_refused(call, error, status=503))
    # No redirect: what follows one of another site is sent without strict cookies.
    page = _go_on(signed_in.return_to, "You are signed in to muxi")
    return call.access.keep_session(_forget(page), signed_in.session, scheme=call.scheme)


async def sign_out_everywhere(call: Call[Nothing, Nothing]) -> Response:
    page = await call.runtime.federation.sign_out(call.caller, f"{own_address(call)}/login")
    credential = call.caller.credential
    if credential.kind == "session":
        await call.runtime.identity.sessions.end(
            call.caller.tenant, credential.id, of=call.caller.user or ""
        )
    # No redirect: a form of the dashboard may not lead to another site.
    answer = _go_on(page or "/login", "You have signed out of muxi")
    return call.access.drop_session(answer, scheme=call.scheme)


async def list_identities(call: Call[Nothing, WholeQuery]) -> Page[ForeignIdentity]:
    federation = call.runtime.federation
    items = await federation.arrivals.of_user(call.caller.tenant, call.path["id"])
    return page_of(items, call.query, lambda each: f"{each.issuer} {each.subject}")


async def link_identity(call: Call[Subject, Nothing]) -> ForeignIdentity:
    await require_management(call, call.path["id"])
    await require_whole(call)
    body, arrivals = call.body, call.runtime.federation.arrivals
    return await arrivals.link(call.caller.tenant, call.path["id"], body.issuer, body.subject)


async def unlink_identity(call: Call[Nothing, Subject]) -> Response:
    await require_management(call, call.path["id"])
    named = call.query
    await call.runtime.federation.unlink(
        call.caller.tenant, call.path["id"], named.issuer, named.subject
    )
    return Response(status_code=204)


def _go_on(where: str, words: str) -> Response:
    """A page that says so and goes on by itself, without a redirect."""
    page = _BACK.format(path=escape(where), words=escape(words))
    headers = {"cache-control": "no-store", "content-security-policy": _POLICY}
    return HTMLResponse(page, 200, headers)


def _kept(call: Call[Any, Any]) -> str:
    for pair in call.headers.get(b"cookie", b"").decode("latin-1").split(";"):
        name, _, value = pair.strip().partition("=")
        if name == COOKIE:
            return value.strip('"')
    return ""


def _forget(answer: Response) -> Response:
    answer.delete_cookie(COOKIE, path=_PATH, httponly=True, samesite="lax")
    return answer


def _refused(call: Call[Any, Any], error: MuxiError, *, status: int) -> Response:
    return call.access.login_page(wrong=summarize(error), status=status)


def _user(call: Call[Any, Any]) -> str:
    return call.path["id"]


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="GET",
        path=_PATH + "/{provider}",
        summary="Go to an identity provider to sign in",
        handler=begin,
        query=BeginQuery,
        open=True,
        status=303,
        also={503: "text/html"},
        tag="access",
    ),
    Operation(
        method="GET",
        path=_PATH + "/{provider}/callback",
        summary="Come back from an identity provider",
        handler=come_back,
        query=CallbackQuery,
        open=True,
        media_type="text/html",
        also={401: "text/html", 503: "text/html"},
        tag="access",
    ),
    Operation(
        method="POST",
        path="/logout",
        summary="End the browser's session here and at its identity provider",
        handler=sign_out_everywhere,
        anyone=True,
        media_type="text/html",
        tag="access",
    ),
    Operation(
        method="GET",
        path="/api/users/{id}/identities",
        summary="Who a user is at identity providers",
        handler=list_identities,
        query=WholeQuery,
        action="users.read",
        resource=_user,
        answer=Page[ForeignIdentity],
        tag="users",
    ),
    Operation(
        method="PUT",
        path="/api/users/{id}/identities",
        summary="Let somebody at an identity provider be this user",
        handler=link_identity,
        action="users.write",
        resource=_user,
        body=Subject,
        answer=ForeignIdentity,
        tag="users",
    ),
    Operation(
        method="DELETE",
        path="/api/users/{id}/identities",
        summary="Let somebody at an identity provider be this user no longer",
        handler=unlink_identity,
        action="users.write",
        resource=_user,
        query=Subject,
        status=204,
        tag="users",
    ),
)
