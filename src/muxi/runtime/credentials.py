"""Users' own credentials: a user's for the runs of that user, before the project's.

Called by agents as the port `Credentials`, for tools that ask for one, and by doors that set one.
Only what the project declares under `identity.credentials` can be brought: whoever could replace
any secret could send a tool of the project anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from muxi.config.credential_settings import CredentialSettings
from muxi.core import owners
from muxi.core.credentials import CredentialInfo
from muxi.core.errors import NotFound, SecretMissing
from muxi.core.ports import Context
from muxi.runtime.principal import Principal
from muxi.runtime.sealed import Sealed
from muxi.runtime.secrets import Secrets
from muxi.storage.records import column, instant


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCredentials:
    """The credentials that users of one project bring."""

    declared: Mapping[str, CredentialSettings]
    sealed: Sealed
    secrets: Secrets

    async def secret(self, ctx: Context, name: str) -> str:
        """The value for the user of a run; see `core.ports.Credentials`."""
        return await self.value(Principal(ctx.tenant, ctx.user), name)

    async def value(self, who: Principal, name: str) -> str:
        """A user's own credential of that name, else the project's.

        Raises:
            SecretMissing: Neither is set, or the user must have one and has none.
        """
        settings = self.declared.get(name)
        if settings is not None:
            own = await self.own(who, name)
            if own is not None:
                return own
            if settings.required:
                hint = f"Set it with `muxi credentials set {name}`. {settings.help or ''}".strip()
                raise SecretMissing(
                    f"{settings.title or name}: this needs a credential of your own.",
                    hint=hint,
                    name=name,
                )
        return await self.secrets.get(name)

    async def own(self, who: Principal, name: str) -> str | None:
        """A user's own value of that name; None if there is none."""
        if who.principal is None:
            return None
        try:
            return await self.sealed.get(who, name, owner=_owner(who))
        except SecretMissing:
            return None

    async def infos(self, who: Principal) -> list[CredentialInfo]:
        """What a user can bring, and what they have."""
        marks = await self.sealed.names(who, owner=_owner(who))
        return [
            CredentialInfo(
                name=name,
                title=settings.title or name,
                help=settings.help,
                required=settings.required,
                updated_at=instant(marks[name]) if name in marks else None,
            )
            for name, settings in self.declared.items()
        ]

    async def put(self, who: Principal, name: str, value: str) -> None:
        """Store a user's own value. Raises `NotFound` if the project declares none of that name."""
        self._check(name)
        await self.sealed.put(who, name, value, owner=_owner(who))

    async def delete(self, who: Principal, name: str) -> None:
        """Forget a user's own value.

        Raises:
            NotFound: The project declares none of that name.
            SecretMissing: The user has set none.
        """
        self._check(name)
        await self.sealed.delete(who, name, owner=_owner(who))

    def _check(self, name: str) -> None:
        if name not in self.declared:
            there = ", ".join(self.declared) or "none"
            raise NotFound(
                f"This project asks its users for no credential {name[:128]}.",
                hint=f"It asks for: {there}; see `identity.credentials` in muxi.yaml.",
            )


def _owner(who: Principal) -> str:
    return owners.user(column(who.principal or ""))
