"""The SQL that is kept is the SQL that the expressions give, and all of it is scoped."""

from __future__ import annotations

import importlib
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from muxi.storage import compile as compiler
from muxi.storage.migrations.run import upgrade
from muxi.storage.schema import metadata
from muxi.storage.sql import schema

NOUNS = sorted(name.removesuffix(".py") for name in compiler.texts() if name != "schema.py")
UNSCOPED = {("system", "INFO"), ("system", "TENANTS")}


def test_the_kept_texts_are_fresh() -> None:
    for name, text in compiler.texts().items():
        assert (compiler.FOLDER / name).read_text(encoding="utf-8") == text, (
            f"{name} is stale: run `python -m muxi.storage.compile`"
        )


@pytest.mark.parametrize("noun", NOUNS)
def test_every_statement_names_the_tenant_of_every_table(noun: str) -> None:
    for name, by_dialect in compiler.statements(noun).items():
        if (noun, name) in UNSCOPED:
            continue
        text = str(by_dialect["postgresql"].compile(dialect=compiler.POSTGRESQL))
        if text.startswith("INSERT"):
            assert "%(tenant)s" in text
            continue
        used = set(re.findall(r"(?:FROM|JOIN|UPDATE|INTO|,) (\w+)\b(?! *[=.])", text)) & set(
            metadata.tables
        )
        aliases = {"messages AS parent": "parent"}
        for table in used:
            scoped = f"{table}.tenant = %(tenant)s" in text
            alias = next((a for key, a in aliases.items() if key.startswith(table)), None)
            assert scoped or (alias and f"{alias}.tenant = %(tenant)s" in text), (name, table)


WALKS = {
    # A tenant is one row of this table.
    *{("tenants", "GET"), ("tenants", "UPDATE"), ("tenants", "TOUCH")},
    # Few rows: what a tenant has of agents, budgets, secrets and documents.
    ("budgets", "ALL"),
    *{("agents", "LIST"), ("documents", "WAITING"), ("documents", "OWNERS")},
    *{("secrets", "OF_OTHER_KEYS"), ("master_keys", "ALL"), ("master_keys", "DELETE_OTHERS")},
    *{("rules", "ROLES"), ("rules", "POLICIES"), ("audit", "LAST_SEAL"), ("audit", "FIRST_SEAL")},
    *{("erasing", "UNNAME_AGENTS"), ("erasing", "UNNAME_VERSIONS")},
    # A partial index of what is under way, which is never much.
    *{("audit", "UNSEALED"), ("audit", "COUNT_UNSEALED")},
    # Seldom, and of everything: forgetting a person, counting, clearing up.
    *{("erasing", name) for name in ("THREADS_OF_OWNER", "MESSAGES_OF_AUTHOR", "MESSAGES_IN_SPAN")},
    *{("erasing", name) for name in ("FINISHED_RUNS", "USAGE_OF_OWNER")},
    *{("provider_files", name) for name in ("LEFT", "COUNT", "DROP_EXPIRED")},
    *{("blobs", "DROP_UNUSED"), ("blobs", "HASHES"), ("passages", "OWNERS"), ("facts", "OWNERS")},
    *{("vectors", "PASSAGES"), ("vectors", "STATE"), ("vectors", "DROP")},
    # Once a minute, of what is counted just now: an index would change with each count.
    ("secrets", "FORGET"),
    *{("limits", "SWEEP_RATES"), ("limits", "SWEEP_GUESSES")},
}
"""Statements that may look at every row that a tenant has in a table."""


def test_no_other_statement_walks_along_all_that_a_tenant_has() -> None:
    connection = sqlite3.connect(":memory:")
    for statement in schema.CREATE:
        connection.execute(statement)
    tables = "|".join(metadata.tables)
    walking = re.compile(rf"SCAN ({tables})\b|SEARCH ({tables})\b.* \(tenant=\?\)$")
    found: set[tuple[str, str]] = set()
    for noun in NOUNS:
        module = importlib.import_module(f"muxi.storage.sql.{noun}")
        for name in compiler.statements(noun):
            text = getattr(module, name).sqlite
            nothing = [None] * text.count("?")
            plan = connection.execute(f"EXPLAIN QUERY PLAN {text}", nothing).fetchall()
            if any(walking.search(step[3]) for step in plan):
                found.add((noun, name))
    connection.close()
    assert found - UNSCOPED == WALKS


def test_every_table_bears_its_tenant() -> None:
    assert {name for name, table in metadata.tables.items() if "tenant" not in table.columns} == {
        "schema_info"
    }


def test_a_new_file_gets_what_the_migrations_give(tmp_path: Path) -> None:
    upgrade(f"sqlite:///{tmp_path}/migrated.db")
    fresh = sqlite3.connect(":memory:")
    for statement in schema.CREATE:
        fresh.execute(statement)
    migrated = sqlite3.connect(tmp_path / "migrated.db")
    assert _drawn(fresh) == _drawn(migrated)
    fresh.close()
    migrated.close()


def _drawn(connection: sqlite3.Connection) -> dict[str, str]:
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {name: re.sub(r"(?<=\() | (?=[,)])", "", " ".join(sql.split())) for name, sql in rows}


def test_starting_on_a_current_file_imports_nothing_heavy(tmp_path: Path) -> None:
    program = f"""
import asyncio, sys
from muxi.storage.database import open_database
async def main():
    for _ in range(2):
        database = await open_database("sqlite:///{tmp_path}/muxi.db")
        await database.close()
asyncio.run(main())
heavy = {{"sqlalchemy", "alembic", "psycopg", "psycopg_pool", "cryptography"}}
print(sorted(heavy & sys.modules.keys()))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"
