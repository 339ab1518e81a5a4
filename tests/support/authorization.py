"""An MCP server that asks for a login, with its authorization server, both of the official SDK.

What a test needs to go wrong can be set: how long tokens live, which are revoked, which scope a
call needs, whether the authorization server is there at all.
"""

from __future__ import annotations

import asyncio
import base64
import socket
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import uvicorn
from mcp.server import MCPServer
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import (
    AccessToken,
    AuthorizationCode,
    AuthorizationParams,
    RefreshToken,
    TokenError,
    construct_redirect_uri,
)
from mcp.server.auth.settings import AuthSettings, ClientRegistrationOptions, RevocationOptions
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from muxi.core.mcp_login import LoginAnswer


class Authority:
    """The authorization server: grants whatever is asked, and remembers what it did."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.lifetime = 3600
        """Seconds that the next access token is good for."""
        self.clients: dict[str, OAuthClientInformationFull] = {}
        self.codes: dict[str, AuthorizationCode] = {}
        self.access: dict[str, AccessToken] = {}
        self.refresh: dict[str, RefreshToken] = {}
        self.asked: list[AuthorizationParams] = []
        self.refreshed = 0
        self.away = False
        """Whether it answers nothing but 503."""
        self.wanted_scope: str | None = None
        """A scope without which calls are refused."""
        self.claims: dict[str, Any] = {}
        """What its metadata says otherwise than it is."""
        self.waiting = 0
        self.most_waiting = 0
        """How many calls of `meet` were under way at the same time."""

    async def get_client(self, client_id: str) -> OAuthClientInformationFull | None:
        return self.clients.get(client_id)

    async def register_client(self, client_info: OAuthClientInformationFull) -> None:
        self.clients[client_info.client_id] = client_info

    async def authorize(
        self, client: OAuthClientInformationFull, params: AuthorizationParams
    ) -> str:
        self.asked.append(params)
        code = f"code-{len(self.asked)}"
        self.codes[code] = AuthorizationCode(
            code=code,
            scopes=params.scopes or [],
            expires_at=time.time() + 60,
            client_id=client.client_id,
            code_challenge=params.code_challenge,
            redirect_uri=params.redirect_uri,
            redirect_uri_provided_explicitly=params.redirect_uri_provided_explicitly,
            resource=params.resource,
        )
        return construct_redirect_uri(str(params.redirect_uri), code=code, state=params.state)

    async def load_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: str
    ) -> AuthorizationCode | None:
        return self.codes.get(authorization_code)

    async def exchange_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: AuthorizationCode
    ) -> OAuthToken:
        del self.codes[authorization_code.code]
        return self._grant(client, authorization_code.scopes, authorization_code.resource)

    async def load_refresh_token(
        self, client: OAuthClientInformationFull, refresh_token: str
    ) -> RefreshToken | None:
        return self.refresh.get(refresh_token)

    async def exchange_refresh_token(
        self, client: OAuthClientInformationFull, refresh_token: RefreshToken, scopes: list[str]
    ) -> OAuthToken:
        if self.refresh.pop(refresh_token.token, None) is None:
            raise TokenError("invalid_grant")
        self.refreshed += 1
        return self._grant(client, scopes or refresh_token.scopes, f"{self.url}/mcp")

    async def load_access_token(self, token: str) -> AccessToken | None:
        return self.access.get(token)

    async def revoke_token(self, token: AccessToken | RefreshToken) -> None:
        self.access.pop(token.token, None)
        self.refresh.pop(token.token, None)

    def _grant(
        self, client: OAuthClientInformationFull, scopes: list[str], resource: str | None
    ) -> OAuthToken:
        number = len(self.asked) * 100 + self.refreshed
        access, refresh = f"access-token-{number}", f"refresh-token-{number}"
        self.access[access] = AccessToken(
            token=access,
            client_id=client.client_id,
            scopes=scopes,
            expires_at=int(time.time()) + self.lifetime,
            resource=resource,
        )
        self.refresh[refresh] = RefreshToken(
            token=refresh, client_id=client.client_id, scopes=scopes
        )
        return OAuthToken(
            access_token=access,
            refresh_token=refresh,
            expires_in=self.lifetime,
            scope=" ".join(scopes),
        )


def _machine(scope: Scope, authority: Authority) -> Response:
    """A token for a client that shows its password."""
    given = dict(scope["headers"]).get(b"authorization", b"").decode().partition(" ")[2]
    name, _, password = base64.b64decode(given).decode().partition(":")
    if (name, password) != ("robot", "very%20secret"):
        return JSONResponse({"error": "invalid_client"}, 401)
    client = OAuthClientInformationFull(client_id=name, redirect_uris=None)
    authority.refreshed += 1
    token = authority._grant(client, ["notes"], f"{authority.url}/mcp")
    return JSONResponse(token.model_dump(mode="json", exclude={"refresh_token"}))


@asynccontextmanager
async def guarded_server() -> AsyncGenerator[Authority]:
    """An MCP server with a tool `hello` at `/mcp` of the authority's `url`."""
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    authority = Authority(url)
    settings = AuthSettings.model_validate(
        {
            "issuer_url": url,
            "resource_server_url": f"{url}/mcp",
            "validate_token_resource": True,
            "required_scopes": ["notes"],
            "client_registration_options": ClientRegistrationOptions(
                enabled=True, valid_scopes=["notes", "admin"], default_scopes=["notes"]
            ),
            "revocation_options": RevocationOptions(enabled=True),
        }
    )
    server = MCPServer("guarded", auth_server_provider=authority, auth=settings)

    @server.tool()
    def hello() -> str:
        """Says hello."""
        return "hello"

    @server.tool()
    def whose() -> str:
        """Tells with which token it was called."""
        token = get_access_token()
        return "nobody's" if token is None else token.token

    @server.tool()
    async def meet() -> str:
        """Takes a while."""
        authority.waiting += 1
        authority.most_waiting = max(authority.most_waiting, authority.waiting)
        await asyncio.sleep(0.5)
        authority.waiting -= 1
        return "met"

    app = _guarding(server.streamable_http_app(json_response=True), authority)
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    web = uvicorn.Server(config)
    running = asyncio.create_task(web.serve(sockets=[listener]))
    try:
        yield authority
    finally:
        web.should_exit = True
        await running


def _guarding(app: ASGIApp, authority: Authority) -> ASGIApp:
    """`app` with the faults of the authority."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        answer = _fault(scope, authority) if scope["type"] == "http" else None
        await (answer or app)(scope, receive, send)

    return guarded


def _fault(scope: Scope, authority: Authority) -> Response | None:
    path = scope["path"]
    if authority.claims and path.startswith("/.well-known/oauth-authorization-server"):
        metadata = {
            "issuer": authority.url,
            "authorization_endpoint": f"{authority.url}/authorize",
            "token_endpoint": f"{authority.url}/token",
            "registration_endpoint": f"{authority.url}/register",
            "code_challenge_methods_supported": ["S256"],
        }
        return JSONResponse(metadata | authority.claims)
    if path == "/machine/token":
        return _machine(scope, authority)
    if path != "/mcp":
        return JSONResponse({"error": "temporarily_unavailable"}, 503) if authority.away else None
    wanted = authority.wanted_scope
    bearer = dict(scope["headers"]).get(b"authorization", b"").decode().partition(" ")[2]
    token = authority.access.get(bearer)
    if wanted is None or token is None or wanted in token.scopes:
        return None
    challenge = f'Bearer error="insufficient_scope", scope="{wanted}"'
    return JSONResponse({}, 403, headers={"WWW-Authenticate": challenge})


async def consent(page: str) -> LoginAnswer:
    """A person who opens the page and grants access: what the browser comes back with."""
    async with httpx2.AsyncClient() as browser:
        response = await browser.get(page, follow_redirects=False)
    found = parse_qs(urlsplit(response.headers["location"]).query)
    given: dict[str, Any] = {name: values[0] for name, values in found.items()}
    return LoginAnswer.model_validate(given)
