"""Tables of what clients send: requests that may come twice, files, and who keeps these elsewhere.
Part of `schema`."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, Table

from muxi.storage.columns import metadata, number, partial, text

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    text("tenant", key=True),
    text("owner", key=True),
    text("key", key=True),
    text("fingerprint"),
    text("run_id"),
    text("holder"),
    number("created_at"),
    text("state"),
    Column("answer", LargeBinary),
    Index("ix_idempotency_keys_age", "tenant", "created_at"),
    Index("ix_idempotency_keys_owner", "tenant", "owner", "created_at"),
    sqlite_with_rowid=False,
)

# Their bytes are blobs; while they are sent, files beside those.
files = Table(
    "files",
    metadata,
    text("tenant", key=True),
    text("id", key=True),
    text("owner"),
    text("hash", null=True),
    number("size"),
    number("created_at"),
    number("expires_at", null=True),
    text("record"),
    Index("ix_files_owner", "tenant", "owner", "id"),
    partial("ix_files_expiry", "tenant", "expires_at", where="expires_at IS NOT NULL"),
    sqlite_with_rowid=False,
)

# What providers of models keep of blobs. Where the blob is gone, it is to be deleted there.
provider_files = Table(
    "provider_files",
    metadata,
    text("tenant", key=True),
    text("account", key=True),
    text("file_id", key=True),
    text("provider"),
    text("hash"),
    text("form"),
    number("created_at"),
    number("expires_at", null=True),
    number("attempts"),
    number("next_try"),
    # When the provider failed first to delete it.
    number("failed_at", null=True),
    Index("ix_provider_files_blob", "tenant", "hash", "account", "form"),
    sqlite_with_rowid=False,
)
