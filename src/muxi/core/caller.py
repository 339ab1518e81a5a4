"""Who asks, and by what right: made at a door from a credential, read by policy, budgets and audit.

`identity` and the doors make callers; nobody may make one from what a request merely claims.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from muxi.core.errors import AccessDenied
from muxi.core.scope import Scope
from muxi.core.users import user_id

DEFAULT_TENANT: Final = "default"
"""The tenant that every project has."""

LOCAL_USER: Final = "local"
"""The person who may read the project's token file. Nobody else can have this id."""

CredentialKind = Literal["local", "session", "key", "jwt", "none"]


@dataclass(frozen=True, slots=True)
class Credential:
    """What the caller showed, without the secret in it."""

    kind: CredentialKind
    id: str = ""
    """Names the key, the session or the token, for logs and for whoever revokes it."""
    scopes: frozenset[str] | None = None
    """Patterns of the actions it is good for; None for all that its user may do."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller: who they are, what they belong to, and what they showed."""

    tenant: str
    user: str | None
    """The user or service account whose credential it is; None for a stranger."""
    credential: Credential
    groups: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    """The user's own and those of their groups."""
    acting_for: str | None = None
    """The user for whom `user` acts, whose data is meant; None for themselves."""

    @property
    def subject(self) -> str:
        """The user whose data is meant.

        Raises:
            AccessDenied: Nobody has signed in.
        """
        subject = self.acting_for or self.user
        if subject is None:
            raise AccessDenied("Nobody has signed in.")
        return subject

    @property
    def scope(self) -> Scope:
        """What services and transactions are given.

        Raises:
            AccessDenied: Nobody has signed in: a scope without a user would be the whole tenant's.
        """
        return Scope(self.tenant, self.subject)

    def acting(self, user: str) -> Caller:
        """This caller, on behalf of another user of the same tenant.

        Raises:
            InvalidInput: `user` is no id of a user.
        """
        return replace(self, acting_for=user_id(user))


LOCAL_CALLER: Final = Caller(
    tenant=DEFAULT_TENANT,
    user=LOCAL_USER,
    credential=Credential("local"),
    roles=frozenset({"admin"}),
)
"""The person at this machine, who may read the token file."""

STRANGER: Final = Caller(tenant=DEFAULT_TENANT, user=None, credential=Credential("none"))
"""Whoever asks for what is open to all."""
