"""Tenants, users, groups, keys and sessions, as doors show them. Made by `identity`.

None of them holds a secret: a new key is told once, by itself.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from muxi.core.permissions import PermissionText
from muxi.core.policies import RuleName
from muxi.core.record import Record

TENANT_ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
"""An id of a tenant: it stands in keys and in addresses, and is read aloud."""

TenantId = Annotated[str, StringConstraints(pattern=rf"^{TENANT_ID.pattern}$")]
GroupName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@:-]{0,99}$")]
"""A name of a group. It has no `/`: it stands in addresses."""
UserKind = Literal["person", "service"]


class Tenant(Record):
    """A customer or a department: nothing of one is ever seen by another."""

    id: TenantId
    name: str | None = None
    disabled: bool = False
    """Whether nobody of it may do anything."""
    created_at: datetime


class User(Record):
    """A person, or a service account, which has keys and no password."""

    id: str
    """What they sign in with, and whose data is theirs; unique in the tenant."""
    kind: UserKind = "person"
    name: str | None = None
    """To show."""
    email: str | None = None
    roles: list[RuleName] = Field(default_factory=list)
    """What they may do besides what their groups may."""
    groups: list[str] = Field(default_factory=list)
    disabled: bool = False
    """Whether none of their credentials is good."""
    has_password: bool = False
    created_at: datetime


class ForeignIdentity(Record):
    """Who a user is elsewhere: a subject of an issuer of OpenID Connect or of tokens."""

    issuer: str
    subject: str
    """Their name there, which is never given to another."""
    user: str
    """Who they are here."""
    name: str | None = None
    email: str | None = None
    """What the issuer said of them when they came last."""
    created_at: datetime
    seen_at: datetime


class Group(Record):
    """Users who share roles."""

    name: GroupName
    description: str = ""
    roles: list[RuleName] = Field(default_factory=list)
    created_at: datetime


class Key(Record):
    """A key of the API. Its secret was told when it was made, and is not kept."""

    id: str
    user: str
    name: str = ""
    """What it is for."""
    prefix: str
    """How the key begins, to recognise it by."""
    scopes: list[PermissionText] | None = None
    """What it is good for, at most what its user may do; None for all of that."""
    created_at: datetime
    expires_at: datetime | None = None
    used_at: datetime | None = None
    """When it was last used, to the minute."""
    replaced_by: str | None = None
    """The key that took its place; both are good until this one expires."""


class NewKey(Key):
    """A key that was just made."""

    key: str
    """The key itself. It is shown here and never again."""


class Session(Record):
    """A browser that is signed in."""

    id: str
    user: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    """When it was last used, to the minute."""
    address: str | None = None
    """Where it signed in from."""
    client: str | None = None
    """What the browser said of itself."""
    how: str = "password"
    """How it signed in: `password`, `link`, or the name of an identity provider."""
    current: bool = False
    """Whether it is the one that asks."""


class SignInLink(Record):
    """A link that signs one browser in, once."""

    url: str
    user: str
    expires_at: datetime


class Me(Record):
    """Who asks, as the server sees them."""

    tenant: str
    user: str
    acting_for: str | None = None
    credential: str
    """The kind: `local`, `session`, `key` or `jwt`."""
    credential_id: str | None = None
    roles: list[str]
    groups: list[str]
    scopes: list[str] | None = None
