"""HNSW for owners whose vectors many share and few can compare one by one. PostgreSQL only.

`prepare` is called by `runtime` with the role that owns the tables, once at start: it copies the
vectors of each large owner that is no user into a table of pgvector's type and indexes them there.
`vectors` keeps that copy in step; without pgvector, or below `LARGE`, all vectors are compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypedDict

from muxi.core.errors import StorageError
from muxi.storage.transaction import Tx

LARGE = 20_000
"""Vectors of one owner from which on an index serves better than comparing all."""
MOST = 400
"""What HNSW looks at for a question; more finds more of the nearest."""
_BATCH = 1000
_OLDEST = (0, 7)
"""The pgvector that has 16-bit vectors."""
_KEY = "tenant = %s AND owner = %s AND corpus = %s AND model = %s AND kind = %s"
_THERE = "SELECT to_regclass('shared_vectors') IS NOT NULL"
_VALID = "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(%s) AND indisvalid"
_OWN = "tenant = current_setting('muxi.tenant', true) AND left(owner, 5) <> 'user:'"
_TABLE = (
    """CREATE TABLE IF NOT EXISTS shared_vectors (
    scope bigint NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    corpus text COLLATE "C" NOT NULL,
    model text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    number bigint NOT NULL REFERENCES passages (number) ON DELETE CASCADE,
    embedding halfvec NOT NULL,
    PRIMARY KEY (number, model, kind))""",
    "CREATE INDEX IF NOT EXISTS ix_shared_vectors_scope ON shared_vectors (scope)",
    "ALTER TABLE shared_vectors ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE shared_vectors FORCE ROW LEVEL SECURITY",
    "DROP POLICY IF EXISTS tenant ON shared_vectors",
    f"CREATE POLICY tenant ON shared_vectors USING ({_OWN}) WITH CHECK ({_OWN})",
)
_PUT = (
    "INSERT INTO shared_vectors (scope, tenant, owner, corpus, model, kind, number, embedding) "
    "VALUES (%s, %s, %s, %s, %s, %s, %s, %s::halfvec) ON CONFLICT (number, model, kind) "
)
_REPLACE = "DO UPDATE SET embedding = excluded.embedding RETURNING 1"
_LARGE_SCOPES = """SELECT tenant, owner, corpus, model, kind, max(dimensions)
FROM vectors WHERE left(owner, 5) <> 'user:'
GROUP BY tenant, owner, corpus, model, kind HAVING sum(octet_length(data) / dimensions) >= %s"""


class Space(TypedDict):
    """Where vectors lie that are compared with each other, as in `vectors`."""

    owner: str
    corpus: str
    model: str
    kind: str


class _Scope(NamedTuple):
    """A space of one tenant. Its parts are the values of `_KEY`."""

    tenant: str
    owner: str
    corpus: str
    model: str
    kind: str

    @property
    def number(self) -> int:
        """Stands in the index for the scope: a constant, which the planner can recognise."""
        digest = hashlib.sha256("\0".join(self).encode()).digest()
        return int.from_bytes(digest[:7], "big")

    @property
    def index_name(self) -> str:
        """Name of the scope's index."""
        return f"ix_shared_vectors_{self.number:014x}"


def put(tx: Tx, space: Space, made: Mapping[int, bytes]) -> None:
    """Put the vectors of passages beside those that are indexed, if their owner's are."""
    scope = _Scope(tx.scope.tenant, **space)
    if not _is_kept(tx, scope):
        return
    from muxi.storage.blocks import decoded

    for number, data in made.items():
        tx.raw(_PUT + _REPLACE, (scope.number, *scope, number, _text(decoded(data))))


def remove(tx: Tx, model: str, kind: str | None, numbers: Iterable[int]) -> None:
    """Remove vectors of these passages, of one kind or both."""
    if _is_there(tx):
        tx.raw(
            "DELETE FROM shared_vectors WHERE tenant = %s AND model = %s "
            "AND (%s::text IS NULL OR kind = %s) AND number = ANY(%s) RETURNING 1",
            (tx.scope.tenant, model, kind, kind, list(numbers)),
        )


def nearest(
    tx: Tx, space: Space, question: Sequence[float], *, limit: int, also: Sequence[int] = ()
) -> list[tuple[int, float]] | None:
    """Numbers of the passages nearest to a question, with their cosines.

    Args:
        tx: A transaction.
        space: The vectors to search.
        question: The question's vector.
        limit: The most passages, at most `MOST`.
        also: Passages whose cosines are wanted however far they are.

    Returns:
        None if these vectors are not indexed, so that all must be compared.
    """
    scope = _Scope(tx.scope.tenant, **space)
    if not _may_be_large(tx, scope) or not tx.raw(_VALID, (scope.index_name,)):
        return None
    tx.raw("SELECT set_config('hnsw.ef_search', %s, true)", (str(MOST),))
    vector = f"embedding::halfvec({len(question)})"
    cosine = f"SELECT number, 1 - ({vector} <=> %s::halfvec) FROM shared_vectors WHERE "  # noqa: S608 -- numbers only
    own = f"scope = {scope.number} AND {_KEY}"
    asked = _text(question)
    near = tx.raw(
        f"{cosine}{own} ORDER BY {vector} <=> %s::halfvec LIMIT %s",
        (asked, *scope, asked, min(limit, MOST)),
    )
    far = tx.raw(f"{cosine}number = ANY(%s) AND {own}", (asked, list(also), *scope)) if also else []
    return [(int(row[0]), float(row[1])) for row in dict.fromkeys([*near, *far])]


def prepare(owner_url: str, *, large: int = LARGE) -> list[str]:
    """Index the vectors of every large owner that is no user; it may take minutes.

    Args:
        owner_url: Address of the role that owns the tables.
        large: Vectors from which on an owner is large.

    Returns:
        What a reader of the log should know: what was indexed, or why nothing can be.

    Raises:
        StorageError: The database could not do it.
    """
    import psycopg

    try:
        with psycopg.connect(owner_url, autocommit=True) as connection:
            return _prepare(connection, large)
    except psycopg.Error as error:
        raise StorageError("The vectors of large owners could not be indexed.") from error


def _prepare(connection: Any, large: int) -> list[str]:
    scopes = list(_large_scopes(connection, large))
    if not scopes:
        return []
    if (lack := _lack(connection)) is not None:
        return [f"{lack} Vectors that many share are compared one by one."]
    for statement in _TABLE:
        connection.execute(statement)
    notes: list[str] = []
    for scope, dimensions in scopes:
        connection.execute("SELECT set_config('muxi.tenant', %s, false)", (scope.tenant,))
        if connection.execute(_VALID, (scope.index_name,)).fetchone() is None:
            count = _copy(connection, scope)
            # One that was not finished is in the way.
            connection.execute(f"DROP INDEX IF EXISTS {scope.index_name}")
            connection.execute(
                f"CREATE INDEX CONCURRENTLY {scope.index_name} ON shared_vectors "
                f"USING hnsw ((embedding::halfvec({dimensions})) halfvec_cosine_ops) "
                f"WHERE scope = {scope.number}"
            )
            notes.append(f"{count} vectors of {scope.owner} ({scope.model}) are indexed.")
    return notes


def _large_scopes(connection: Any, large: int) -> Iterable[tuple[_Scope, int]]:
    connection.execute("SELECT set_config('muxi.job', 'vectors', false)")
    for (tenant,) in connection.execute("SELECT tenant FROM tenants ORDER BY 1").fetchall():
        connection.execute("SELECT set_config('muxi.tenant', %s, false)", (tenant,))
        for *names, dimensions in connection.execute(_LARGE_SCOPES, (large,)).fetchall():
            yield _Scope(*names), int(dimensions)


def _lack(connection: Any) -> str | None:
    """What keeps pgvector from being used; None if it is there."""
    import psycopg

    row = connection.execute(
        "SELECT coalesce(installed_version, default_version), installed_version IS NOT NULL "
        "FROM pg_available_extensions WHERE name = 'vector'"
    ).fetchone()
    if row is None:
        return "pgvector is not installed on the database server."
    if tuple(int(part) for part in row[0].split(".")[:2]) < _OLDEST:
        return f"pgvector {row[0]} is older than {'.'.join(map(str, _OLDEST))}."
    if not row[1]:
        try:
            connection.execute("CREATE EXTENSION vector")
        except psycopg.errors.InsufficientPrivilege:
            return "The owner of the tables may not make the extension `vector`; a superuser can."
    return None


def _copy(connection: Any, scope: _Scope) -> int:
    """Copy a scope's vectors; from the first on, `vectors` puts new ones there by itself."""
    from muxi.storage import blocks

    lock = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
    after, count = -(2**62), 0
    while True:
        with connection.transaction():
            # Whoever is putting or removing vectors of this owner has done so before they are read.
            connection.execute(lock, (f"{scope.tenant}\n{scope.owner}",))
            rows = connection.execute(
                f"SELECT base, dimensions, numbers, data FROM vectors WHERE {_KEY} AND base > %s "  # noqa: S608 -- names of columns only
                "ORDER BY base LIMIT %s",
                (*scope, after, _BATCH // 10),
            ).fetchall()
            if not rows:
                return count
            made = [pair for row in rows for pair in blocks.opened(row).items()]
            connection.cursor().executemany(
                _PUT + "DO NOTHING",
                [
                    (scope.number, *scope, number, _text(blocks.decoded(data)))
                    for number, data in made
                ],
            )
            after, count = rows[-1][0], count + len(made)


def _is_there(tx: Tx) -> bool:
    return tx.dialect == "postgresql" and bool(tx.raw(_THERE)[0][0])


def _may_be_large(tx: Tx, scope: _Scope) -> bool:
    return tx.dialect == "postgresql" and not scope.owner.startswith("user:")


def _is_kept(tx: Tx, scope: _Scope) -> bool:
    """Whether a copy of these vectors is kept, or being made."""
    if not _may_be_large(tx, scope) or not _is_there(tx):
        return False
    found = f"SELECT 1 FROM shared_vectors WHERE scope = %s AND {_KEY} LIMIT 1"  # noqa: S608 -- names of columns only
    return bool(tx.raw(found, (scope.number, *scope)))


def _text(vector: Sequence[float]) -> str:
    """A vector as pgvector reads it."""
    return f"[{','.join(map(repr, vector))}]"
