"""Logins of the project to its remote MCP servers: begun and finished by doors, kept as secrets.

Called by `mcp` and by doors. Tokens stay here and in the store: no door is told one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from muxi.config.mcp_settings import McpServerSettings
from muxi.config.project import Project
from muxi.core.errors import InvalidInput, NotFound, SecretMissing
from muxi.core.mcp_login import LoginAnswer
from muxi.runtime.secrets import Secrets

if TYPE_CHECKING:
    from muxi.mcp.oauth.grant import Identity
    from muxi.mcp.oauth.login import Login
    from muxi.mcp.oauth.machine import MachineAuth
    from muxi.mcp.oauth.provider import ServerAuth


@dataclass(frozen=True, slots=True)
class SecretVault:
    """Keeps each login as one secret of the project."""

    secrets: Secrets

    async def load(self, server: str) -> str | None:
        """See `mcp.oauth.grant.Vault`."""
        try:
            return await self.secrets.get(_secret(server))
        except SecretMissing:
            return None

    async def save(self, server: str, text: str) -> None:
        """See `mcp.oauth.grant.Vault`."""
        await self.secrets.put(_secret(server), text)

    async def drop(self, server: str) -> None:
        """See `mcp.oauth.grant.Vault`."""
        try:
            await self.secrets.delete(_secret(server))
        except SecretMissing:
            return


@dataclass(kw_only=True)
class McpLogins:
    """The logins of one project."""

    project: Project
    secrets: Secrets
    _open: dict[str, Login] = field(default_factory=dict[str, "Login"], init=False)

    @property
    def vault(self) -> SecretVault:
        """Where they are kept."""
        return SecretVault(self.secrets)

    async def auth(self, name: str, settings: McpServerSettings) -> ServerAuth | MachineAuth | None:
        """What puts credentials on the requests to a server; None if its headers have them.

        Raises:
            SecretMissing: The client's password is not set.
        """
        if settings.url is None or _has_header(settings):
            return None
        identity = await self._identity(settings)
        if identity is not None and _by_itself(settings):
            from muxi.mcp.oauth.machine import MachineAuth

            return MachineAuth(name, settings.url, identity)
        from muxi.mcp.oauth.provider import ServerAuth

        return ServerAuth(name, settings.url, self.vault, identity=identity)

    async def begin(self, name: str, redirect_url: str) -> str | None:
        """The page on which a person grants access; None if the server wants no login.

        A login to the same server that was begun before is given up.

        Raises:
            NotFound: There is no such server.
            InvalidInput: It is none to sign in to.
            LoginNeeded: It does not play by the rules.
            ServerUnavailable: It cannot be reached.
        """
        settings = self._remote(name)
        from muxi.mcp.oauth.login import Login

        assert settings.url is not None
        if (former := self._open.pop(name, None)) is not None:
            await former.cancel()
        identity = await self._identity(settings)
        login = self._open[name] = Login(
            name, settings.url, self.vault, redirect_url=redirect_url, identity=identity
        )
        return await login.begin()

    async def finish(self, name: str, answer: LoginAnswer) -> None:
        """Take what the browser came back with.

        Raises:
            NotFound: No login to this server was begun.
            Conflict: It was finished or given up already.
            LoginNeeded: The person or the authorization server said no.
            ServerUnavailable: A server cannot be reached.
        """
        login = self._open.pop(name, None)
        if login is None:
            raise NotFound(f"No login to {name[:64]} was begun.", hint="Begin one.")
        await login.finish(answer)

    async def log_out(self, name: str) -> bool:
        """Forget the login to a server, and revoke it there. Returns whether there was one.

        Raises:
            NotFound: There is no such server.
            InvalidInput: It is none to sign in to.
        """
        settings = self._remote(name)
        from muxi.mcp.oauth.login import log_out

        assert settings.url is not None
        return await log_out(name, settings.url, self.vault)

    async def close(self) -> None:
        """Give up the logins that wait for a person."""
        for login in self._open.values():
            await login.cancel()
        self._open.clear()

    def _remote(self, name: str) -> McpServerSettings:
        declared = self.project.mcp.servers
        settings = declared.get(name)
        if settings is None:
            there = ", ".join(declared) or "none"
            raise NotFound(f"There is no MCP server {name[:64]}.", hint=f"There is: {there}.")
        if settings.url is None:
            raise InvalidInput(f"{name} is a local server, which needs no login.")
        if _by_itself(settings):
            raise InvalidInput(f"muxi signs in to {name} by itself: its `grant` is `client`.")
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
        secret = auth.client_secret
        return Identity(
            client_id=auth.client_id,
            client_secret=None if secret is None else await self.secrets.resolve(secret),
            issuer=auth.issuer,
            client_metadata_url=auth.client_metadata_url,
            scopes=tuple(auth.scopes),
        )


def _secret(server: str) -> str:
    """The name of the secret that a login is kept under."""
    return f"mcp.{server}.login"


def _by_itself(settings: McpServerSettings) -> bool:
    return settings.auth is not None and settings.auth.grant == "client"


def _has_header(settings: McpServerSettings) -> bool:
    return any(name.lower() == "authorization" for name in settings.headers)
