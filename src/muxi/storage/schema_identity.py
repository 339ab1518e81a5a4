"""Tables of users, groups, and the credentials that users show to muxi. Part of `schema`."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, Table

from muxi.storage.columns import metadata, number, of, partial, text

users = Table(
    "users",
    metadata,
    text("tenant", key=True),
    text("id", key=True),
    text("kind"),
    text("email", null=True),
    # As argon2 writes it, with its parameters and its salt.
    text("password", null=True),
    number("disabled_at", null=True),
    number("created_at"),
    text("record"),
    partial("uq_users_email", "tenant", "email", where="email IS NOT NULL", unique=True),
    sqlite_with_rowid=False,
)

groups = Table(
    "groups",
    metadata,
    text("tenant", key=True),
    text("name", key=True),
    number("created_at"),
    text("record"),
    sqlite_with_rowid=False,
)

memberships = Table(
    "memberships",
    metadata,
    text("tenant", key=True),
    text("group_name", key=True),
    text("user_id", key=True),
    of("groups", "group_name", "name"),
    of("users", "user_id"),
    Index("ix_memberships_user", "tenant", "user_id"),
    sqlite_with_rowid=False,
)

# Keys, sessions and links to sign in: each known by its id, and by a digest of its secret.
credentials = Table(
    "credentials",
    metadata,
    text("tenant", key=True),
    text("id", key=True),
    text("kind"),
    text("user_id"),
    Column("digest", LargeBinary, nullable=False),
    number("created_at"),
    number("expires_at", null=True),
    number("used_at", null=True),
    text("record"),
    of("users", "user_id"),
    Index("ix_credentials_user", "tenant", "user_id", "kind", "id"),
    Index("ix_credentials_expiry", "tenant", "expires_at"),
    sqlite_with_rowid=False,
)

# What opens one WebSocket, once and soon. Sealed is the credential that a ticket stands for.
tickets = Table(
    "tickets",
    metadata,
    text("tenant", key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    number("expires_at"),
    Index("ix_tickets_expiry", "tenant", "expires_at"),
    sqlite_with_rowid=False,
)
