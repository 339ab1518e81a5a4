"""The verifier of audit logs: it needs a file and nothing else, no server and no project.

Used by `muxi audit verify`, and by a server that is asked to look at its own log. It looks at every
link and every signature, and says what is wrong where. What it cannot see by itself is that the
newest entries were cut off together with their seals: for that it is told where the log once ended.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from muxi.core.audit import AuditEntry, AuditFinding, AuditReport
from muxi.core.errors import InvalidInput
from muxi.core.json_shapes import is_object
from muxi.identity.audit.chain import START, Cut, Seal, fingerprint, link, text_of
from muxi.identity.audit.signing import is_signed, is_signed_cut
from muxi.storage.records import column

_SQLITE: Final = b"SQLite format 3\0"
_MOST_FINDINGS: Final = 100


@dataclass(slots=True)
class Verifier:
    """Looks at one log, from its first entry to its last.

    Args:
        tenant: Whose log it is.
        keys: Fingerprints of the keys that may have signed it; empty for any.
        head: The number and the link of an entry that was its last once.
    """

    tenant: str
    keys: frozenset[str] = frozenset()
    head: tuple[int, str] | None = None
    report: AuditReport = field(init=False)
    _link: str = START
    """The link of the last entry."""
    _sealed: int = 0
    """The last entry that a seal covers."""
    _seals: int = 0
    _head_seen: bool = False

    def __post_init__(self) -> None:
        self.report = AuditReport(tenant=self.tenant, entries=0, seals=0)

    def entry(self, seq: int, text: str, hash: str) -> bool:
        """The next entry, as it is stored; whether it is the one that was linked here."""
        report, expected = self.report, self.report.last + 1
        if seq > expected:
            told = f"{expected}" if seq == expected + 1 else f"{expected} to {seq - 1}"
            self.find(seq, f"Before it, {told} is missing.")
        elif seq < expected:
            self.find(seq, "It stands twice, or not in its place.")
        linked = link(self._link, seq, text) == hash
        if seq == expected and not linked:
            self.find(seq, "It was changed, or its link was.")
        if self.head is not None and seq == self.head[0]:
            self._head_seen = True
            if hash != self.head[1]:
                self.find(seq, "It is not the entry that was the last one once.")
        report.entries += 1
        report.first = report.first or seq
        report.last, self._link = max(seq, report.last), hash
        report.hash = hash
        return linked

    def seal(self, seal: Seal) -> None:
        """The next seal, after the entries that it covers."""
        report = self.report
        if seal.number != self._seals + 1:
            self.find(seal.seq, f"Seal {self._seals + 1} is missing.")
        if not is_signed(self.tenant, seal):
            self.find(seal.seq, f"The signature of seal {seal.number} is not good.")
        elif seal.seq != report.last:
            self.find(seal.seq, f"Seal {seal.number} covers entries that are not there.")
        elif seal.hash != self._link:
            about = f"from {self._sealed + 1} to {seal.seq}"
            self.find(seal.seq, f"Entries {about} are not those that seal {seal.number} signed.")
        self._know(seal.key, seal)
        report.seals += 1
        self._seals, self._sealed = seal.number, seal.seq

    def begin_after(self, seal: Seal, cut: Cut) -> None:
        """Everything up to a seal was removed; what follows is linked to it."""
        report = self.report
        if not is_signed(self.tenant, seal) or not is_signed_cut(self.tenant, seal, cut):
            self.find(seal.seq, "That everything up to here was removed is not rightly signed.")
        for key in (seal.key, cut.key):
            self._know(key, seal)
        if self.head is not None and self.head[0] <= seal.seq:
            # What was removed cannot be compared any more, save for the last of it.
            self._head_seen = True
            if self.head[0] == seal.seq and self.head[1] != seal.hash:
                self.find(seal.seq, "It is not the entry that was the last one once.")
        report.cut = report.last = self._sealed = seal.seq
        report.hash = self._link = seal.hash
        self._seals = seal.number

    def end(self, waiting: int = 0) -> AuditReport:
        """What was found. `waiting` entries have no place yet."""
        report = self.report
        report.waiting = waiting
        if report.last > self._sealed:
            self.find(self._sealed + 1, "From here on no seal covers the entries.")
        if self.head is not None and not self._head_seen and self.head[0] > 0:
            self.find(None, f"The log was cut: it once had {self.head[0]} entries.")
        return report

    def _know(self, key: str, seal: Seal) -> None:
        name = _named(key)
        if name not in self.report.keys:
            self.report.keys.append(name)
            if self.keys and name not in self.keys:
                self.find(seal.seq, f"Seal {seal.number} was signed by the unknown key {name}.")

    def find(self, seq: int | None, problem: str) -> None:
        """Note what is wrong with an entry, or with all of the log."""
        if len(self.report.findings) < _MOST_FINDINGS:
            self.report.findings.append(AuditFinding(seq=seq, problem=problem))


def verify_file(
    path: Path,
    *,
    tenant: str | None = None,
    keys: frozenset[str] = frozenset(),
    head: tuple[int, str] | None = None,
) -> list[AuditReport]:
    """What is wrong with the logs in an export, or in the database file of a project.

    Args:
        path: The file.
        tenant: The one tenant to look at, of a database with several.
        keys: Fingerprints of the keys that may have signed it; empty for any.
        head: The number and the link of an entry that was the last one once.

    Raises:
        InvalidInput: The file is neither.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        is_database = file.read(len(_SQLITE)) == _SQLITE
    if is_database:
        return list(_of_database(path, tenant, keys, head))
    with path.open(encoding="utf-8") as lines:
        try:
            return [verify_lines(lines, keys=keys, head=head)]
        except UnicodeDecodeError:
            raise _no_log(path.name) from None


def verify_lines(
    lines: Iterable[str],
    *,
    keys: frozenset[str] = frozenset(),
    head: tuple[int, str] | None = None,
) -> AuditReport:
    """What is wrong with an export. Raises `InvalidInput` if it is none."""
    verifier = ExportVerifier(keys, head)
    verifier.take(lines)
    return verifier.end()


class ExportVerifier:
    """Looks at an export as its lines come. `keys` and `head` as of `Verifier`."""

    def __init__(
        self, keys: frozenset[str] = frozenset(), head: tuple[int, str] | None = None
    ) -> None:
        self._expected = keys, head
        self._verifier: Verifier | None = None

    def take(self, lines: Iterable[str]) -> None:
        """The next lines. Raises `InvalidInput` if the first of all begins no log."""
        for line in _read(lines):
            if self._verifier is None:
                self._verifier = Verifier(_tenant_of(line), *self._expected)
            else:
                _look_at(self._verifier, line)

    def end(self) -> AuditReport:
        """What was found. Raises `InvalidInput` if there was no log."""
        if self._verifier is None:
            raise _no_log("This")
        return self._verifier.end()


def _tenant_of(line: Mapping[str, Any]) -> str:
    tenant = line.get("tenant")
    if line.get("muxi_audit") != 1 or not isinstance(tenant, str):
        raise _no_log("This")
    return tenant


def _look_at(verifier: Verifier, line: Mapping[str, Any]) -> None:
    try:
        if "cut" in line:
            verifier.begin_after(Seal(**line["seal"]), Cut(**line["cut"]))
        elif "seal" in line:
            verifier.seal(Seal(**line["seal"]))
        else:
            verifier.entry(int(line["seq"]), text_of(line["entry"]), str(line["hash"]))
    except (KeyError, TypeError, ValueError):
        verifier.report.findings.append(
            AuditFinding(seq=verifier.report.last, problem="After it stands what is no entry.")
        )


def _read(lines: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    for text in lines:
        if not text.strip():
            continue
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            line = None
        yield line if is_object(line) else {}


def _of_database(
    path: Path, tenant: str | None, keys: frozenset[str], head: tuple[int, str] | None
) -> Iterator[AuditReport]:
    address = f"{path.absolute().as_uri()}?mode=ro"
    try:
        connection = sqlite3.connect(address, uri=True)
        try:
            found = connection.execute("SELECT DISTINCT tenant FROM audit ORDER BY tenant")
            for name in [row[0] for row in found] if tenant is None else [tenant]:
                yield _of_tenant(connection, Verifier(name, keys, head))
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise InvalidInput(f"{path.name} has no audit log that can be read: {error}.") from None


def _of_tenant(connection: sqlite3.Connection, verifier: Verifier) -> AuditReport:
    which = (verifier.tenant,)
    seals = connection.execute(
        "SELECT number, seq, sealed_at, hash, key, signature, cut FROM audit_seals "
        "WHERE tenant = ? ORDER BY number",
        which,
    )
    entries = connection.execute(
        "SELECT seq, record, hash, id, actor, action, outcome FROM audit "
        "WHERE tenant = ? AND seq IS NOT NULL ORDER BY seq",
        which,
    )
    waiting = connection.execute(
        "SELECT count(*) FROM audit WHERE tenant = ? AND seq IS NULL", which
    ).fetchone()[0]
    row = entries.fetchone()
    for each in seals:
        seal = Seal(*each[:6])
        if each[6] is not None:
            verifier.begin_after(seal, Cut(**json.loads(each[6])))
            continue
        while row is not None and row[0] <= seal.seq:
            _look_at_row(verifier, row)
            row = entries.fetchone()
        verifier.seal(seal)
    while row is not None:
        _look_at_row(verifier, row)
        row = entries.fetchone()
    return verifier.end(waiting)


def _look_at_row(verifier: Verifier, row: tuple[Any, ...]) -> None:
    """An entry, and whether the columns that it is listed by say what it says."""
    seq, record, linked, *listed = row
    if not verifier.entry(seq, record, linked):
        return
    entry = AuditEntry.model_validate_json(record)
    if listed != [entry.id, column(entry.actor), entry.action, entry.outcome]:
        verifier.find(seq, "It is listed as something else than it says.")


def _named(key: str) -> str:
    try:
        return fingerprint(key)
    except ValueError:
        return "unreadable"


def _no_log(name: str) -> InvalidInput:
    return InvalidInput(
        f"{name} is no audit log.",
        hint="`muxi audit export` makes one; the database file of a project can be verified too.",
    )
