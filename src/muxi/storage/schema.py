"""The schema, once for SQLite and PostgreSQL. Read by `queries`, migrations and the compiler.

It imports SQLAlchemy and is therefore never imported by a running server. Every table bears its
tenant, ids are unique inside a tenant only, and instants are microseconds since 1970 in UTC.
`record` holds a noun as JSON with the fields that this version does not know; the columns beside
it are what is looked up by.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    text,
)

from muxi.storage import (
    schema_budgets,
    schema_federation,
    schema_identity,
    schema_limits,
    schema_policy,
    schema_requests,
)
from muxi.storage.columns import TransactionNumber, metadata
from muxi.storage.columns import number as _number
from muxi.storage.columns import of as _of
from muxi.storage.columns import partial as _partial
from muxi.storage.columns import text as _text

VERSION = 3
OLDEST_PROGRAM = "0.1.0"
"""The oldest muxi that may work with a database of this schema."""

PARTS = (
    schema_budgets,
    schema_federation,
    schema_identity,
    schema_limits,
    schema_policy,
    schema_requests,
)
"""The files that hold more tables of the same schema."""

tenants = Table(
    "tenants",
    metadata,
    _text("tenant", key=True),
    _number("created_at"),
    _text("name", null=True),
    _number("disabled_at", null=True),
    # Counts the changes of its users, groups and credentials, for those who keep copies.
    Column("revision", BigInteger, nullable=False, server_default=text("0")),
)

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
    Index("ix_runs_owner", "tenant", "owner", "id"),
    # What is under way or went wrong, so that it is found among very many that went well.
    _partial(
        "ix_runs_unusual",
        *("tenant", "status", "id", "thread_id"),
        where="status <> 'completed'",
    ),
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
    _text("question_id", null=True),
    _number("expires_at", null=True),
    _of("runs", "run_id"),
    # The tenant comes last, so that SQLite reads what is open by `ix_steps_open`.
    _partial(
        "uq_steps_question", "question_id", "tenant", where="question_id IS NOT NULL", unique=True
    ),
    _partial("ix_steps_alike", "tenant", "input_hash", where="question_id IS NOT NULL"),
    _partial("ix_steps_open", "tenant", "question_id", where="state = 'suspended'"),
    _partial("ix_steps_expiring", "tenant", "expires_at", where="state = 'suspended'"),
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
    # How often messages of the thread were erased: what was read before is not to be believed.
    Column("erasures", BigInteger, nullable=False, server_default=text("0")),
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
    Column("transaction_number", BigInteger, nullable=False, server_default=TransactionNumber()),
    Index("uq_passages_id", "tenant", "id", unique=True),
    Index("ix_passages_owner", "tenant", "owner", "corpus", "created_at", "number"),
    Index("ix_passages_group", "tenant", "owner", "group_id", "place"),
    Index("ix_passages_hash", "tenant", "owner", "hash", "kind"),
    Index("ix_passages_speaker", "tenant", "owner", "corpus", "speaker"),
    Index("ix_passages_cursor", "tenant", "transaction_number", "number").ddl_if("postgresql"),
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

schema_info = Table(
    "schema_info",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    _text("oldest_program"),
    _number("applied_at"),
)

# Alembic's own table, which a new SQLite file gets with the rest.
alembic_version = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
