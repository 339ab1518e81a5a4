"""Schema 1: everything that the first release stores."""

from __future__ import annotations

import time

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
)

from muxi.storage.columns import TransactionNumber, tables
from muxi.storage.columns import number as _number
from muxi.storage.columns import of as _of
from muxi.storage.columns import partial as _partial
from muxi.storage.columns import text as _text
from muxi.storage.migrations.security import protect, protect_schema, protect_tenants

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

OLDEST_PROGRAM = "0.1.0"

metadata = tables()

tenants = Table("tenants", metadata, _text("tenant", key=True), _number("created_at"))

threads = Table(
    "threads",
    metadata,
    _text("tenant", key=True),
    _text("id", key=True),
    _text("owner"),
    _text("leaf_id", null=True),
    _number("created_at"),
    _number("updated_at"),
    _text("record"),
    Index(None, "tenant", "updated_at", "id"),
    sqlite_with_rowid=False,
)

participants = Table(
    "participants",
    metadata,
    _text("tenant", key=True),
    _text("principal", key=True),
    _text("thread_id", key=True),
    _text("role"),
    _number("joined_at"),
    _of("threads", "thread_id"),
    Index(None, "tenant", "thread_id"),
    sqlite_with_rowid=False,
)

messages = Table(
    "messages",
    metadata,
    _text("tenant", key=True),
    _text("id", key=True),
    _text("thread_id"),
    _text("parent_id", null=True),
    _text("run_id", null=True),
    _text("author", null=True),
    _text("role"),
    _number("created_at"),
    _text("record"),
    _of("threads", "thread_id"),
    Index(None, "tenant", "thread_id", "parent_id"),
)

runs = Table(
    "runs",
    metadata,
    _text("tenant", key=True),
    _text("id", key=True),
    _text("thread_id"),
    _text("owner"),
    _text("agent"),
    _text("agent_hash", null=True),
    _text("status"),
    _text("input_id", null=True),
    _text("root_run_id", null=True),
    _text("parent_run_id", null=True),
    _number("attempt"),
    _number("created_at"),
    _number("finished_at", null=True),
    _text("record"),
    _of("threads", "thread_id"),
    Index(None, "tenant", "thread_id", "id"),
    _partial("ix_runs_open", "tenant", "status", where="finished_at IS NULL"),
    sqlite_with_rowid=False,
)

steps = Table(
    "steps",
    metadata,
    _text("tenant", key=True),
    _text("run_id", key=True),
    _text("key", key=True),
    _number("number"),
    _number("attempt"),
    _text("kind"),
    _text("state"),
    _text("input_hash"),
    _number("opened_at"),
    _number("closed_at", null=True),
    _text("record"),
    _of("runs", "run_id"),
    _partial("ix_steps_suspended", "tenant", "kind", where="state = 'suspended'"),
    sqlite_with_rowid=False,
)

events = Table(
    "events",
    metadata,
    # Together, in this order, the cursor of project-wide views: no row ever appears behind one
    # that a reader has been given.
    Column("transaction_number", BigInteger, nullable=False, server_default=TransactionNumber()),
    Column(
        "position",
        BigInteger().with_variant(Integer, "sqlite"),
        Identity(),
        primary_key=True,
    ),
    _text("tenant"),
    _text("thread_id"),
    _text("run_id"),
    _text("root_run_id"),
    _text("parent_run_id", null=True),
    _number("attempt"),
    _number("seq"),
    _number("last_seq"),
    _text("type"),
    _number("created_at"),
    _text("record"),
    _of("threads", "thread_id"),
    Index("uq_events_seq", "tenant", "thread_id", "seq", unique=True),
    Index("ix_events_cursor", "tenant", "transaction_number", "position").ddl_if("postgresql"),
    sqlite_autoincrement=True,
)

sequences = Table(
    "sequences",
    metadata,
    _text("tenant", key=True),
    _text("thread_id", key=True),
    _number("next_seq"),
    _of("threads", "thread_id"),
    sqlite_with_rowid=False,
)

leases = Table(
    "leases",
    metadata,
    _text("tenant", key=True),
    _text("kind", key=True),
    _text("id", key=True),
    _text("holder"),
    _number("fence"),
    _number("expires_at"),
    sqlite_with_rowid=False,
)

blobs = Table(
    "blobs",
    metadata,
    _text("tenant", key=True),
    _text("hash", key=True),
    _number("size"),
    _text("media_type"),
    _number("created_at"),
    sqlite_with_rowid=False,
)

blob_uses = Table(
    "blob_uses",
    metadata,
    _text("tenant", key=True),
    _text("hash", key=True),
    _text("holder", key=True),
    _of("blobs", "hash", "hash"),
    Index(None, "tenant", "holder"),
    sqlite_with_rowid=False,
)

secrets = Table(
    "secrets",
    metadata,
    _text("tenant", key=True),
    _text("owner", key=True),
    _text("name", key=True),
    _text("key_id"),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    _number("created_at"),
    _number("updated_at"),
    sqlite_with_rowid=False,
)

agents = Table(
    "agents",
    metadata,
    _text("tenant", key=True),
    _text("name", key=True),
    _text("hash"),
    _text("owner"),
    _number("updated_at"),
    sqlite_with_rowid=False,
)

agent_versions = Table(
    "agent_versions",
    metadata,
    _text("tenant", key=True),
    _text("name", key=True),
    _text("hash", key=True),
    _number("number"),
    _text("author"),
    _number("created_at"),
    _text("record"),
)

usage = Table(
    "usage",
    metadata,
    _text("tenant", key=True),
    _text("run_id", key=True),
    Column("attempt", BigInteger, primary_key=True),
    _text("thread_id"),
    _text("root_run_id"),
    _text("owner"),
    _text("agent"),
    _text("agent_hash", null=True),
    _text("model", null=True),
    _text("status"),
    _number("requests"),
    _number("tool_calls"),
    _number("input_tokens"),
    _number("output_tokens"),
    _number("cached_tokens"),
    _number("cache_write_tokens"),
    _number("reasoning_tokens"),
    _number("nano_dollars", null=True),
    _number("microseconds"),
    _number("created_at"),
    _text("record"),
    Index(None, "tenant", "created_at"),
    sqlite_with_rowid=False,
)

schema_info = Table(
    "schema_info",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    _text("oldest_program"),
    _number("applied_at"),
)


def upgrade() -> None:
    """Make all tables; on PostgreSQL, bind every role by row-level security."""
    connection = op.get_bind()
    metadata.create_all(connection)
    connection.execute(
        schema_info.insert().values(
            version=1, oldest_program=OLDEST_PROGRAM, applied_at=time.time_ns() // 1000
        )
    )
    if connection.dialect.name == "postgresql":
        special = {"tenants", "schema_info"}
        protect(connection, [name for name in metadata.tables if name not in special])
        protect_tenants(connection, "tenants")
        protect_schema(connection, ["schema_info", "alembic_version"])


def downgrade() -> None:
    """Remove all tables."""
    metadata.drop_all(op.get_bind())
