"""Users' own credentials: a user's for the runs of that user, before the project's.

Called by agents as the port `Credentials`, by `tools` and `mcp` for settings that refer to them,
and by doors that set one. Only what the project declares under `identity.credentials` can be
brought: whoever could replace any secret could send a tool of the project anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from muxi.config.project import Project
from muxi.core import owners
from muxi.core.credentials import CredentialInfo
from muxi.core.errors import CredentialMissing, NotFound, SecretMissing
from muxi.core.ports import Context
from muxi.runtime.principal import Principal
from muxi.runtime.sealed import Sealed
from muxi.runtime.secrets import Secrets
from muxi.storage.records import column, instant

LOGIN = "mcp."
"""Before the name of a server, it names the login of a user there."""


@dataclass(slots=True, kw_only=True)
class UserCredentials:
    """The credentials that users of one project bring."""

    project: Project
    sealed: Sealed
    secrets: Secrets
    page: str | None = None
    """Where users bring theirs with a browser; None if this process has no page."""

    async def secret(self, ctx: Context, name: str) -> str:
        """The value for the user of a run; see `core.ports.Credentials`."""
        return await self.value(Principal(ctx.tenant, ctx.user), name)

    async def value(self, who: Principal, name: str) -> str:
        """A user's own credential of that name, else the project's.

        Raises:
            CredentialMissing: The user could bring it, or must, and has not.
            SecretMissing: It is the project's alone, and is not set.
        """
        settings = self.project.identity.credentials.get(name)
        if settings is None:
            return await self.secrets.get(name)
        own = await self.own(who, name)
        if own is not None:
            return own
        if not settings.required:
            try:
                return await self.secrets.get(name)
            except SecretMissing:
                pass
        raise self.missing(name, f"{settings.title or name}: this needs a credential of your own.")

    def missing(self, name: str, words: str) -> CredentialMissing:
        """The error for a user without that credential, which says where to bring it."""
        if name.startswith(LOGIN):
            command = f"Sign in with `muxi mcp login {name.removeprefix(LOGIN)}`"
        else:
            command = f"Set it with `muxi credentials set {name}`"
        settings = self.project.identity.credentials.get(name)
        where = f" or at {self.page}" if self.page else ""
        about = f" {settings.help}" if settings is not None and settings.help else ""
        return CredentialMissing(words, hint=f"{command}{where}.{about}", name=name)

    async def own(self, who: Principal, name: str) -> str | None:
        """A user's own value of that name; None if there is none."""
        if who.principal is None:
            return None
        try:
            return await self.sealed.get(who, name, owner=owner_of(who))
        except SecretMissing:
            return None

    async def infos(self, who: Principal) -> list[CredentialInfo]:
        """What a user can bring, and what they have."""
        marks = await self.sealed.names(who, owner=owner_of(who))
        found = [
            CredentialInfo(
                name=name,
                title=settings.title or name,
                help=settings.help,
                required=settings.required,
                updated_at=instant(marks[name]) if name in marks else None,
            )
            for name, settings in self.project.identity.credentials.items()
        ]
        for server, settings in self.project.mcp.servers.items():
            if settings.signs_in and settings.enabled:
                at = marks.get(login_of(server))
                login = CredentialInfo(
                    name=f"{LOGIN}{server}",
                    kind="login",
                    title=server,
                    required=True,
                    updated_at=None if at is None else instant(at),
                )
                found.append(login)
        return found

    async def put(self, who: Principal, name: str, value: str) -> None:
        """Store a user's own value. Raises `NotFound` if the project declares none of that name."""
        self._check(name)
        await self.sealed.put(who, name, value, owner=owner_of(who))

    async def delete(self, who: Principal, name: str) -> None:
        """Forget a user's own value.

        Raises:
            NotFound: The project declares none of that name.
            SecretMissing: The user has set none.
        """
        self._check(name)
        await self.sealed.delete(who, name, owner=owner_of(who))

    def _check(self, name: str) -> None:
        declared = self.project.identity.credentials
        if name not in declared:
            there = ", ".join(declared) or "none"
            raise NotFound(
                f"This project asks its users for no credential {name[:128]}.",
                hint=f"It asks for: {there}; see `identity.credentials` in muxi.yaml.",
            )


def owner_of(who: Principal) -> str:
    """The owner of what a user brings."""
    return owners.user(column(who.principal or ""))


def login_of(server: str) -> str:
    """The name that a login to a server is kept under, the project's or a user's."""
    return f"mcp.{server}.login"
