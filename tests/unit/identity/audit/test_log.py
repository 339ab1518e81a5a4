"""The audit log on a real database: what it takes in, its seals, and what tampering shows."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from support.postgres import PostgresAddress

from muxi.core.audit import AuditReport
from muxi.core.caller import LOCAL_CALLER, Caller, Credential
from muxi.core.errors import Conflict, InvalidInput, StorageError
from muxi.core.scope import Scope
from muxi.identity.audit.chain import Seal, text_of
from muxi.identity.audit.log import AuditLog, tell
from muxi.identity.audit.signing import signing_key
from muxi.identity.audit.verifying import verify_file, verify_lines
from muxi.storage import tenants
from muxi.storage.database import Tx, open_database

KEY = Caller("default", "ann", Credential("key", "key_1"))


@asynccontextmanager
async def opened(folder: Path, address: PostgresAddress | None = None) -> AsyncGenerator[AuditLog]:
    url = f"sqlite:///{folder / 'muxi.db'}" if address is None else address.url
    database = await open_database(url, owner_url=address and address.owner_url)
    log = AuditLog(database=database, key_file=folder / "audit.key")
    await log.start()
    yield log
    await log.close()
    await database.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.ci)])
async def log(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AuditLog]:
    shared = request.param == "postgresql"
    address = request.getfixturevalue("wiped_database") if shared else None
    async with opened(tmp_path, address) as log:
        yield log


@pytest.fixture
async def log_of_file(tmp_path: Path) -> AsyncIterator[AuditLog]:
    """One whose database is the file `muxi.db`."""
    async with opened(tmp_path) as log:
        yield log


async def fill(log: AuditLog, entries: int = 10) -> None:
    """Entries under two seals."""
    for number in range(entries):
        await log.record(KEY, "threads.write", outcome="done", id=f"thr_{number}")
        if number == entries // 2 - 1:
            await log.seal()
    await log.seal()


async def exported(log: AuditLog) -> list[str]:
    return [line async for line in log.export("default")]


def found(report: AuditReport) -> list[tuple[int | None, str]]:
    return [(each.seq, each.problem) for each in report.findings]


async def test_a_log_that_nobody_touched_is_good(log: AuditLog):
    await fill(log)
    report = verify_lines(await exported(log))
    assert (report.entries, report.seals, report.last) == (10, 2, 10)
    assert report.good
    head = await log.head("default")
    assert (head.seq, head.hash, report.keys) == (10, report.hash, [head.key])


async def test_a_server_looks_at_its_own_log(log: AuditLog, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("muxi.identity.audit.log._TOGETHER", 3)
    await fill(log)
    assert await log.verify("default") == verify_lines(await exported(log))


async def test_a_database_is_verified_as_its_export_is(log_of_file: AuditLog, tmp_path: Path):
    await fill(log_of_file)
    keys = frozenset([(await log_of_file.head("default")).key])
    (of_file,) = verify_file(tmp_path / "muxi.db", keys=keys)
    assert of_file == verify_lines(await exported(log_of_file), keys=keys)
    assert of_file.good


async def test_a_page_tells_who_did_what(log: AuditLog):
    await fill(log, 4)
    await log.refused(LOCAL_CALLER.acting("bob"), "tools.use", "shell")
    page = await log.page("default", limit=3)
    assert [each.action for each in page.items] == ["tools.use", "threads.write", "threads.write"]
    first = page.items[0]
    assert (first.actor, first.acting_for, first.outcome) == ("local", "bob", "refused")
    rest = await log.page("default", cursor=page.next)
    assert [each.details["id"] for each in rest.items] == ["thr_1", "thr_0"]
    assert rest.items[0].seq == 2
    mine = await log.page("default", actor="local")
    assert [each.resource for each in mine.items] == ["shell"]


async def test_a_changed_entry_is_found(log: AuditLog):
    await fill(log)
    lines = await exported(log)
    line = next(number for number, each in enumerate(lines) if "thr_6" in each)
    lines[line] = lines[line].replace("thr_6", "thr_X")
    assert found(verify_lines(lines)) == [(7, "It was changed, or its link was.")]


async def test_a_missing_entry_is_found(log: AuditLog):
    await fill(log)
    lines = [each for each in await exported(log) if "thr_6" not in each]
    assert found(verify_lines(lines)) == [(8, "Before it, 7 is missing.")]


async def test_an_entry_that_was_put_in_is_found(log: AuditLog):
    await fill(log)
    lines = await exported(log)
    line = next(number for number, each in enumerate(lines) if "thr_6" in each)
    lines.insert(line, lines[line])
    assert found(verify_lines(lines)) == [(7, "It stands twice, or not in its place.")]


async def test_links_that_were_made_anew_do_not_lead_to_what_was_signed(log: AuditLog):
    from muxi.identity.audit.chain import START, link, text_of

    await fill(log)
    before, forged = START, []
    for line in map(json.loads, await exported(log)):
        if "entry" in line:
            if line["seq"] == 3:
                line["entry"]["actor"] = "eve"
            before = line["hash"] = link(before, line["seq"], text_of(line["entry"]))
        forged.append(json.dumps(line))
    problems = found(verify_lines(forged))
    assert problems[0] == (5, "Entries from 1 to 5 are not those that seal 1 signed.")


async def test_a_log_that_somebody_else_signed_is_found_by_its_key(log: AuditLog, tmp_path: Path):
    await fill(log)
    ours = frozenset(["0000:0000"])
    problems = found(verify_lines(await exported(log), keys=ours))
    assert "signed by the unknown key" in problems[0][1]


async def test_a_bad_signature_is_found(log: AuditLog):
    await fill(log)
    lines = await exported(log)
    seal = json.loads(lines[-1])
    seal["seal"]["sealed_at"] += 1
    lines[-1] = json.dumps(seal)
    assert found(verify_lines(lines)) == [(10, "The signature of seal 2 is not good.")]


async def test_a_cut_log_is_found_by_where_it_ended_once(log: AuditLog):
    await fill(log)
    head = await log.head("default")
    lines = await exported(log)
    cut = lines[: next(n for n, each in enumerate(lines) if '"seal"' in each) + 1]
    assert verify_lines(cut).good
    problems = found(verify_lines(cut, head=(head.seq, head.hash)))
    assert problems == [(None, "The log was cut: it once had 10 entries.")]


async def test_a_tampered_database_is_found_without_its_server(
    log_of_file: AuditLog, tmp_path: Path
):
    await fill(log_of_file)
    await log_of_file.close()
    with sqlite3.connect(tmp_path / "muxi.db") as connection:
        connection.execute("UPDATE audit SET record = replace(record, 'ann', 'eve') WHERE seq = 2")
        connection.execute("DELETE FROM audit WHERE seq = 9")
    connection.close()
    (report,) = verify_file(tmp_path / "muxi.db")
    assert [each.seq for each in report.findings] == [2, 10]


@pytest.mark.parametrize("listed", ["id", "actor", "action", "outcome"])
async def test_an_entry_that_is_listed_as_another_is_found(
    log_of_file: AuditLog, tmp_path: Path, listed: str
):
    await fill(log_of_file)
    await log_of_file.close()
    with sqlite3.connect(tmp_path / "muxi.db") as connection:
        connection.execute(f"UPDATE audit SET {listed} = 'other' WHERE seq = 2")
    connection.close()
    (report,) = verify_file(tmp_path / "muxi.db")
    assert found(report) == [(2, "It is listed as something else than it says.")]


async def test_what_is_no_log_is_told(tmp_path: Path):
    for name, content in (("a.txt", b"Hello"), ("b.bin", b"\xff\xfe\x00"), ("c.json", b"[1]\n")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InvalidInput, match="no audit log"):
            verify_file(tmp_path / name)


async def test_lines_that_are_no_entries_are_told_and_not_followed(log: AuditLog):
    await fill(log, 2)
    lines = await exported(log)
    broken = [*lines, '{"seq": "x"}', "[]", "{" * 100_000, '{"seal": {"number": 1}}']
    assert len(verify_lines(broken).findings) == 4


async def test_an_entry_is_stored_with_what_it_tells_of_or_not_at_all(log: AuditLog):
    scope = Scope("default", None)
    async with log.during(KEY, "tenants.write"):
        tell(tenant="default")
        await log.database.write(scope, lambda tx: tenants.add(tx, "One"))
    (entry,) = (await log.page("default")).items
    assert (entry.outcome, entry.details) == ("done", {"tenant": "default"})
    with pytest.raises(Conflict):
        async with log.during(KEY, "tenants.write"):
            await log.database.write(scope, lambda tx: tenants.add(tx, "Two"))
    assert len((await log.page("default")).items) == 1


async def test_what_fails_after_it_changed_something_says_so(log: AuditLog):
    async def half() -> None:
        async with log.during(KEY, "tenants.write"):
            await log.database.write(Scope("default", None), lambda tx: tenants.add(tx, "One"))
            raise Conflict("Not like this.")

    with pytest.raises(Conflict):
        await half()
    assert [each.outcome for each in (await log.page("default")).items] == ["failed", "done"]


async def test_what_writes_nothing_is_entered_all_the_same(log: AuditLog):
    async with log.during(KEY, "mcp.write", "files"):
        pass
    assert [each.resource for each in (await log.page("default")).items] == ["files"]


async def test_the_same_refusal_again_and_again_is_entered_once(log: AuditLog):
    for _ in range(50):
        await log.refused(KEY, "runs.start")
    assert len((await log.page("default")).items) == 1


async def test_tenants_have_chains_of_their_own(log: AuditLog):
    other = Caller("other", "ann", Credential("key", "key_2"))
    await fill(log, 2)
    await log.record(other, "threads.write")
    await log.seal()
    assert (await log.head("other")).seq == 1
    assert (await log.page("other")).items[0].credential_id == "key_2"
    assert verify_lines([line async for line in log.export("other")]).tenant == "other"


async def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path):
    path = tmp_path / "audit.key"
    signing_key(path)
    path.chmod(0o644)
    with pytest.raises(StorageError, match="Others"):
        signing_key(path)
    path.write_text("nonsense")
    path.chmod(0o600)
    with pytest.raises(StorageError, match="no key"):
        signing_key(path)


async def test_what_is_too_old_goes_and_the_rest_can_still_be_verified(
    log: AuditLog, tmp_path: Path
):
    await fill(log)
    once = await log.head("default")
    log.keep_days = 1
    await log.database.write(Scope("default", None), tenants.ensure)
    await log.cut()
    assert verify_lines(await exported(log)).entries == 10

    await made_older(log, tmp_path, upto=1)
    await log.cut()
    await log.seal()
    for ended in (None, (once.seq, once.hash), (3, "0" * 64)):
        report = verify_lines(await exported(log), head=ended, keys=frozenset([once.key]))
        assert found(report) == []
        assert (report.cut, report.entries, report.last) == (5, 6, 11)
    if log.database.dialect == "sqlite":
        (of_file,) = verify_file(tmp_path / "muxi.db")
        assert of_file == verify_lines(await exported(log))
    newest = (await log.page("default", limit=1)).items[0]
    assert (newest.action, newest.details["entries"]) == ("audit.cut", "5")

    # A second cut goes on from the first one, and leaves nothing of it to tell apart.
    await made_older(log, tmp_path, upto=3)
    await log.cut()
    await log.seal()
    report = verify_lines(await exported(log))
    assert (found(report), report.cut, report.entries) == ([], 11, 1)


async def test_whoever_cuts_the_beginning_without_the_key_is_found_out(
    log_of_file: AuditLog, tmp_path: Path
):
    await fill(log_of_file)
    log_of_file.keep_days = 1
    await log_of_file.database.write(Scope("default", None), tenants.ensure)
    await made_older(log_of_file, tmp_path, upto=1)
    # As the log_of_file itself would do it, but for the word of its key.
    own = signing_key(tmp_path / "another.key")
    keys = frozenset([(await log_of_file.head("default")).key])
    anchor = replace(Seal(0, 5, 0, "", "", ""), number=1, hash=hash_of(tmp_path, 5))
    forged = text_of(asdict(own.sign_cut("default", anchor, 1)))
    for said in (None, forged):
        with sqlite3.connect(tmp_path / "muxi.db") as rows:
            rows.execute("DELETE FROM audit WHERE seq <= 5")
            rows.execute("UPDATE audit_seals SET cut = ? WHERE number = 1", (said,))
        rows.close()
        assert not verify_lines(await exported(log_of_file), keys=keys).good
        assert not verify_file(tmp_path / "muxi.db", keys=keys)[0].good
    # A good word for one cut is none for another.
    await log_of_file.cut()
    lines = await exported(log_of_file)
    moved = lines[1].replace('"seq":5', '"seq":6')
    assert moved != lines[1]
    assert not verify_lines([lines[0], moved, *lines[3:]]).good
    with_another = verify_lines(lines, head=(5, "f" * 64))
    assert not with_another.good


async def test_a_long_log_is_exported_a_seal_at_a_time(log: AuditLog):
    """So that the memory it takes does not grow with its length."""
    for number in range(7):
        await log.record(KEY, "threads.write", outcome="done", id=f"thr_{number}")
        await log.seal()
    read: list[int] = []
    real = log.database.read

    async def watched(scope: Scope, work: Any, **more: Any) -> Any:
        result = await real(scope, work, **more)
        if isinstance(result, list):
            read.append(len(result))
        return result

    log.database.read = watched  # type: ignore[method-assign] -- watched from outside
    lines = await exported(log)
    assert len(lines) == 1 + 7 * 2
    assert max(read) == 1


def hash_of(folder: Path, seq: int) -> str:
    """The link of an entry."""
    with sqlite3.connect(folder / "muxi.db") as rows:
        (found,) = rows.execute("SELECT hash FROM audit WHERE seq = ?", (seq,)).fetchone()
    rows.close()
    return found


async def made_older(log: AuditLog, folder: Path, *, upto: int) -> None:
    """The seals up to that number were made long ago: signatures are of when they were made, so
    that they are made anew."""
    key = signing_key(folder / "audit.key")

    def change(tx: Tx) -> None:
        for row in tx.raw(
            "SELECT number, seq, sealed_at, hash, key, signature FROM audit_seals"
            f" WHERE number <= {upto}"
        ):
            old = key.sign("default", replace(Seal(*row), sealed_at=1_000_000))
            tx.raw(
                f"UPDATE audit_seals SET sealed_at = {old.sealed_at},"
                f" signature = '{old.signature}' WHERE number = {old.number} RETURNING number"
            )

    await log.database.write(Scope("default", None), change)
