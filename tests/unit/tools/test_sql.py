"""The built-in tools for databases: SQLite and a real PostgreSQL, asked what they must not do."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from muxi.config.local_tool_settings import SqlTool
from muxi.config.secret import SecretRef
from muxi.core.context import RunContext
from muxi.core.errors import (
    ConfigError,
    MissingExtra,
    ToolArgumentsInvalid,
    ToolDenied,
    ToolError,
    ToolFailed,
    ToolTimeout,
)
from muxi.core.messages import TextPart
from muxi.tools.builtin.catalogue import builtin_tools
from muxi.tools.builtin.mysql_access import _connection_class
from muxi.tools.builtin.setup import Setup
from tests.support.postgres import PostgresAddress, PostgresServer

CTX: RunContext[Any] = RunContext(deps=None)

TABLES = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers(id), total NUMERIC(8, 2)
);
CREATE VIEW totals AS SELECT customer_id, sum(total) AS total FROM orders GROUP BY customer_id;
INSERT INTO customers VALUES (1, 'Ada', 'Bern'), (2, 'Bo | "b"', NULL), (3, 'Çağ', 'İzmir');
INSERT INTO orders VALUES (1, 1, 12.5), (2, 1, 7.25), (3, 3, 100);
"""


class Sql:
    """The tools of some databases, called as a model calls them."""

    def __init__(self, folder: Path, databases: dict[str, str], **options: Any) -> None:
        settings = SqlTool(
            databases={name: SecretRef(url) for name, url in databases.items()}, **options
        )
        self.is_sqlite = all(url.startswith("sqlite") for url in databases.values())
        secrets = {f"databases.{name}": url for name, url in databases.items()}
        made = builtin_tools("sql", settings, Setup(folder=folder, secrets=secrets))
        self.tools = {each.name: each for each in made}

    async def __call__(self, name: str, **arguments: Any) -> str:
        (part,) = await self.tools[f"sql_{name}"].run(arguments, CTX)
        assert isinstance(part, TextPart)
        return part.text


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    file = tmp_path / "shop.db"
    with sqlite3.connect(file) as connection:
        connection.executescript(TABLES)
        connection.execute("CREATE TABLE files (name TEXT, data BLOB)")
        connection.execute("INSERT INTO files VALUES ('a.bin', zeroblob(5000000))")
    connection.close()
    return file


@pytest.fixture
def lite(shop: Path) -> Sql:
    return Sql(shop.parent, {"shop": "sqlite:///shop.db"}, write=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def both(request: pytest.FixtureRequest) -> Sql:
    return request.getfixturevalue("lite" if request.param == "sqlite" else "grand")


@pytest.fixture(params=["sqlite", "postgresql"])
def own(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sql]:
    """Tools for a database that no other test sees."""
    if request.param == "sqlite":
        yield request.getfixturevalue("lite")
        return
    postgres: PostgresServer = request.getfixturevalue("postgres")
    made = filled(postgres)
    yield Sql(tmp_path, {"crm": made.url}, write=True)
    postgres.drop(made)


@pytest.fixture(scope="module")
def address(postgres: PostgresServer) -> Iterator[str]:
    """A database that no test of this file can change, whatever it tries."""
    made = filled(postgres)
    yield made.url
    postgres.drop(made)


@pytest.fixture
def grand(address: str, tmp_path: Path) -> Sql:
    return Sql(tmp_path, {"crm": address}, write=True)


@pytest.fixture
def hurried(shop: Path, address: str) -> dict[str, Sql]:
    """Tools that give a statement no more than a second."""
    urls = {"sqlite": "sqlite:///shop.db", "postgresql": address}
    return {name: Sql(shop.parent, {name: url}, timeout=1) for name, url in urls.items()}


def filled(postgres: PostgresServer) -> PostgresAddress:
    """A database whose tables the role of agents may read and write."""
    made = postgres.empty()
    with psycopg.connect(made.admin_url, autocommit=True) as admin:
        admin.execute(TABLES)  # pyright: ignore[reportArgumentType, reportCallIssue] -- a constant
        admin.execute("CREATE SCHEMA other CREATE TABLE things (id int PRIMARY KEY)")
        admin.execute("GRANT USAGE, CREATE ON SCHEMA public, other TO muxi_server")
        admin.execute("GRANT ALL ON ALL TABLES IN SCHEMA public, other TO muxi_server")
        admin.execute("CREATE SEQUENCE numbers")
        admin.execute("GRANT ALL ON SEQUENCE numbers TO muxi_server")
        admin.execute(
            "CREATE FUNCTION sneak() RETURNS int LANGUAGE sql SECURITY DEFINER AS"
            " 'DELETE FROM orders RETURNING 1'"
        )
    return made


def happens(condition: Callable[[], bool]) -> bool:
    """Whether it comes true within a minute."""
    until = time.monotonic() + 60
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return condition()


def running(word: str) -> list[int]:
    """The children of this process that have `word` in their command line."""
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        for pid in (task / "children").read_text().split():
            with suppress(OSError):
                if word.encode() in Path("/proc", pid, "cmdline").read_bytes():
                    found.append(int(pid))
    return found


def asked(address: str) -> int:
    """How many endless statements the server works on."""
    with psycopg.connect(address) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active'"
            " AND query LIKE '%generate_series%' AND pid <> pg_backend_pid()"
        ).fetchone()
    assert row is not None
    return int(row[0])


async def count(sql: Sql, table: str = "orders") -> str:
    return await sql("query", statement=f"SELECT count(*) FROM {table}")


async def test_rows_are_given_as_a_table(both: Sql):
    text = await both(
        "query",
        statement="-- who\nSELECT name, city, total FROM customers"
        " LEFT JOIN orders ON customer_id = customers.id ORDER BY customers.id, total;",
    )
    lines = text.splitlines()
    assert lines[0] == "| name | city | total |"
    assert [line.replace("7.250", "7.25").replace("12.50", "12.5") for line in lines[2:4]] == [
        "| Ada | Bern | 7.25 |",
        "| Ada | Bern | 12.5 |",
    ]
    assert lines[4] == '| Bo \\| "b" | NULL | NULL |'
    assert lines[-1] == "(4 rows)"


@pytest.mark.parametrize(
    "statement",
    [
        "WITH a AS (SELECT 1 AS x) SELECT x FROM a",
        "/* note */ SELECT 1 AS x",
        "SELECT 1 AS x -- note",
        "SELECT 1 AS x, 1 AS x",
        "VALUES (1)",
        "SELECT '%s %(a)s :b ? {c}' AS x",
    ],
)
async def test_all_forms_of_reading_work(both: Sql, statement: str):
    assert "(1 row)" in await both("query", statement=statement)


async def test_brackets_around_a_statement_are_known_to_postgresql(grand: Sql):
    assert "| 2 |" in await grand("query", statement="((SELECT 2) LIMIT 1)")


async def test_plans_are_shown(both: Sql):
    explain = "EXPLAIN QUERY PLAN" if both.is_sqlite else "EXPLAIN"
    assert "row" in await both("query", statement=f"{explain} SELECT * FROM orders")


async def test_tables_are_listed_with_their_columns(both: Sql):
    text = await both("schema")
    assert "customers\n- id INTEGER primary key\n- name TEXT not null\n- city TEXT" in text
    assert "- customer_id INTEGER refers to customers.id\n- total NUMERIC(8, 2)" in text
    assert "totals\n- customer_id INTEGER" in text
    assert (await both("schema", table="CUSTOMERS")).startswith("customers\n")
    with pytest.raises(ToolArgumentsInvalid) as caught:
        await both("schema", table="customer")
    assert caught.value.hint == "Did you mean customers?"


async def test_tables_of_other_schemas_are_named_with_it(grand: Sql):
    assert "other.things\n- id INTEGER primary key" in await grand("schema")
    assert "- id" in await grand("schema", table="other.things")


WRITES = [
    "DELETE FROM orders",
    "UPDATE orders SET total = 0",
    "INSERT INTO orders VALUES (9, 1, 1)",
    "DROP TABLE orders",
    "ALTER TABLE orders ADD COLUMN x int",
    "CREATE TABLE made (id int)",
    "CREATE TEMP TABLE made (id int)",
    "SELECT 1; DELETE FROM orders",
    "SELECT 1; COMMIT; DELETE FROM orders",
    "SELECT 1) AS x; DELETE FROM orders; --",
    "SELECT 1) AS x(c0); DELETE FROM orders; SELECT * FROM (SELECT 1",
    "WITH gone AS (DELETE FROM orders RETURNING id) SELECT * FROM gone",
    "WITH a AS (SELECT 1) DELETE FROM orders",
    "EXPLAIN ANALYZE DELETE FROM orders",
    "BEGIN",
    "COMMIT",
    "VACUUM",
    "/* SELECT */ DELETE FROM orders",
    "--\nDELETE FROM orders",
    "",
    ";",
    "SELECT 1\0; DELETE FROM orders",
    "SELECT " + "1," * 40_000 + "1",
]


@pytest.mark.parametrize("statement", WRITES)
async def test_a_query_cannot_write(both: Sql, statement: str):
    with pytest.raises(ToolError):
        await both("query", statement=statement)
    assert "| 3 |" in await count(both)


SQLITE_ESCAPES = [
    "ATTACH DATABASE 'made.db' AS made",
    "SELECT 1; ATTACH DATABASE 'made.db' AS made",
    "VACUUM INTO 'made.db'",
    "PRAGMA query_only = OFF",
    "PRAGMA writable_schema = ON",
    "PRAGMA database_list",
    "SELECT * FROM pragma_database_list",
    "SELECT load_extension('./evil.so')",
    "SELECT writefile('made.db', 'x')",
    "SELECT readfile('/etc/passwd')",
    "SELECT edit('x')",
    "SELECT fts3_tokenizer('simple')",
    "CREATE VIRTUAL TABLE made USING fts5(x)",
    "REINDEX",
    "ANALYZE",
    "DETACH main",
    "SAVEPOINT a",
]


@pytest.mark.parametrize("statement", SQLITE_ESCAPES)
@pytest.mark.parametrize("tool", ["query", "execute"])
async def test_sqlite_reaches_nothing_beyond_its_file(
    lite: Sql, shop: Path, statement: str, tool: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(shop.parent)
    # These change only the file itself.
    if tool == "query" or statement not in ("REINDEX", "ANALYZE"):
        with pytest.raises(ToolError):
            await lite(tool, statement=statement)
    assert not (shop.parent / "made.db").exists()


POSTGRES_ESCAPES = [
    "SELECT set_config('transaction_read_only', 'off', true), sneak()",
    "SELECT set_config('default_transaction_read_only', 'off', false), sneak()",
    "SELECT sneak()",
    "SELECT nextval('numbers')",
    "SELECT setval('numbers', 5)",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_ls_dir('/')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_from_bytea(0, 'x')",
    "COPY orders TO PROGRAM 'touch made'",
    "COPY (SELECT 1) TO '/tmp/made'",
    "SELECT * INTO made FROM orders",
    "SELECT * FROM orders FOR UPDATE",
    "TABLE orders; DROP TABLE orders",
    "SELECT set_config('role', 'postgres', false)",
    "SELECT set_config('session_authorization', 'postgres', false)",
    "SELECT query_to_xml('DELETE FROM orders', true, true, '')",
    "SET transaction_read_only = off",
    "RESET ALL",
    "LOCK TABLE orders",
    "DO $$ BEGIN DELETE FROM orders; END $$",
    "CALL sneak()",
    "EXECUTE x",
    "NOTIFY x",
    "LISTEN x",
]


@pytest.mark.parametrize("statement", POSTGRES_ESCAPES)
async def test_postgresql_reads_and_nothing_else(grand: Sql, statement: str):
    with pytest.raises(ToolError):
        await grand("query", statement=statement)
    assert "| 3 |" in await count(grand)


async def test_a_role_that_reaches_beyond_the_database_is_refused(
    postgres: PostgresServer, tmp_path: Path
):
    made = postgres.empty()
    sql = Sql(tmp_path, {"crm": made.admin_url}, write=True)
    for name, arguments in (
        ("query", {"statement": "SELECT 1"}),
        ("execute", {"statement": "CREATE TABLE made (id int)"}),
        ("schema", {}),
    ):
        with pytest.raises(ToolDenied, match="can reach beyond it"):
            await sql(name, **arguments)


async def test_changes_are_made_where_the_project_allows_them(own: Sql):
    said = await own("execute", statement="UPDATE orders SET total = 1 WHERE customer_id = 1;")
    assert said == "Done. 2 rows changed."
    said = await own("execute", statement="INSERT INTO orders VALUES (4, 2, 9) RETURNING id")
    assert said.startswith("Done. 1 rows changed.\n| id |\n| --- |\n| 4 |")
    assert "| 4 |" in await count(own)


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM orders; DROP TABLE orders", "BEGIN", "COMMIT", "ROLLBACK", "DELETE FROM nowhere"],
)
async def test_a_change_is_one_statement_or_none(own: Sql, statement: str):
    with pytest.raises(ToolError):
        await own("execute", statement=statement)
    assert "| 3 |" in await count(own)


async def test_without_leave_there_is_no_tool_that_writes(shop: Path):
    sql = Sql(shop.parent, {"shop": "sqlite:///shop.db"})
    assert list(sql.tools) == ["sql_schema", "sql_query"]
    asked = Sql(shop.parent, {"shop": "sqlite:///shop.db"}, write=True)
    assert asked.tools["sql_execute"].spec.approval


ENDLESS = {
    "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"
    " SELECT count(*) FROM n",
    "postgresql": "SELECT count(*) FROM generate_series(1, 100000000000)",
}


@pytest.mark.parametrize("name", ENDLESS)
async def test_a_statement_without_end_is_ended(name: str, hurried: dict[str, Sql]):
    started = time.monotonic()
    with pytest.raises(ToolTimeout, match="longer than 1 s"):
        await hurried[name]("query", statement=ENDLESS[name])
    assert time.monotonic() - started < 60


async def test_sleeping_and_disarming_the_clock_do_not_help(hurried: dict[str, Sql]):
    for statement in (
        "SELECT pg_sleep(60)",
        "SELECT set_config('statement_timeout', '0', false), pg_sleep(60)",
        "SELECT pg_advisory_lock(1), pg_sleep(60)",
    ):
        with pytest.raises(ToolTimeout):
            await hurried["postgresql"]("query", statement=statement)


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux says of processes")
@pytest.mark.parametrize("name", ENDLESS)
async def test_a_cancelled_call_ends_its_statement(
    name: str, request: pytest.FixtureRequest, address: str
):
    shop = request.getfixturevalue("shop")
    sql = Sql(
        shop.parent, {"it": "sqlite:///shop.db" if name == "sqlite" else address}, timeout=600
    )
    call = asyncio.create_task(sql("query", statement=ENDLESS[name]))
    if name == "sqlite":
        assert await asyncio.to_thread(happens, lambda: bool(running("sqlite_worker")))
    else:
        assert await asyncio.to_thread(happens, lambda: asked(address) == 1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    if name == "sqlite":
        assert running("sqlite_worker") == []
    else:
        assert await asyncio.to_thread(happens, lambda: asked(address) == 0)


async def test_more_rows_and_longer_values_than_fit_are_cut(both: Sql):
    text = await both(
        "query",
        statement="WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 5000)"
        " SELECT x FROM n",
    )
    assert len(text.splitlines()) == 203
    assert text.endswith("(The first 200 rows; there are more. Ask for less, or for a summary.)")
    wide = "printf('%.9000000c', 'a')" if both.is_sqlite else "repeat('a', 30000000)"
    text = await both("query", statement=f"SELECT {wide} AS wide")
    assert len(text) < 1_200
    assert "a…" in text


async def test_a_table_of_long_rows_ends_at_its_bytes(shop: Path):
    sql = Sql(shop.parent, {"shop": "sqlite:///shop.db"}, max_text=5_000)
    text = await sql(
        "query",
        statement="WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 99)"
        " SELECT x, printf('%.900c', 'b') AS long FROM n",
    )
    assert len(text) < 5_200
    assert "there are more" in text


async def test_values_that_eat_memory_are_refused_by_the_database(lite: Sql):
    for statement in (
        "SELECT zeroblob(1000000000)",
        "SELECT hex(randomblob(900000000))",
        "SELECT replace(printf('%.9000000c', 'a'), 'a', 'bbbbbbbbbb')",
    ):
        with pytest.raises(ToolError):
            await lite("query", statement=statement)


async def test_a_function_that_never_looks_up_is_ended_too(hurried: dict[str, Sql]):
    started = time.monotonic()
    with pytest.raises(ToolTimeout):
        await hurried["sqlite"](
            "query",
            statement="SELECT instr(printf('%.9000000c', 'a'), printf('%.4500000c', 'a') || 'b')",
        )
    assert time.monotonic() - started < 60


async def test_binary_values_are_named_by_their_size(lite: Sql):
    assert "| a.bin | <5000000 bytes> |" in await lite("query", statement="SELECT * FROM files")


async def test_several_databases_are_told_apart(shop: Path):
    shutil.copy(shop, shop.parent / "old.db")
    sql = Sql(shop.parent, {"shop": "sqlite:///shop.db", "old": f"sqlite:////{shop.parent}/old.db"})
    with pytest.raises(ToolArgumentsInvalid) as caught:
        await sql("query", statement="SELECT 1")
    assert caught.value.hint == "There are: shop, old."
    with pytest.raises(ToolArgumentsInvalid, match="no database `nope`"):
        await sql("query", statement="SELECT 1", database="nope")
    assert "| 3 |" in await sql("query", statement="SELECT count(*) FROM orders", database="old")


@pytest.mark.parametrize(
    "url", ["oracle://a:hush@b/c", "hush", "sqlite://", "sqlite:///:memory:", "http://a:hush@b"]
)
def test_an_address_that_cannot_be_asked_is_refused_without_being_shown(tmp_path: Path, url: str):
    with pytest.raises(ConfigError) as caught:
        Sql(tmp_path, {"it": url})
    assert "hush" not in f"{caught.value} {caught.value.hint}"


def test_a_driver_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pymysql.connections", None)
    _connection_class.cache_clear()
    try:
        with pytest.raises(MissingExtra) as caught:
            Sql(tmp_path, {"it": "mariadb://a:hush@b/c"})
    finally:
        _connection_class.cache_clear()
    assert caught.value.hint == "pip install 'muxi[mysql]'"


async def test_a_database_that_is_not_there_says_so_without_its_password(tmp_path: Path):
    with pytest.raises(ToolFailed, match="does not exist"):
        await Sql(tmp_path, {"it": "sqlite:///none.db"})("query", statement="SELECT 1")
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "text.db").write_text("this is no database, but a text of some length" * 100)
    with pytest.raises(ToolError, match="not a database"):
        await Sql(tmp_path, {"it": "sqlite:///text.db"})("query", statement="SELECT * FROM a")
    away = Sql(tmp_path, {"it": "postgresql://ann:hush@127.0.0.1:1/x"})
    with pytest.raises(ToolFailed, match="cannot be reached") as caught:
        await away("query", statement="SELECT 1")
    assert "hush" not in caught.value.message


async def test_a_locked_database_gives_an_answer_in_time(shop: Path):
    lite = Sql(shop.parent, {"shop": "sqlite:///shop.db"}, write=True, timeout=1)
    holder = sqlite3.connect(shop)
    try:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ToolError):
            await lite("execute", statement="DELETE FROM orders")
    finally:
        holder.close()
