"""Tables of users who are known elsewhere, and of master keys that a key service has wrapped. Part
of `schema`."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, Table

from muxi.storage.columns import metadata, number, of, text

# Who somebody of another issuer is here. A subject never changes, unlike names and addresses.
foreign_identities = Table(
    "foreign_identities",
    metadata,
    text("tenant", key=True),
    text("issuer", key=True),
    text("subject", key=True),
    text("user_id"),
    number("created_at"),
    number("seen_at"),
    text("record"),
    of("users", "user_id"),
    Index("ix_foreign_identities_user", "tenant", "user_id"),
    sqlite_with_rowid=False,
)

# The project's own, in its first tenant: the newest seals, the others still open what they sealed.
master_keys = Table(
    "master_keys",
    metadata,
    text("tenant", key=True),
    text("id", key=True),
    Column("wrapped", LargeBinary, nullable=False),
    number("created_at"),
    sqlite_with_rowid=False,
)
