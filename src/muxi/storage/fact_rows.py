"""How versions of facts become rows, and rows facts. Called by `storage.facts` only.

The record of a row holds what is not looked up by: the end that was given, confirmations, uses, and
fields that this version does not know.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from muxi.core.facts import Confirmation, Fact
from muxi.core.paths import dotted, steps
from muxi.storage.fact_chain import Said, Version
from muxi.storage.transaction import Row

Key = tuple[str, str]
"""Subject and path, as they stand in their columns."""

SEPARATOR = "\x1f"
"""In place of a path's dots: it sorts before all that a path can hold, so that what lies below a
path comes right behind it."""

_EMPTY = "{}"
_OWN = ("until", "confirmed", "confirmations")


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(instant: datetime) -> int:
    """Microseconds since 1970, exact for every year that there is."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def instant(micros: int) -> datetime:
    """The instant of `micros` microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=micros)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A fact that holds, as far as a tree needs it."""

    predicate: str
    value: str
    """Canonical JSON."""
    valid_from: int


def key(row: Row) -> Key:
    return row[1], row[2]


def stored_path(path: str) -> str:
    """The column of a dotted path."""
    if '"' in path:
        return SEPARATOR.join(dotted([step]) for step in steps(path))
    return path.replace(".", SEPARATOR)


def shown_path(column: str) -> str:
    """The dotted path of a column."""
    return column.replace(SEPARATOR, ".")


def version(row: Row) -> Version:
    """The version that a row of `storage.queries.facts` holds."""
    fact_id, _, _, value, at, ends, recorded_at, message_id, memory_id, confidence = row[:10]
    source, text = row[10:]
    first = Said(
        at=at,
        recorded_at=recorded_at,
        message_id=message_id,
        memory_id=memory_id,
        confidence=confidence,
        source=source,
    )
    if text == _EMPTY:
        return Version(id=fact_id, value=value, first=first, ends=ends)
    record = cast("dict[str, Any]", json.loads(text))
    return Version(
        id=fact_id,
        value=value,
        first=first,
        ends=ends,
        until=record.get("until"),
        confirmed=[_said(stored) for stored in record.get("confirmed", ())],
        confirmations=record.get("confirmations", 0),
        extra={name: item for name, item in record.items() if name not in _OWN},
    )


def values(version: Version) -> dict[str, Any]:
    """The columns of a version's row that may change, and its id."""
    return {
        "id": version.id,
        "valid_from": version.first.at,
        "valid_to": version.ends,
        "recorded_at": version.first.recorded_at,
        "source_message_id": version.first.message_id,
        "source_memory_id": version.first.memory_id,
        "confidence": version.first.confidence,
        "source": version.first.source,
        "record": _record(version),
    }


def fact(owner: str, row: Row) -> Fact:
    """The noun that a row stands for."""
    found = version(row)
    first = found.first
    used_at = found.extra.get("used_at")
    # Checked when it was stored; a page of a hundred is read in a tenth of the time.
    return Fact.model_construct(
        None,
        **{
            **found.extra,
            "id": found.id,
            "owner": owner,
            "subject": row[1],
            "predicate": shown_path(row[2]),
            "value": json.loads(found.value),
            "valid_from": instant(first.at),
            "valid_to": _instant(found.ends),
            "recorded_at": instant(first.recorded_at),
            "source_message_id": first.message_id,
            "source_memory_id": first.memory_id,
            "confidence": first.confidence,
            "source": first.source,
            "until": _instant(found.until),
            "confirmations": found.confirmations,
            "confirmed": [_confirmation(said) for said in found.confirmed],
            "used_at": _instant(used_at),
        },
    )


def used(found: Version, at: datetime) -> Version:
    """`found`, once more recalled for an answer."""
    found.extra["uses"] = int(found.extra.get("uses", 0)) + 1
    found.extra["used_at"] = micros(at)
    return found


def _record(version: Version) -> str:
    record = dict(version.extra)
    if version.until is not None:
        record["until"] = version.until
    if version.confirmations:
        record["confirmations"] = version.confirmations
        record["confirmed"] = [_stored(said) for said in version.confirmed]
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")) if record else _EMPTY


def _stored(said: Said) -> list[Any]:
    return [
        said.at,
        said.recorded_at,
        said.message_id,
        said.memory_id,
        said.confidence,
        said.source,
    ]


def _said(stored: list[Any]) -> Said:
    at, recorded_at, message_id, memory_id, confidence, source = stored
    return Said(
        at=at,
        recorded_at=recorded_at,
        message_id=message_id,
        memory_id=memory_id,
        confidence=confidence,
        source=source,
    )


def _confirmation(said: Said) -> Confirmation:
    return Confirmation(
        at=instant(said.at),
        recorded_at=instant(said.recorded_at),
        source_message_id=said.message_id,
        source_memory_id=said.memory_id,
        confidence=said.confidence,
        source=said.source,
    )


def _instant(micros: int | None) -> datetime | None:
    return None if micros is None else instant(micros)
