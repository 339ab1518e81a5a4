"""Logins to remote MCP servers, of the project and of its users: begun and finished by doors.

Called by `mcp` and by doors. Tokens stay here and in the store, sealed: no door is told one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from muxi.config.mcp_settings import McpServerSettings
from muxi.config.project import Project
from muxi.core.errors import CredentialMissing, InvalidInput, NotFound, SecretMissing
from muxi.core.mcp_login import LoginAnswer
from muxi.runtime.credentials import LOGIN, UserCredentials, login_of, owner_of
from muxi.runtime.principal import LOCAL, Principal
from muxi.runtime.sealed import SYSTEM, Sealed

if TYPE_CHECKING:
    import httpx2

    from muxi.mcp.oauth.grant import Identity, Waiting


WAITING = "waiting:"
"""Before what is kept of a login that waits for a person. No name of a secret has a colon."""


def waiting_of(server: str) -> str:
    """The name under which a login to a server waits."""
    return f"{WAITING}{login_of(server)}"


@dataclass(frozen=True, slots=True)
class SealedVault:
    """Keeps each login as one sealed value: of the project, or of one of its users."""

    sealed: Sealed
    who: Principal
    owner: str

    async def load(self, server: str) -> str | None:
        """See `mcp.oauth.grant.Vault`."""
        try:
            return await self.sealed.get(self.who, login_of(server), owner=self.owner)
        except SecretMissing:
            return None

    async def save(self, server: str, text: str) -> None:
        """See `mcp.oauth.grant.Vault`."""
        await self.sealed.put(self.who, login_of(server), text, owner=self.owner)

    async def drop(self, server: str) -> None:
        """See `mcp.oauth.grant.Vault`."""
        try:
            await self.sealed.delete(self.who, login_of(server), owner=self.owner)
        except SecretMissing:
            return


@dataclass(kw_only=True)
class McpLogins:
    """The logins of one project. Methods that take `who` are about that user's own."""

    project: Project
    credentials: UserCredentials

    def vault(self, who: Principal | None) -> SealedVault:
        """Where they are kept."""
        sealed = self.credentials.sealed
        if who is None:
            return SealedVault(sealed, Principal(LOCAL.tenant, None), "")
        return SealedVault(sealed, who, owner_of(who))

    async def auth(
        self, name: str, settings: McpServerSettings, who: Principal | None = None
    ) -> httpx2.Auth | None:
        """What puts credentials on the requests to a server; None if its headers have them.

        Raises:
            SecretMissing: The client's password is not set.
        """
        if settings.url is None:
            return None
        if _has_header(settings):
            return self._own_headers(name, settings) if who is not None else None
        identity = await self._identity(settings)
        if identity is not None and _by_itself(settings):
            from muxi.mcp.oauth.machine import MachineAuth

            return MachineAuth(name, settings.url, identity)
        from muxi.mcp.oauth.provider import ServerAuth

        whose = who if settings.signs_in else None
        return ServerAuth(
            name,
            settings.url,
            self.vault(whose),
            identity=identity,
            refuse=None if whose is None else lambda words: self._missing(name, words),
        )

    async def check(self, name: str, settings: McpServerSettings, who: Principal) -> None:
        """Raise `CredentialMissing` unless a user has signed in to a server, for all we know."""
        from muxi.mcp.oauth.grant import Grant

        assert settings.url is not None
        kept = await self.vault(who).load(name) if who.principal is not None else None
        if Grant.parse(kept, settings.url).tokens is None:
            raise self._missing(name, f"The MCP server {name} asks for a login of your own.")

    def _own_headers(self, name: str, settings: McpServerSettings) -> httpx2.Auth:
        from muxi.mcp.own_headers import OwnHeaders

        own = settings.credentials
        words = f"The MCP server {name} does not accept your {' and '.join(own)}."
        return OwnHeaders(lambda: self.credentials.missing(own[0], words))

    def _missing(self, name: str, words: str) -> CredentialMissing:
        return self.credentials.missing(f"{LOGIN}{name}", words)

    async def begin(
        self, name: str, redirect_url: str, *, who: Principal | None = None
    ) -> str | None:
        """The page on which a person grants access; None if the server wants no login.

        A login to the same server that was begun before is given up.

        Raises:
            NotFound: There is no such server.
            InvalidInput: It is none to sign in to.
            LoginNeeded: It does not play by the rules.
            ServerUnavailable: It cannot be reached.
        """
        settings = self._remote(name, who)
        from muxi.mcp.oauth.login import Login

        assert settings.url is not None
        identity = await self._identity(settings)
        login = Login(
            name, settings.url, self.vault(who), redirect_url=redirect_url, identity=identity
        )
        asked = await login.begin()
        if asked is None:
            return None
        page, waiting = asked
        scope, owner = self._waiting(who)
        text = waiting.model_dump_json(exclude_none=True)
        await self.credentials.sealed.put(scope, waiting_of(name), text, owner=owner)
        return page

    async def finish(self, name: str, answer: LoginAnswer, *, who: Principal | None = None) -> None:
        """Take what the browser came back with, to whichever process it came.

        Raises:
            NotFound: No login to this server was begun, or it was finished or given up already.
            LoginNeeded: The person or the authorization server said no.
            ServerUnavailable: A server cannot be reached.
        """
        waiting = await self._take(name, who) if name in self.project.mcp.servers else None
        if waiting is None:
            raise NotFound(f"No login to {name[:64]} was begun.", hint="Begin one.")
        settings = self._remote(name, who)
        from muxi.mcp.oauth.login import Login

        assert settings.url is not None
        if waiting.grant.url != settings.url:
            raise NotFound(f"{name} is another server since the login was begun.")
        login = Login(
            name,
            settings.url,
            self.vault(who),
            redirect_url=waiting.redirect_url,
            identity=await self._identity(settings),
        )
        await login.finish(waiting, answer)

    async def _take(self, name: str, who: Principal | None) -> Waiting | None:
        """The login that waits, for whoever is the first to ask for it."""
        from muxi.mcp.oauth.grant import Waiting

        (scope, owner), sealed = self._waiting(who), self.credentials.sealed
        try:
            text = await sealed.get(scope, waiting_of(name), owner=owner)
            await sealed.delete(scope, waiting_of(name), owner=owner)
        except SecretMissing:
            return None
        try:
            found = Waiting.model_validate_json(text)
        except ValidationError:
            return None  # another version of muxi began it
        return found if time.time() < found.expires_at else None

    def _waiting(self, who: Principal | None) -> tuple[Principal, str]:
        """Where logins are kept that wait for a person: nobody is shown them."""
        if who is None:
            return Principal(LOCAL.tenant, None), SYSTEM
        return who, owner_of(who)

    async def sweep(self, tenant: str) -> None:
        """Forget logins of a tenant that nobody finished."""
        from muxi.mcp.oauth.grant import PATIENCE

        await self.credentials.sealed.forget(tenant, WAITING, seconds=PATIENCE)

    async def log_out(self, name: str, *, who: Principal | None = None) -> bool:
        """Forget the login to a server, and revoke it there. Returns whether there was one.

        Raises:
            NotFound: There is no such server.
            InvalidInput: It is none to sign in to.
        """
        settings = self._remote(name, who)
        from muxi.mcp.oauth.login import log_out

        assert settings.url is not None
        return await log_out(name, settings.url, self.vault(who))

    def _remote(self, name: str, who: Principal | None) -> McpServerSettings:
        declared = self.project.mcp.servers
        settings = declared.get(name)
        if settings is None:
            there = ", ".join(declared) or "none"
            raise NotFound(f"There is no MCP server {name[:64]}.", hint=f"There is: {there}.")
        if settings.url is None:
            raise InvalidInput(f"{name} is a local server, which needs no login.")
        if _by_itself(settings):
            raise InvalidInput(f"muxi signs in to {name} by itself: its `grant` is `client`.")
        if who is not None and not settings.signs_in:
            raise NotFound(f"{name} is not signed in to by users.", hint="See `auth.login`.")
        if who is None and settings.signs_in:
            raise InvalidInput(
                f"Each user signs in to {name} for themselves.",
                hint=f"`muxi mcp login {name}`, or `POST /api/credentials/{LOGIN}{name}/login`.",
            )
        if _has_header(settings):
            raise InvalidInput(
                f"{name} is given its credentials by `headers` in muxi.yaml.",
                hint="Take `Authorization` out of them to sign in instead.",
            )
        return settings

    async def _identity(self, settings: McpServerSettings) -> Identity | None:
        from muxi.mcp.oauth.grant import Identity

        auth = settings.auth
        if auth is None:
            return None
        secret, secrets = auth.client_secret, self.credentials.secrets
        return Identity(
            client_id=auth.client_id,
            client_secret=None if secret is None else await secrets.resolve(secret),
            issuer=auth.issuer,
            client_metadata_url=auth.client_metadata_url,
            scopes=tuple(auth.scopes),
        )


def _by_itself(settings: McpServerSettings) -> bool:
    return settings.auth is not None and settings.auth.grant == "client"


def _has_header(settings: McpServerSettings) -> bool:
    return any(name.lower() == "authorization" for name in settings.headers)
