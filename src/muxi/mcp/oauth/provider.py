"""Puts the token of a login on every request to a remote server, and renews it in time.

Given to the HTTP client of a connection. The flow itself is the SDK's (discovery, registration,
PKCE, issuer checks); this adds what a server needs that runs for months without a person: logins
that survive a restart, renewal before the end, and a refusal that says what to do.
"""

from __future__ import annotations

import hmac
import logging
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlencode, urljoin, urlsplit

import httpx2
from mcp.client.auth import OAuthClientProvider, OAuthFlowError, PKCEParameters
from mcp.client.auth.utils import (
    extract_field_from_www_auth,
    extract_scope_from_www_auth,
    union_scopes,
    validate_authorization_response_iss,
)
from mcp.shared.auth import (
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthMetadata,
    OAuthToken,
    ProtectedResourceMetadata,
)
from pydantic import AnyUrl, BaseModel, ValidationError

from muxi.core.errors import LoginNeeded, MuxiError
from muxi.core.mcp_login import LoginAnswer
from muxi.mcp.oauth.grant import PATIENCE, Grant, Identity, Vault, Waiting
from muxi.mcp.oauth.reach import Reach

Authorize = Callable[[str, Waiting], Awaitable[LoginAnswer]]
"""Shows a person the address at which access is granted, and gives what came back. It need not
return: `ServerAuth.redeem` goes on where this waits."""

_NOWHERE = "http://127.0.0.1/callback"
_RENEWAL_TIMEOUT = 30.0
_PATIENCE = 10.0
"""Seconds after which an authorization server that did not answer is asked again."""
_log = logging.getLogger("muxi.mcp")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")

Metadata = TypeVar("Metadata", bound=BaseModel)


class ServerAuth(OAuthClientProvider):
    """The credentials of one remote server.

    Without `authorize` nobody is asked: a request that the server refuses is given back as it is,
    and `refusal` says what a person has to do.
    """

    refusal: MuxiError | None = None
    """Why the last answer was a refusal; None if it was none."""

    def __init__(
        self,
        server: str,
        url: str,
        vault: Vault,
        *,
        identity: Identity | None = None,
        authorize: Authorize | None = None,
        redirect_url: str = _NOWHERE,
        refuse: Callable[[str], MuxiError] | None = None,
    ) -> None:
        """
        Args:
            server: Its name in the project.
            url: Its address; tokens that were given for another are not used.
            vault: Where its login is kept.
            identity: Who muxi is there, if the project says so.
            authorize: Asks a person, in the middle of the request that needs it.
            redirect_url: Where the person's browser comes back to.
            refuse: Makes `refusal` of why; by default it is a login that the project lacks.
        """
        self.server = server
        self._refuse = refuse or self._login_needed
        self.grant = Grant(url=url)
        self.identity = identity or Identity()
        self.reach = Reach(url, self.identity.issuer)
        """Where the server may lead muxi."""
        self._vault = vault
        self._authorize = authorize
        super().__init__(
            url,
            OAuthClientMetadata(
                redirect_uris=[AnyUrl(redirect_url)],
                client_name="muxi",
                scope=" ".join(self.identity.scopes) or None,
            ),
            _Kept(self),
            client_metadata_url=self.identity.client_metadata_url,
        )
        self._redirect_url = redirect_url
        self._patience = 0.0

    async def keep(self) -> None:
        """Keep the login as it is now."""
        grant = self._noted()
        await self._vault.save(self.server, grant.model_dump_json(exclude_none=True))

    async def keep_tokens(self, tokens: OAuthToken) -> None:
        """Keep tokens that were just given."""
        self.grant.tokens = _plain(tokens)
        self.grant.lifetime = tokens.expires_in
        self.grant.expires_at = self.context.token_expiry_time
        self.grant.wanted = ""
        await self.keep()

    async def read(self) -> None:
        """Take over the login as it is kept."""
        self._take_over(Grant.parse(await self._vault.load(self.server), self.grant.url))

    def _noted(self) -> Grant:
        """The grant, with what was found out since it was kept."""
        context, grant = self.context, self.grant
        grant.client = _plain(context.client_info)
        grant.authorization_server = _plain(context.oauth_metadata)
        grant.resource = _plain(context.protected_resource_metadata)
        grant.mask()
        return grant

    def _take_over(self, grant: Grant) -> None:
        self.grant, context = grant, self.context
        context.current_tokens = _parsed(OAuthToken, grant.tokens)
        context.token_expiry_time = grant.expires_at
        context.oauth_metadata = _parsed(OAuthMetadata, grant.authorization_server)
        context.protected_resource_metadata = _parsed(ProtectedResourceMetadata, grant.resource)
        resource = context.protected_resource_metadata
        context.auth_server_url = str(resource.authorization_servers[0]) if resource else None
        context.client_info = self._client()

    def _client(self) -> OAuthClientInformationFull | None:
        """The client to act as: the project's own, or the one that was registered."""
        identity = self.identity
        if identity.client_id is None:
            return _parsed(OAuthClientInformationFull, self.grant.client)
        return OAuthClientInformationFull(
            client_id=identity.client_id,
            client_secret=identity.client_secret,
            redirect_uris=self.context.client_metadata.redirect_uris,
            token_endpoint_auth_method="client_secret_basic" if identity.client_secret else "none",
            issuer=identity.issuer,
        )

    async def _initialize(self) -> None:
        """What the SDK calls before a flow that may ask a person: old tokens play no part in it."""
        await self.read()
        self.context.current_tokens = None
        self.context.token_expiry_time = None
        registered, wanted = self.context.client_info, self.context.client_metadata.redirect_uris
        if registered is not None and self.identity.client_id is None:
            # A registration is for the addresses that it names.
            usable = not wanted or wanted[0] in (registered.redirect_uris or [])
            self.context.client_info = registered if usable else None
        self._initialized = True

    def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """The requests that one request of the connection becomes; called by the HTTP client."""
        if self._authorize is not None:
            return super().async_auth_flow(request)
        return self._unattended(request)

    async def _unattended(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        token = await self._ready()
        _bear(request, token)
        response = yield request
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            renewed = await self._renewed(token)
            if renewed is not None:
                _bear(request, renewed)
                response = yield request
        await self._judge(response)

    async def _ready(self) -> str | None:
        """A token that will do for a while; None if there is none."""
        if not self._initialized or self.grant.due:
            async with self.context.lock:
                if not self._initialized:
                    await self.read()
                    self._initialized = True
                if self.grant.due:
                    await self._renew()
        return None if self.grant.expired else self.grant.access_token

    async def _renewed(self, refused: str | None) -> str | None:
        """Another token than the one that was refused; None if none is to be had."""
        async with self.context.lock:
            if self.grant.access_token == refused:
                # Somebody may have signed in meanwhile.
                await self.read()
            if self.grant.access_token == refused:
                await self._renew()
            found = None if self.grant.expired else self.grant.access_token
        return found if found != refused else None

    async def _renew(self) -> None:
        """Exchange the refresh token. Whom nobody answers is asked again later, not each time."""
        if not self.context.can_refresh_token() or time.monotonic() < self._patience:
            return
        self._patience = time.monotonic() + _PATIENCE
        asked = await self._refresh_token()
        try:
            check_safe(str(asked.url))
            async with self.reach.client(timeout=_RENEWAL_TIMEOUT) as client:
                response = await client.send(asked)
        except (httpx2.TransportError, OAuthFlowError) as error:
            _log.warning("The login to %s could not be renewed: %s", self.server, error)
            return
        if response.status_code == HTTPStatus.OK and await self._handle_refresh_response(response):
            self._patience = 0.0
        elif response.status_code in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED):
            self.context.clear_tokens()
            self.grant.tokens, self.grant.expires_at = None, None
            await self.keep()
        else:
            self.context.current_tokens = _parsed(OAuthToken, self.grant.tokens)

    async def _judge(self, response: httpx2.Response) -> None:
        status = response.status_code
        short = status == HTTPStatus.FORBIDDEN and (
            extract_field_from_www_auth(response, "error") == "insufficient_scope"
        )
        if status != HTTPStatus.UNAUTHORIZED and not short:
            self.refusal = None
            return
        scope = extract_scope_from_www_auth(response) or ""
        if short and not set(scope.split()) <= set(self.grant.wanted.split()):
            granted = (self.grant.tokens or {}).get("scope")
            self.grant.wanted = union_scopes(granted, scope) or ""
            await self.keep()
        self.refusal = self._refused(scope if short else None)

    def _refused(self, scope: str | None) -> MuxiError:
        """What a person has to know and do; `scope` is what was missing, if that was all."""
        if scope is not None:
            words = (
                f"The MCP server {self.server} asks for more rights{f': {scope}' if scope else ''}."
            )
        elif self.grant.access_token is not None:
            words = f"The MCP server {self.server} no longer accepts its login."
        else:
            words = f"The MCP server {self.server} asks for a login."
        return self._refuse(words)

    def _login_needed(self, words: str) -> MuxiError:
        hint = f"`muxi mcp login {self.server}` signs in."
        return LoginNeeded(words, hint=hint, server=self.server)

    async def _perform_authorization(self) -> httpx2.Request:
        context, own = self.context, self.identity.client_id
        if own is not None and (
            context.client_info is None or context.client_info.client_id != own
        ):
            where = self._expected_issuer()
            raise OAuthFlowError(f"the server now trusts {where}, where {own} is not registered")
        more = union_scopes(" ".join(self.identity.scopes), self.grant.wanted)
        context.client_metadata.scope = union_scopes(context.client_metadata.scope, more)
        if (metadata := context.oauth_metadata) is not None:
            check_safe(str(metadata.authorization_endpoint))
            check_safe(str(metadata.token_endpoint))
            if "S256" not in (metadata.code_challenge_methods_supported or ()):
                raise OAuthFlowError("the authorization server does not support PKCE with S256")
        return await super()._perform_authorization()

    async def _perform_authorization_code_grant(self) -> tuple[str, str]:
        """What the SDK calls for a code and its verifier (RFC 6749, 4.1; RFC 7636)."""
        assert self._authorize is not None
        keys = PKCEParameters.generate()
        waiting = Waiting(
            grant=self._noted().model_copy(update={"tokens": None}),
            redirect_url=self._redirect_url,
            state=secrets.token_urlsafe(32),
            verifier=keys.code_verifier,
            scope=self.context.client_metadata.scope,
            protocol=self.context.protocol_version,
            expires_at=time.time() + PATIENCE,
        )
        answer = await self._authorize(self._page(waiting, keys.code_challenge), waiting)
        return self._code(waiting, answer), waiting.verifier

    def _page(self, waiting: Waiting, challenge: str) -> str:
        """The address at which a person grants access."""
        context = self.context
        assert context.client_info is not None
        asked = {
            "response_type": "code",
            "client_id": context.client_info.client_id,
            "redirect_uri": waiting.redirect_url,
            "state": waiting.state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        if context.should_include_resource_param(waiting.protocol):
            asked["resource"] = context.get_resource_url()
        if waiting.scope:
            asked["scope"] = waiting.scope
            if "offline_access" in waiting.scope.split():
                # OpenID Connect Core, 11: it is ignored without consent.
                asked["prompt"] = "consent"
        metadata = context.oauth_metadata
        endpoint = metadata and str(metadata.authorization_endpoint)
        endpoint = endpoint or urljoin(context.server_url, "/authorize")
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    def _code(self, waiting: Waiting, answer: LoginAnswer) -> str:
        """The code that a browser came back with, if it comes from where it was sent."""
        if answer.error is not None or answer.code is None:
            raise OAuthFlowError(answer.error_description or answer.error or "no code came back")
        if not hmac.compare_digest((answer.state or "").encode(), waiting.state.encode()):
            raise OAuthFlowError("State parameter mismatch: this answer is to another login")
        validate_authorization_response_iss(answer.iss, self.context.oauth_metadata)
        return answer.code

    async def redeem(self, waiting: Waiting, answer: LoginAnswer) -> None:
        """Go on with a login that waited for a person, and keep it.

        Raises:
            OAuthFlowError: The person or the authorization server said no.
        """
        self._take_over(waiting.grant)
        self.context.client_metadata.scope = waiting.scope
        self.context.protocol_version = waiting.protocol
        code = self._code(waiting, answer)
        asked = await self._exchange_token_authorization_code(code, waiting.verifier)
        check_safe(str(asked.url))
        async with self.reach.client(timeout=_RENEWAL_TIMEOUT) as client:
            await self._handle_token_response(await client.send(asked))


class _Kept:
    """The SDK's view of where a login is kept."""

    def __init__(self, auth: ServerAuth) -> None:
        self._auth = auth

    async def get_tokens(self) -> OAuthToken | None:
        return self._auth.context.current_tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        await self._auth.keep_tokens(tokens)

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self._auth.context.client_info

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self._auth.context.client_info = client_info


def check_safe(address: str) -> None:
    """Raises `OAuthFlowError` for an address to which a secret would travel in the open."""
    parts = urlsplit(address)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise OAuthFlowError(f"{parts.scheme}://{parts.netloc} is not reached over HTTPS")


def _bear(request: httpx2.Request, token: str | None) -> None:
    if token is not None:
        request.headers["Authorization"] = f"Bearer {token}"


def _plain(value: BaseModel | None) -> dict[str, Any] | None:
    return None if value is None else value.model_dump(mode="json", exclude_none=True)


def _parsed(kind: type[Metadata], value: dict[str, Any] | None) -> Metadata | None:
    """What was kept, if it still has the form that this version of the SDK gives it."""
    try:
        return None if value is None else kind.model_validate(value)
    except ValidationError:
        return None
