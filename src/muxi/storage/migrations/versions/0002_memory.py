"""Schema 2: memory, and questions of runs that are known by their ids.

What can be found again, its words and vectors, facts, summaries, documents.
"""

from __future__ import annotations

import time
from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    text,
)

from muxi.storage.columns import number as _number
from muxi.storage.columns import of as _of
from muxi.storage.columns import tables
from muxi.storage.columns import text as _text
from muxi.storage.migrations.security import protect, protect_owned
from muxi.storage.planner import tell_planner

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

VERSION = 2
OLDEST_PROGRAM = "0.1.0"

metadata = tables()

# Made by schema 1; named here for what refers to it.
threads = Table("threads", metadata, _text("tenant", key=True), _text("id", key=True))

passages = Table(
    "passages",
    metadata,
    # Never given twice, so that whoever remembers the number of a removed row finds nothing.
    Column("number", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
    _text("tenant"),
    _text("id"),
    _text("owner"),
    _text("corpus"),
    _text("kind"),
    _text("group_id"),
    _number("place"),
    _text("speaker", null=True),
    _number("said_at", null=True),
    _number("created_at"),
    _text("hash"),
    Column("information", Double, nullable=False),
    _number("uses"),
    _number("used_at", null=True),
    _number("size"),
    _text("text"),
    _text("record"),
    _text("words", null=True),
    Index("uq_passages_id", "tenant", "id", unique=True),
    Index("ix_passages_owner", "tenant", "owner", "corpus", "created_at", "number"),
    Index("ix_passages_group", "tenant", "owner", "group_id", "place"),
    Index("ix_passages_hash", "tenant", "owner", "hash", "kind"),
    Index("ix_passages_speaker", "tenant", "owner", "corpus", "speaker"),
    sqlite_autoincrement=True,
)

# What a word stands in: numbers of passages that follow `base`, each with how often, packed by
# `storage.postings`. Not FTS5 or tsvector: see docs/design/storage.md.
postings = Table(
    "postings",
    metadata,
    _text("tenant", key=True),
    _text("owner", key=True),
    _text("corpus", key=True),
    _text("word", key=True),
    Column("base", BigInteger, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# One owner's vectors lie together, several a row: those of the passages from `base` up to the base
# of the next row. `numbers` says which, packed by `storage.vectors`.
vectors = Table(
    "vectors",
    metadata,
    _text("tenant", key=True),
    _text("owner", key=True),
    _text("corpus", key=True),
    _text("model", key=True),
    _text("kind", key=True),
    Column("base", BigInteger, primary_key=True, autoincrement=False),
    _number("dimensions"),
    Column("numbers", LargeBinary, nullable=False),
    Column("data", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

embedded = Table(
    "embedded",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    _text("model", key=True),
    _text("kind", key=True),
    _text("tenant"),
    _text("owner"),
    _text("corpus"),
    ForeignKeyConstraint(["number"], ["passages.number"], ondelete="CASCADE"),
    sqlite_with_rowid=False,
)

facts = Table(
    "facts",
    metadata,
    _text("tenant", key=True),
    _text("id", key=True),
    _text("owner"),
    _text("subject"),
    _text("predicate"),
    _text("value"),
    _number("valid_from"),
    _number("valid_to", null=True),
    _number("recorded_at"),
    _text("source_message_id", null=True),
    _text("source_memory_id", null=True),
    Column("confidence", Double, nullable=False),
    _text("source"),
    _text("record"),
    Index("ix_facts_subject", "tenant", "owner", "subject", "predicate", "valid_from"),
    Index("ix_facts_message", "tenant", "source_message_id"),
    Index("ix_facts_memory", "tenant", "source_memory_id"),
)

summaries = Table(
    "summaries",
    metadata,
    _text("tenant", key=True),
    _text("id", key=True),
    _text("thread_id"),
    _number("level"),
    _text("first_message_id"),
    _text("last_message_id"),
    _number("messages"),
    _number("tokens"),
    _text("strategy"),
    _text("text"),
    _number("created_at"),
    _text("record"),
    _of("threads", "thread_id"),
    Index("ix_summaries_thread", "tenant", "thread_id", "level", "created_at"),
)

documents = Table(
    "documents",
    metadata,
    _text("tenant", key=True),
    _text("id", key=True),
    _text("owner"),
    _text("uri"),
    _text("name"),
    _text("hash"),
    _text("status"),
    _text("parent_id", null=True),
    _text("agents", null=True),
    _number("added_at"),
    _number("indexed_at", null=True),
    _text("record"),
    Index("uq_documents_uri", "tenant", "owner", "uri", unique=True),
    Index("ix_documents_parent", "tenant", "parent_id"),
)

cursors = Table(
    "cursors",
    metadata,
    _text("tenant", key=True),
    _text("name", key=True),
    _text("cursor"),
    _number("updated_at"),
    sqlite_with_rowid=False,
)

forgettings = Table(
    "forgettings",
    metadata,
    _text("tenant", key=True),
    _text("id", key=True),
    _text("owner"),
    _text("what"),
    _text("state"),
    _number("created_at"),
    _number("done_at", null=True),
    Index("ix_forgettings_state", "tenant", "state"),
)


def upgrade() -> None:
    """Make the tables; on PostgreSQL, bind every role by row-level security."""
    connection = op.get_bind()
    made = [table for table in metadata.sorted_tables if table is not threads]
    metadata.create_all(connection, tables=made, checkfirst=False)
    if connection.dialect.name == "postgresql":
        protect_owned(connection, [table.name for table in made if "owner" in table.columns])
        protect(connection, [table.name for table in made if "owner" not in table.columns])
    _let_steps_be_asked_for(connection)
    if connection.dialect.name == "sqlite":
        tell_planner(lambda statement: _run(connection, statement))
    connection.execute(
        text("INSERT INTO schema_info (version, oldest_program, applied_at) VALUES (:v, :o, :a)"),
        {"v": VERSION, "o": OLDEST_PROGRAM, "a": time.time_ns() // 1000},
    )


def _let_steps_be_asked_for(connection: Connection) -> None:
    """Make the questions of runs to people known by their ids, and let them expire."""
    op.drop_index("ix_steps_suspended", "steps")
    op.add_column("steps", _text("question_id", null=True))
    op.add_column("steps", _number("expires_at", null=True))
    question = "json_extract(record, '$.result.approval.id')"
    if connection.dialect.name == "postgresql":
        question = "record::json #>> '{result,approval,id}'"
        # Who migrates is bound by the policies too, and has no tenant.
        connection.execute(text("ALTER TABLE steps NO FORCE ROW LEVEL SECURITY"))
    connection.execute(
        text(f"UPDATE steps SET question_id = {question} WHERE kind = 'approval'")  # noqa: S608 -- built from constants
    )
    if connection.dialect.name == "postgresql":
        connection.execute(text("ALTER TABLE steps FORCE ROW LEVEL SECURITY"))
    for name, columns, where in (
        ("uq_steps_question", ["question_id", "tenant"], "question_id IS NOT NULL"),
        ("ix_steps_alike", ["tenant", "input_hash"], "question_id IS NOT NULL"),
        ("ix_steps_open", ["tenant", "question_id"], "state = 'suspended'"),
        ("ix_steps_expiring", ["tenant", "expires_at"], "state = 'suspended'"),
    ):
        op.create_index(
            name,
            "steps",
            columns,
            unique=name.startswith("uq_"),
            sqlite_where=text(where),
            postgresql_where=text(where),
        )


def _run(connection: Connection, statement: str) -> list[Any]:
    found = connection.exec_driver_sql(statement)
    return list(found) if found.returns_rows else []


def downgrade() -> None:
    """Remove the tables, and all that was remembered with them."""
    connection = op.get_bind()
    # Made later, where pgvector is there and a scope is large.
    connection.execute(text("DROP TABLE IF EXISTS shared_vectors"))
    for table in reversed(metadata.sorted_tables):
        if table is not threads:
            table.drop(connection)
    for index in ("uq_steps_question", "ix_steps_alike", "ix_steps_open", "ix_steps_expiring"):
        op.drop_index(index, "steps")
    for column in ("question_id", "expires_at"):
        op.drop_column("steps", column)
    suspended = text("state = 'suspended'")
    op.create_index(
        "ix_steps_suspended",
        "steps",
        ["tenant", "kind"],
        sqlite_where=suspended,
        postgresql_where=suspended,
    )
    if connection.dialect.name == "sqlite":
        _run(connection, "DROP TABLE IF EXISTS sqlite_stat1")
    connection.execute(text("DELETE FROM schema_info WHERE version = :v"), {"v": VERSION})
