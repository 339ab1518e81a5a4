"""Schema 3: many users. Who they are, what they show, what they may and what they use."""

from __future__ import annotations

import time
from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    LargeBinary,
    Table,
    select,
    text,
)

from muxi.storage.columns import TransactionNumber, tables
from muxi.storage.columns import number as _number
from muxi.storage.columns import of as _of
from muxi.storage.columns import partial as _partial
from muxi.storage.columns import text as _text
from muxi.storage.migrations.security import every_tenant, protect, protect_owned_anew
from muxi.storage.planner import tell_planner

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

VERSION = 3
OLDEST_PROGRAM = "0.1.0"

metadata = tables()

users = Table(
    "users",
    metadata,
    _text("tenant", key=True),
    _text("id", key=True),
    _text("kind"),
    _text("email", null=True),
    # As argon2 writes it, with its parameters and its salt.
    _text("password", null=True),
    _number("disabled_at", null=True),
    _number("created_at"),
    _text("record"),
    _partial("uq_users_email", "tenant", "email", where="email IS NOT NULL", unique=True),
    sqlite_with_rowid=False,
)

groups = Table(
    "groups",
    metadata,
    _text("tenant", key=True),
    _text("name", key=True),
    _number("created_at"),
    _text("record"),
    sqlite_with_rowid=False,
)

memberships = Table(
    "memberships",
    metadata,
    _text("tenant", key=True),
    _text("group_name", key=True),
    _text("user_id", key=True),
    _of("groups", "group_name", "name"),
    _of("users", "user_id"),
    Index("ix_memberships_user", "tenant", "user_id"),
    sqlite_with_rowid=False,
)

# Keys, sessions and links to sign in: each known by its id, and by a digest of its secret.
credentials = Table(
    "credentials",
    metadata,
    _text("tenant", key=True),
    _text("id", key=True),
    _text("kind"),
    _text("user_id"),
    Column("digest", LargeBinary, nullable=False),
    _number("created_at"),
    _number("expires_at", null=True),
    _number("used_at", null=True),
    _text("record"),
    _of("users", "user_id"),
    Index("ix_credentials_user", "tenant", "user_id", "kind", "id"),
    Index("ix_credentials_expiry", "tenant", "expires_at"),
    sqlite_with_rowid=False,
)

budgets = Table(
    "budgets",
    metadata,
    _text("tenant", key=True),
    _text("name", key=True),
    _number("updated_at"),
    _text("record"),
    sqlite_with_rowid=False,
)

# What one subject has consumed in one period, whichever budgets bound it.
balances = Table(
    "balances",
    metadata,
    _text("tenant", key=True),
    _text("subject", key=True),
    _text("period", key=True),
    Column("starts_at", BigInteger, primary_key=True, autoincrement=False),
    _number("ends_at"),
    _number("tokens"),
    _number("nano_dollars"),
    _number("runs"),
    _number("microseconds"),
    Index("ix_balances_end", "tenant", "ends_at"),
    sqlite_with_rowid=False,
)

# What calls under way may consume, where several processes share the balances. They expire, so
# that a process which dies gives back what it held.
reservations = Table(
    "reservations",
    metadata,
    _text("tenant", key=True),
    _text("id", key=True),
    _text("subject", key=True),
    _text("period", key=True),
    Column("starts_at", BigInteger, primary_key=True, autoincrement=False),
    _number("expires_at"),
    _number("tokens"),
    _number("nano_dollars"),
    _number("microseconds"),
    Index("ix_reservations_balance", "tenant", "subject", "period", "starts_at"),
    Index("ix_reservations_expiry", "tenant", "expires_at"),
    sqlite_with_rowid=False,
)

# Who somebody of another issuer is here. A subject never changes, unlike names and addresses.
foreign_identities = Table(
    "foreign_identities",
    metadata,
    _text("tenant", key=True),
    _text("issuer", key=True),
    _text("subject", key=True),
    _text("user_id"),
    _number("created_at"),
    _number("seen_at"),
    _text("record"),
    _of("users", "user_id"),
    Index("ix_foreign_identities_user", "tenant", "user_id"),
    sqlite_with_rowid=False,
)

# The project's own, in its first tenant: the newest seals, the others still open what they sealed.
master_keys = Table(
    "master_keys",
    metadata,
    _text("tenant", key=True),
    _text("id", key=True),
    Column("wrapped", LargeBinary, nullable=False),
    _number("created_at"),
    sqlite_with_rowid=False,
)


idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    _text("tenant", key=True),
    _text("owner", key=True),
    _text("key", key=True),
    _text("fingerprint"),
    _text("run_id"),
    _text("holder"),
    _number("created_at"),
    _text("state"),
    Column("answer", LargeBinary),
    Index("ix_idempotency_keys_age", "tenant", "created_at"),
    Index("ix_idempotency_keys_owner", "tenant", "owner", "created_at"),
    sqlite_with_rowid=False,
)

# Their bytes are blobs; while they are sent, files beside those.
files = Table(
    "files",
    metadata,
    _text("tenant", key=True),
    _text("id", key=True),
    _text("owner"),
    _text("hash", null=True),
    _number("size"),
    _number("created_at"),
    _number("expires_at", null=True),
    _text("record"),
    Index("ix_files_owner", "tenant", "owner", "id"),
    _partial("ix_files_expiry", "tenant", "expires_at", where="expires_at IS NOT NULL"),
    sqlite_with_rowid=False,
)

# What providers of models keep of blobs. Where the blob is gone, it is to be deleted there.
provider_files = Table(
    "provider_files",
    metadata,
    _text("tenant", key=True),
    _text("account", key=True),
    _text("file_id", key=True),
    _text("provider"),
    _text("hash"),
    _text("form"),
    _number("created_at"),
    _number("expires_at", null=True),
    _number("attempts"),
    _number("next_try"),
    # When the provider failed first to delete it.
    _number("failed_at", null=True),
    Index("ix_provider_files_blob", "tenant", "hash", "account", "form"),
    sqlite_with_rowid=False,
)

roles = Table(
    "roles",
    metadata,
    _text("tenant", key=True),
    _text("name", key=True),
    _number("updated_at"),
    _text("record"),
    sqlite_with_rowid=False,
)

policies = Table(
    "policies",
    metadata,
    _text("tenant", key=True),
    _text("name", key=True),
    _number("updated_at"),
    _text("record"),
    sqlite_with_rowid=False,
)

audit = Table(
    "audit",
    metadata,
    _text("tenant", key=True),
    _text("id", key=True),
    _number("seq", null=True),
    _text("actor"),
    _text("action"),
    _text("outcome"),
    # The very text that the link is computed from.
    _text("record"),
    _text("hash", null=True),
    _partial("uq_audit_seq", "tenant", "seq", where="seq IS NOT NULL", unique=True),
    _partial("ix_audit_unsealed", "tenant", "id", where="seq IS NULL"),
    Index("ix_audit_actor", "tenant", "actor", "id"),
    sqlite_with_rowid=False,
)

audit_seals = Table(
    "audit_seals",
    metadata,
    _text("tenant", key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    _number("seq"),
    _number("sealed_at"),
    _text("hash"),
    _text("key"),
    _text("signature"),
    # Of the first seal, once what it and those before it cover was removed: who says so.
    _text("cut", null=True),
    sqlite_with_rowid=False,
)

# What opens one WebSocket, once and soon. Sealed is the credential that a ticket stands for.
tickets = Table(
    "tickets",
    metadata,
    _text("tenant", key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    _number("expires_at"),
    Index("ix_tickets_expiry", "tenant", "expires_at"),
    sqlite_with_rowid=False,
)

# What is counted for a while, of subjects that are digests.
rates = Table(
    "rates",
    metadata,
    _text("tenant", key=True),
    _text("subject", key=True),
    _number("used"),
    _number("full_at"),
    sqlite_with_rowid=False,
)

guesses = Table(
    "guesses",
    metadata,
    _text("tenant", key=True),
    _text("subject", key=True),
    _number("failures"),
    _number("since"),
    sqlite_with_rowid=False,
)


def upgrade() -> None:
    """Make the tables; on PostgreSQL, bind every role by row-level security."""
    connection = op.get_bind()
    made = _made()
    metadata.create_all(connection, tables=made, checkfirst=False)
    if connection.dialect.name == "postgresql":
        protect(connection, [table.name for table in made])
        protect_owned_anew(connection, ["secrets"])
        # A block of vectors stays in the page of its row, and is read in one go.
        connection.execute(text("ALTER TABLE vectors SET (toast_tuple_target = 8160)"))
    op.create_index("ix_runs_owner", "runs", ["tenant", "owner", "id"])
    op.drop_index("ix_runs_open", "runs")
    unusual = text("status <> 'completed'")
    op.create_index(
        "ix_runs_unusual",
        "runs",
        ["tenant", "status", "id", "thread_id"],
        sqlite_where=unusual,
        postgresql_where=unusual,
    )
    op.add_column("tenants", _text("name", null=True))
    op.add_column("tenants", _number("disabled_at", null=True))
    op.add_column(
        "tenants", Column("revision", BigInteger, nullable=False, server_default=text("0"))
    )
    op.add_column(
        "sequences", Column("erasures", BigInteger, nullable=False, server_default=text("0"))
    )
    op.add_column(
        "passages",
        Column(
            "transaction_number", BigInteger, nullable=False, server_default=TransactionNumber()
        ),
    )
    if connection.dialect.name == "postgresql":
        op.create_index(
            "ix_passages_cursor", "passages", ["tenant", "transaction_number", "number"]
        )
    _place_cursors(connection)
    if connection.dialect.name == "sqlite":
        tell_planner(lambda statement: _run(connection, statement))
    connection.execute(
        text("INSERT INTO schema_info (version, oldest_program, applied_at) VALUES (:v, :o, :a)"),
        {"v": VERSION, "o": OLDEST_PROGRAM, "a": time.time_ns() // 1000},
    )


def _place_cursors(connection: Connection) -> None:
    """Cursors of facts were numbers of passages, which all now bear this transaction's number."""
    here = connection.execute(select(TransactionNumber())).scalar_one()
    with every_tenant(connection, "cursors"):
        connection.execute(
            text(
                "UPDATE cursors SET cursor = :here || ' ' || cursor"
                " WHERE name IN ('facts', 'facts.model')"
            ),
            {"here": str(here)},
        )


def _made() -> list[Table]:
    """The tables of this schema, those that others refer to first."""
    return list(metadata.sorted_tables)


def _run(connection: Connection, statement: str) -> list[Any]:
    found = connection.exec_driver_sql(statement)
    return list(found) if found.returns_rows else []


def downgrade() -> None:
    """Remove the tables, and with them every user and credential."""
    connection = op.get_bind()
    op.drop_index("ix_runs_unusual", "runs")
    unfinished = text("finished_at IS NULL")
    op.create_index(
        "ix_runs_open",
        "runs",
        ["tenant", "status"],
        sqlite_where=unfinished,
        postgresql_where=unfinished,
    )
    op.drop_index("ix_runs_owner", "runs")
    with every_tenant(connection, "cursors"):
        # Facts are learned anew, which changes nothing of those that are known.
        connection.execute(text("DELETE FROM cursors WHERE name IN ('facts', 'facts.model')"))
    if connection.dialect.name == "postgresql":
        op.drop_index("ix_passages_cursor", "passages")
    op.drop_column("passages", "transaction_number")
    for table in reversed(_made()):
        table.drop(connection)
    op.drop_column("sequences", "erasures")
    for column in ("revision", "disabled_at", "name"):
        op.drop_column("tenants", column)
    if connection.dialect.name == "sqlite":
        tell_planner(lambda statement: _run(connection, statement))
    else:
        connection.execute(text("ALTER TABLE vectors RESET (toast_tuple_target)"))
    connection.execute(text("DELETE FROM schema_info WHERE version = :v"), {"v": VERSION})
