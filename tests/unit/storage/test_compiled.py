"""The SQL that is kept is the SQL that the expressions give, and all of it is scoped."""

from __future__ import annotations

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
    return {name: " ".join(sql.replace("( ", "(").split()) for name, sql in rows}


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
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=50
    )
    assert done.stdout.strip() == "[]"
