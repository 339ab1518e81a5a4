"""The tools `sql` on a real MariaDB: what a model may ask, and what it must not do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from muxi.config.local_tool_settings import SqlTool
from muxi.config.secret import SecretRef
from muxi.core.context import RunContext
from muxi.core.errors import (
    ToolArgumentsInvalid,
    ToolDenied,
    ToolError,
    ToolFailed,
    ToolTimeout,
)
from muxi.core.messages import TextPart
from muxi.tools.builtin.catalogue import builtin_tools
from muxi.tools.builtin.setup import Setup
from tests.support.mariadb import MariaDb

pytestmark = pytest.mark.ci

MADE = Path("/tmp/muxi-made")
CTX: RunContext[Any] = RunContext(deps=None)

TABLES = (
    """CREATE TABLE customers (
        id INT PRIMARY KEY, name VARCHAR(80) NOT NULL, city TEXT COMMENT 'home'
    )""",
    """CREATE TABLE orders (
        id INT PRIMARY KEY, customer_id INT, total DECIMAL(8, 2),
        FOREIGN KEY (customer_id) REFERENCES customers (id)
    )""",
    "CREATE TABLE notes (id INT) ENGINE = MyISAM",
    "CREATE TABLE files (name TEXT, data LONGBLOB)",
    "CREATE VIEW totals AS SELECT customer_id, sum(total) AS s FROM orders GROUP BY customer_id",
    "CREATE SEQUENCE numbers",
    "CREATE FUNCTION sneak() RETURNS INT BEGIN DELETE FROM orders; RETURN 1; END",
    "CREATE PROCEDURE wipe() BEGIN DELETE FROM orders; END",
    "INSERT INTO customers VALUES (1, 'Ada', 'Bern'), (2, 'Bo | \"b\"', NULL), (3, 'Çağ', 'İzmir')",
    "INSERT INTO orders VALUES (1, 1, 12.5), (2, 1, 7.25), (3, 3, 100)",
    "INSERT INTO notes VALUES (1)",
    "INSERT INTO files VALUES ('a.bin', repeat('x', 5000000))",
)


class Sql:
    """The tools of one database, called as a model calls them."""

    def __init__(self, url: str, **options: Any) -> None:
        settings = SqlTool(databases={"shop": SecretRef(url)}, write=True, **options)
        setup = Setup(folder=Path(), secrets={"databases.shop": url})
        self.tools = {each.name: each for each in builtin_tools("sql", settings, setup)}

    async def __call__(self, name: str, **arguments: Any) -> str:
        (part,) = await self.tools[f"sql_{name}"].run(arguments, CTX)
        assert isinstance(part, TextPart)
        return part.text


@contextmanager
def filled(mariadb: MariaDb, name: str) -> Iterator[str]:
    """A database, and the address of a role that may use it and nothing else."""
    mariadb.run(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    mariadb.run(*TABLES, database=name)
    mariadb.run(f"CREATE USER {name} IDENTIFIED BY 'hush'", f"GRANT ALL ON {name}.* TO {name}")
    yield mariadb.url(name, name)
    mariadb.run(f"DROP DATABASE {name}", f"DROP USER {name}")


@pytest.fixture(scope="module")
def shop(mariadb: MariaDb) -> Iterator[str]:
    """A database that no test can change, whatever it tries."""
    with filled(mariadb, "shop") as url:
        yield url


@pytest.fixture
def sql(shop: str) -> Sql:
    return Sql(shop)


@pytest.fixture
def own(mariadb: MariaDb) -> Iterator[Sql]:
    """Tools for a database that no other test sees."""
    with filled(mariadb, "own") as url:
        yield Sql(url)


async def orders(sql: Sql) -> str:
    return (await sql("query", statement="SELECT count(*) FROM orders")).splitlines()[2]


async def test_rows_are_given_as_a_table(sql: Sql):
    text = await sql(
        "query",
        statement="-- who\nSELECT name, city, total FROM customers"
        " LEFT JOIN orders ON customer_id = customers.id ORDER BY customers.id, total DESC;",
    )
    assert text.splitlines() == [
        "| name | city | total |",
        "| --- | --- | --- |",
        "| Ada | Bern | 12.50 |",
        "| Ada | Bern | 7.25 |",
        '| Bo \\| "b" | NULL | NULL |',
        "| Çağ | İzmir | 100.00 |",
        "(4 rows)",
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "WITH a AS (SELECT 1 AS x) SELECT x FROM a",
        "/* note */ SELECT 1 AS x -- note",
        "((SELECT 1) LIMIT 1)",
        "SELECT 1 AS x, 1 AS x",
        "VALUES (1)",
        "SELECT '%s %(a)s :b ? {c}' AS x",
        "EXPLAIN SELECT count(*) FROM orders",
        "SHOW TABLES LIKE 'orders'",
    ],
)
async def test_all_forms_of_reading_work(sql: Sql, statement: str):
    assert "(1 row)" in await sql("query", statement=statement)


async def test_tables_are_listed_with_their_columns(sql: Sql, mariadb: MariaDb):
    mariadb.run(
        "CREATE DATABASE other",
        "CREATE TABLE other.things (id INT PRIMARY KEY)",
        "GRANT SELECT ON other.* TO shop",
    )
    text = await sql("schema")
    assert "customers\n- id int(11) primary key\n- name varchar(80) not null\n- city text" in text
    assert "(home)" in text
    assert "- customer_id int(11) refers to customers.id\n- total decimal(8,2)" in text
    assert "totals\n- customer_id int(11)" in text
    assert "other.things\n- id int(11) primary key" in text
    assert (await sql("schema", table="`CUSTOMERS`")).startswith("customers\n")
    with pytest.raises(ToolArgumentsInvalid) as caught:
        await sql("schema", table="customer")
    assert caught.value.hint == "Did you mean customers?"


WRITES = [
    "DELETE FROM orders",
    "DROP TABLE orders",
    "CREATE TEMPORARY TABLE made (id INT)",
    "SELECT 1; DELETE FROM orders",
    "WITH a AS (SELECT 1) DELETE FROM orders",
    "/*!DELETE FROM orders*/",
    "/*! SET @a = ( */ SELECT 1 /*! ) */",
    "/*m!100000 DELETE FROM orders */ SELECT 1",
    "SELECT sneak()",
    "SELECT nextval(numbers)",
    "SELECT setval(numbers, 50)",
    "SELECT * FROM orders INTO OUTFILE '/tmp/muxi-made'",
    "SELECT 1 INTO DUMPFILE '/tmp/muxi-made'",
    "SELECT 1 INTO @x",
    "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE files",
    "ANALYZE DELETE FROM orders",
    "CALL wipe()",
    "SET TRANSACTION READ WRITE",
    "EXPLAIN FORMAT=JSON DELETE FROM orders; DELETE FROM orders",
    "COMMIT",
    "HANDLER orders OPEN",
    "DO sneak()",
    "",
]


@pytest.mark.parametrize("statement", WRITES)
async def test_a_query_cannot_write(sql: Sql, statement: str, mariadb: MariaDb):
    with pytest.raises(ToolError):
        await sql("query", statement=statement)
    assert await orders(sql) == "| 3 |"
    assert mariadb.run("SELECT next_not_cached_value FROM shop.numbers") == [(1,)]
    assert not made()


async def test_tables_without_transactions_are_not_written_either(sql: Sql):
    for statement in (
        "WITH a AS (SELECT 1) DELETE FROM notes",
        "WITH a AS (SELECT 1) UPDATE notes SET id = 2",
    ):
        with pytest.raises(ToolError):
            await sql("query", statement=statement)
    assert "| 1 |" in await sql("query", statement="SELECT id FROM notes")


def made() -> bool:
    return MADE.exists()


async def test_files_are_out_of_reach(sql: Sql):
    text = await sql("query", statement="SELECT load_file('/etc/passwd') AS it")
    assert "| NULL |" in text
    for statement in (
        "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE files",
        "LOAD DATA INFILE '/etc/passwd' INTO TABLE files",
        "SELECT 1 INTO OUTFILE '/tmp/muxi-made'",
    ):
        with pytest.raises(ToolError):
            await sql("execute", statement=statement)
    assert not made()


@pytest.mark.parametrize(
    "rights",
    [
        "GRANT ALL ON *.* TO strong",
        "GRANT FILE ON *.* TO strong",
        "GRANT SELECT, SUPER ON *.* TO strong",
        "GRANT CREATE USER ON *.* TO strong",
        "GRANT UPDATE ON mysql.* TO strong",
        "GRANT wide TO strong",
    ],
)
async def test_a_role_that_reaches_beyond_the_database_is_refused(
    mariadb: MariaDb, shop: str, rights: str
):
    mariadb.run("CREATE ROLE wide", "GRANT FILE ON *.* TO wide")
    mariadb.run("CREATE USER strong IDENTIFIED BY 'hush'", "GRANT SELECT ON shop.* TO strong")
    mariadb.run(rights)
    if "wide" in rights:
        mariadb.run("SET DEFAULT ROLE wide FOR strong")
    try:
        sql = Sql(mariadb.url("strong", "shop"))
        for name, arguments in (
            ("query", {"statement": "SELECT 1"}),
            ("execute", {"statement": "CREATE TABLE made (id INT)"}),
            ("schema", {}),
        ):
            with pytest.raises(ToolDenied, match="can reach beyond it"):
                await sql(name, **arguments)
    finally:
        mariadb.run("DROP USER strong", "DROP ROLE wide")


async def test_changes_are_made_where_the_project_allows_them(own: Sql):
    said = await own("execute", statement="UPDATE orders SET total = 1 WHERE customer_id = 1;")
    assert said == "Done. 2 rows changed."
    said = await own("execute", statement="INSERT INTO orders VALUES (4, 2, 9) RETURNING id")
    assert said.startswith("Done. 1 rows changed.\n| id |\n| --- |\n| 4 |")
    assert await orders(own) == "| 4 |"
    await own("execute", statement="CALL wipe()")
    assert await orders(own) == "| 0 |"


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM orders; DROP TABLE orders", "BEGIN", "COMMIT", "ROLLBACK", "DELETE FROM nowhere"],
)
async def test_a_change_is_one_statement_or_none(own: Sql, statement: str):
    with pytest.raises(ToolError):
        await own("execute", statement=statement)
    assert await orders(own) == "| 3 |"


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT sleep(600)",
        "SELECT sum(a.seq + b.seq) FROM seq_1_to_1000000000 AS a, seq_1_to_1000000000 AS b",
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT n.x FROM n, seq_1_to_9) SELECT * FROM n",
    ],
)
async def test_a_statement_without_end_is_ended(shop: str, statement: str, mariadb: MariaDb):
    with pytest.raises(ToolTimeout, match="longer than 1 s"):
        await Sql(shop, timeout=1)("query", statement=statement)
    assert await asyncio.to_thread(happens, lambda: not asked(mariadb))


async def test_a_cancelled_call_ends_its_statement(sql: Sql, mariadb: MariaDb):
    call = asyncio.create_task(sql("query", statement="SELECT sleep(600)"))
    assert await asyncio.to_thread(happens, lambda: len(asked(mariadb)) == 1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await asyncio.to_thread(happens, lambda: not asked(mariadb))


async def test_more_rows_and_longer_values_than_fit_are_cut(sql: Sql):
    text = await sql(
        "query",
        statement="WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 900)"
        " SELECT x FROM n",
    )
    assert len(text.splitlines()) == 203
    assert text.endswith("(The first 200 rows; there are more. Ask for less, or for a summary.)")
    text = await sql("query", statement="SELECT repeat('a', 9000000) AS wide")
    assert len(text) < 1_200
    assert "a…" in text
    assert "| a.bin | <5000000 bytes> |" in await sql("query", statement="SELECT * FROM files")


async def test_an_answer_that_would_fill_the_memory_is_not_received(sql: Sql):
    with pytest.raises(ToolError, match="too large"):
        await sql("query", statement="SELECT repeat('a', 60000000) AS wide")
    with pytest.raises(ToolError, match="too large"):
        await sql(
            "query", statement="SELECT repeat('a', 9000) AS a FROM seq_1_to_1000000 LIMIT 1000000"
        )
    assert await orders(sql) == "| 3 |"


async def test_a_locked_row_gives_an_answer_in_time(shop: str, mariadb: MariaDb):
    held = asyncio.create_task(
        Sql(shop, timeout=600)(
            "execute", statement="UPDATE orders SET total = sleep(600) WHERE id = 1"
        )
    )
    assert await asyncio.to_thread(happens, lambda: len(asked(mariadb)) == 1)
    with pytest.raises(ToolTimeout):
        await Sql(shop, timeout=1)("execute", statement="UPDATE orders SET total = 2")
    held.cancel()
    with pytest.raises(asyncio.CancelledError):
        await held


async def test_what_goes_wrong_is_told_without_the_password(shop: str):
    for url in (shop.replace("hush", "hushed"), "mysql://shop:hush@127.0.0.1:1/shop"):
        with pytest.raises(ToolFailed, match="cannot be reached") as caught:
            await Sql(url)("query", statement="SELECT 1")
        assert "hush" not in f"{caught.value} {caught.value.hint}"


def asked(mariadb: MariaDb) -> list[tuple[object, ...]]:
    """Statements of agents that the server is at."""
    return mariadb.run(
        "SELECT id FROM information_schema.processlist WHERE user = 'shop' AND info IS NOT NULL"
    )


def happens(condition: Callable[[], bool]) -> bool:
    """Whether it comes true within a minute."""
    until = time.monotonic() + 60
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return condition()
