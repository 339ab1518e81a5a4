"""Turns and notes into passages that can be found. Called by the backlog, by tools and by doors.

Everything happens in the caller's transaction, so that a memory is stored with its words or not at
all; vectors are made afterwards, by `embedding`. What was stored before, says nothing, or was said
in the same words lately is no new memory.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from muxi.core.errors import InvalidInput
from muxi.core.memories import Memory
from muxi.core.record import clean
from muxi.memory.rows import CONTEXT, group_of, instant_of, memory_of, row_of
from muxi.memory.small_talk import is_small_talk
from muxi.retrieval.window import AFTER, BEFORE, plain_window, window_words
from muxi.retrieval.words import information
from muxi.storage import passages
from muxi.storage.passages import PassageRow
from muxi.storage.records import micros
from muxi.storage.transaction import Tx

LONGEST_TURN: Final = 20_000
"""Characters of a turn that are remembered; its message holds the rest."""
LONGEST_NOTE: Final = 20_000
"""Characters of a note; what is longer is a document."""

_REPEAT_WITHIN: Final = timedelta(days=30) // timedelta(microseconds=1)
"""Microseconds within which the same words are a repetition; later they say that it is so still."""


def remember(tx: Tx, owner: str, turns: Sequence[Memory]) -> list[Memory]:
    """Store turns and notes of one owner, and give those that are new memories.

    Args:
        tx: The transaction.
        owner: Whose memories they are.
        turns: What was said, oldest first; those of one thread in their order.

    Raises:
        InvalidInput: A note is empty or too long, or `owner` is no owner.
        AccessDenied: The scope may not write for this owner.
    """
    new: list[Memory] = []
    known = {row.id for row in passages.get(tx, [owner], [turn.id for turn in turns])}
    prepared: list[Memory] = []
    for turn in turns:
        memory = None if turn.id in known else _prepared(turn, owner)
        if memory is not None:
            known.add(memory.id)
            prepared.append(memory)
    for _, together in groupby(prepared, key=group_of):
        new += _place(tx, owner, list(together))
    return new


def put_down(tx: Tx, owner: str, note: Memory) -> Memory:
    """Store a note, and give it as it is stored; the one there was if it says the same.

    Raises:
        InvalidInput: It is empty or too long.
        AccessDenied: The scope may not write for this owner.
    """
    memory = _prepared(note, owner)
    assert memory is not None, "a note without words is refused"
    known = _repeated(tx, owner, memory)
    if known is not None:
        return known
    _place(tx, owner, [memory])
    return memory


def _prepared(turn: Memory, owner: str) -> Memory | None:
    """The turn as it is stored; None for one that has no words."""
    text = clean(turn.text).replace("\0", " ").strip()
    changes: dict[str, object] = {"owner": owner, "text": text}
    if turn.kind == "note":
        if not text:
            raise InvalidInput("The memory is empty.")
        if len(text) > LONGEST_NOTE:
            raise InvalidInput(
                f"The memory is longer than {LONGEST_NOTE} characters.",
                hint="Long texts belong into knowledge: `muxi knowledge add`.",
            )
    elif len(text) > LONGEST_TURN:
        changes["text"] = text[:LONGEST_TURN]
        changes["metadata"] = {**turn.metadata, "cut_from": len(text)}
    if not text:
        return None
    changes["hash"] = digest(text, turn.speaker)
    changes["information"] = information(str(changes["text"]))
    return turn.model_copy(update=changes)


def digest(text: str, speaker: str | None) -> str:
    """What two memories share that say the same in the same words, whatever its case and blanks."""
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split()).strip(" .!?…")
    return hashlib.sha256(f"{speaker or ''}\0{plain}".encode()).hexdigest()[:32]


def _place(tx: Tx, owner: str, memories: Sequence[Memory]) -> list[Memory]:
    """Store turns behind the others of their thread, or one note; those that are more than mere
    context, and no repetition."""
    group = group_of(memories[0])
    before = [] if memories[0].kind == "note" else passages.last(tx, owner, group, limit=BEFORE + 1)
    place = before[-1].place + 1 if before else 0
    rows: list[PassageRow] = []
    new: list[Memory] = []
    for memory in memories:
        repeated = _repeated_among(new, memory) or _repeated(tx, owner, memory) is not None
        if memory.kind == "note":
            if repeated:
                continue
        elif repeated or is_small_talk(memory.text, _speakers([*before, *rows], memory)):
            rows.append(row_of(memory, place=place + len(rows), kind=CONTEXT))
            continue
        rows.append(row_of(memory, place=place + len(rows)))
        new.append(memory)
    if rows:
        _index(tx, owner, before, rows)
    return new


def _speakers(before: Sequence[PassageRow], memory: Memory) -> list[str]:
    around = [memory.speaker, *(row.speaker for row in before[-BEFORE - 1 :])]
    return [speaker for speaker in around if speaker]


def _index(tx: Tx, owner: str, before: Sequence[PassageRow], rows: Sequence[PassageRow]) -> None:
    """Store new passages of a thread, and the words of all windows that they belong to."""
    numbers = [*(row.number for row in before), *passages.add(tx, owner, rows)]
    whole = [*before, *rows]
    said = [_said(row) for row in whole]
    # The turn before has a successor now, which belongs into its window.
    first = max(0, len(before) - AFTER)
    index = {
        numbers[at]: window_words(said, at)
        for at in range(first, len(whole))
        if whole[at].kind != CONTEXT
    }
    passages.set_many_words(tx, owner, index)


def _repeated_among(new: Sequence[Memory], memory: Memory) -> bool:
    return any(
        each.hash == memory.hash
        and each.kind == memory.kind
        and abs(_micros_of(each) - _micros_of(memory)) <= _REPEAT_WITHIN
        for each in new
    )


def _repeated(tx: Tx, owner: str, memory: Memory) -> Memory | None:
    """The memory that says the same in the same words, of about the same time."""
    said_at = _micros_of(memory)
    row = passages.repeated(
        tx,
        owner,
        memory.hash,
        memory.kind,
        since=said_at - _REPEAT_WITHIN,
        until=said_at + _REPEAT_WITHIN,
    )
    return None if row is None else memory_of(row)


def _micros_of(memory: Memory) -> int:
    return micros(memory.said_at or memory.created_at)


@dataclass(frozen=True, slots=True)
class Said:
    """A turn as windows see it."""

    text: str
    said_at: datetime | None
    session: str | None


def _said(row: PassageRow) -> Said:
    return Said(row.text, instant_of(row), row.group_id)


def window_of(tx: Tx, row: PassageRow) -> str:
    """A stored turn with its neighbours, as it is embedded besides the turn alone."""
    said, at = _with_neighbours(tx, row)
    return plain_window(said, at)


def found_by(tx: Tx, row: PassageRow) -> list[str]:
    """The words of a stored turn and of its neighbours, by which it is found."""
    said, at = _with_neighbours(tx, row)
    return window_words(said, at)


def _with_neighbours(tx: Tx, row: PassageRow) -> tuple[list[Said], int]:
    around = passages.neighbours(tx, row.owner, row.group_id, row.place, before=BEFORE, after=AFTER)
    at = next((at for at, each in enumerate(around) if each.number == row.number), None)
    return ([_said(row)], 0) if at is None else ([_said(each) for each in around], at)
