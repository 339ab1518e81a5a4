"""Tables of who may do what, and of what was done. Part of `schema`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table

from muxi.storage.columns import metadata, number, partial, text

roles = Table(
    "roles",
    metadata,
    text("tenant", key=True),
    text("name", key=True),
    number("updated_at"),
    text("record"),
    sqlite_with_rowid=False,
)

policies = Table(
    "policies",
    metadata,
    text("tenant", key=True),
    text("name", key=True),
    number("updated_at"),
    text("record"),
    sqlite_with_rowid=False,
)

# What was done, in the order in which it was stored; numbered and linked when it is sealed.
audit = Table(
    "audit",
    metadata,
    text("tenant", key=True),
    text("id", key=True),
    number("seq", null=True),
    text("actor"),
    text("action"),
    text("outcome"),
    # The very text that the link is computed from.
    text("record"),
    text("hash", null=True),
    partial("uq_audit_seq", "tenant", "seq", where="seq IS NOT NULL", unique=True),
    partial("ix_audit_unsealed", "tenant", "id", where="seq IS NULL"),
    Index("ix_audit_actor", "tenant", "actor", "id"),
    sqlite_with_rowid=False,
)

audit_seals = Table(
    "audit_seals",
    metadata,
    text("tenant", key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    number("seq"),
    number("sealed_at"),
    text("hash"),
    text("key"),
    text("signature"),
    # Of the first seal, once what it and those before it cover was removed: who says so.
    text("cut", null=True),
    sqlite_with_rowid=False,
)
