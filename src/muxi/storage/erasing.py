"""Erases what a forgetting names, with everything that was drawn from it, a piece at a time.

Called by `memory.forgetting` in the name of a whole tenant. Each function does a bounded piece of
work in the caller's transaction and may be called again: what is gone already is passed over. It
returns what it did as numbers, never as content.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from muxi.core.errors import NotFound
from muxi.core.events import Problem
from muxi.core.forgetting import BLANK, FORGOTTEN
from muxi.core.ids import new_id
from muxi.core.messages import AnyPart, Message, TextPart, media
from muxi.core.threads import Run, Thread
from muxi.storage import blobs, facts, passages, runs, sequences, summaries, vectors
from muxi.storage.event_thinning import bare_events, thin, whole_events
from muxi.storage.records import column, encode, listed
from muxi.storage.sql import blobs as blobs_sql
from muxi.storage.sql import erasing as sql
from muxi.storage.sql import threads as threads_sql
from muxi.storage.transaction import Row, Tx

PIECE = 500
"""Rows that go at once: what waits to be written waits no longer than for these."""

Place = tuple[str, int, str]
"""Owner, number and id of a passage."""


@dataclass(slots=True)
class Erased:
    """What went in one piece of the work."""

    counts: Counter[str] = field(default_factory=Counter[str])
    blobs: set[str] = field(default_factory=set[str])
    """Hashes of bytes that nobody uses any more: their files are to go."""
    owners: set[str] = field(default_factory=set[str])
    """Owners whose passages or facts changed."""
    threads: set[str] = field(default_factory=set[str])


def memory_id(message_id: str) -> str:
    """The id that a memory of this message has."""
    return f"mem_{message_id.removeprefix('msg_')}"


def message_id(memory_id: str) -> str:
    """The id of the message that a memory of this id would have been said in."""
    return f"msg_{memory_id.removeprefix('mem_')}"


def places(tx: Tx, ids: Iterable[str]) -> list[Place]:
    """Where the passages of these ids are."""
    return [_place(row) for row in tx.rows(sql.PASSAGES_BY_ID, ids=listed(tx.dialect, ids))]


def places_of_owner(tx: Tx, owner: str, *, after: int = 0) -> list[Place]:
    """The next passages of an owner."""
    rows = tx.rows(sql.PASSAGES_OF_OWNER, owner=column(owner), after=after, limit=PIECE)
    return [_place(row) for row in rows]


def places_in_span(tx: Tx, owner: str, since: int, until: int, *, after: int = 0) -> list[Place]:
    """The next memories of an owner that were said in a span of time, in microseconds."""
    rows = tx.rows(
        sql.PASSAGES_IN_SPAN,
        owner=column(owner),
        since=since,
        until=until,
        after=after,
        limit=PIECE,
    )
    return [_place(row) for row in rows]


def places_spoken(tx: Tx, speaker: str) -> list[Place]:
    """The next passages of any owner that somebody spoke."""
    rows = tx.rows(sql.PASSAGES_SPOKEN, speaker=column(speaker), limit=PIECE)
    return [_place(row) for row in rows]


def places_of_group(tx: Tx, owner: str, group_id: str) -> list[Place]:
    """The passages of a thread or document in one owner's memory."""
    rows = tx.rows(sql.PASSAGES_OF_GROUP, owner=column(owner), group_id=column(group_id))
    return [_place(row) for row in rows]


def erase_passages(tx: Tx, gone: Sequence[Place]) -> Erased:
    """Remove passages with words and vectors, and what was taken from them as facts."""
    erased = Erased()
    by_owner: dict[str, list[int]] = {}
    for owner, number, _ in gone:
        by_owner.setdefault(owner, []).append(number)
    for owner, numbers in by_owner.items():
        erased.counts["memories"] += passages.remove(tx, owner, numbers)
        erased.owners.add(owner)
    _take_back(tx, [each for _, _, each in gone], erased, owners=by_owner)
    return erased


def _take_back(tx: Tx, sources: list[str], erased: Erased, *, owners: Iterable[str] = ()) -> None:
    """Take back the facts that these messages and memories said."""
    if not sources:
        return
    citing = {row[0] for row in tx.rows(sql.FACT_OWNERS, ids=listed(tx.dialect, sources))}
    for owner in sorted(citing.union(owners)):
        if taken := facts.forget_sources(tx, owner, sources):
            erased.counts["facts"] += taken
            erased.owners.add(owner)


def drop_windows(tx: Tx, numbers: Iterable[int]) -> None:
    """Let the vectors of windows go that passages which are gone stood in; they are made anew."""
    vectors.drop_windows(tx, numbers)


def erase_facts(tx: Tx, owner: str, ids: Sequence[str]) -> Erased:
    """Delete facts by their ids; those that are gone already are passed over."""
    erased = Erased(owners={owner})
    for each in ids:
        try:
            facts.delete(tx, owner, each)
        except NotFound:
            continue
        erased.counts["facts"] += 1
    return erased


def threads_of(tx: Tx, user: str) -> list[str]:
    """The threads that a user owns."""
    return [row[0] for row in tx.rows(sql.THREADS_OF_OWNER, user=column(user))]


def messages_of(tx: Tx, thread_id: str) -> list[str]:
    """The ids of a thread's messages, of all branches."""
    return [row[0] for row in tx.rows(sql.MESSAGES_OF_THREAD, thread_id=thread_id)]


def erase_drawn(tx: Tx, message_ids: Sequence[str]) -> Erased:
    """Remove what was drawn from messages: their memories, and facts that they said."""
    found = places(tx, map(memory_id, message_ids))
    erased = erase_passages(tx, found)
    _take_back(tx, list(message_ids), erased)
    return erased


def erase_thread(tx: Tx, thread_id: str) -> Erased:
    """Remove a thread with its messages, runs, steps, events and summaries."""
    erased = Erased(threads={thread_id})
    erased.blobs.update(blobs.release(tx, thread_id))
    erased.counts["messages"] += len(messages_of(tx, thread_id))
    run_ids = [row[0] for row in tx.rows(sql.RUNS_OF_THREAD, thread_id=thread_id)]
    erased.counts["runs"] += len(run_ids)
    used = tx.rows(sql.USAGE_OF_RUNS, run_ids=listed(tx.dialect, run_ids))
    _unname_usage(tx, used, erased)
    tx.run(threads_sql.DELETE_LEASES, id=thread_id)
    erased.counts["threads"] += tx.run(threads_sql.DELETE, id=thread_id)
    return erased


def messages_of_author(tx: Tx, user: str) -> list[str]:
    """Messages of a user that still have their words, in whatever thread."""
    return [row[1] for row in tx.rows(sql.MESSAGES_OF_AUTHOR, user=column(user))]


def messages_in_span(tx: Tx, user: str, since: int, until: int) -> list[str]:
    """Messages in a user's threads from a span of time, in microseconds, not blanked yet."""
    rows = tx.rows(sql.MESSAGES_IN_SPAN, user=column(user), since=since, until=until)
    return [row[1] for row in rows if not _is_blank(row[3])]


def blank_messages(tx: Tx, ids: Sequence[str], *, unname: str | None = None) -> Erased:
    """Take the words out of messages that stay in their threads, and all that repeats them.

    What a run emitted and stored on its way goes, save that it began and ended; summaries of the
    messages go; bytes go that no other message of the thread shows.

    Args:
        tx: The transaction.
        ids: The messages.
        unname: A user who is no longer to be named as author.
    """
    erased = Erased()
    rows = tx.rows(sql.MESSAGES_BY_ID, ids=listed(tx.dialect, ids))
    by_thread: dict[str, list[Row]] = {}
    for row in rows:
        by_thread.setdefault(row[0], []).append(row)
    for thread_id, some in by_thread.items():
        erased.threads.add(thread_id)
        shown: set[str] = set()
        for _, each, _, record in some:
            message = Message.model_validate_json(record)
            shown.update(part.blob for part in media(message.parts) if part.blob is not None)
            _blank(tx, each, message, unname)
            erased.counts["messages blanked"] += 0 if _is_blank(record) else 1
            if message.parent_id is None:
                _untitle(tx, thread_id)
        sequences.erased(tx, thread_id)
        removed = summaries.remove_covering(tx, thread_id, [row[1] for row in some])
        erased.counts["summaries"] += len(removed)
        begun = {row[2] for row in some if row[2] is not None}
        begun.update(_begun_by(tx, thread_id, [row[1] for row in some]))
        for run_id in sorted(begun):
            bare_run(tx, run_id)
        _release(tx, thread_id, shown, erased)
    return erased


def _begun_by(tx: Tx, thread_id: str, inputs: Sequence[str]) -> list[str]:
    """The runs of a thread that these messages began."""
    # In two steps: in one, SQLite would walk all runs of the tenant.
    there = [row[0] for row in tx.rows(sql.RUNS_OF_THREAD, thread_id=thread_id)]
    rows = tx.rows(
        sql.RUNS_BEGUN_BY,
        run_ids=listed(tx.dialect, there),
        ids=listed(tx.dialect, inputs),
    )
    return [row[0] for row in rows]


def _blank(tx: Tx, each: str, message: Message, unname: str | None) -> None:
    # A result without its call, or a call without its result, would be refused by providers.
    parts: list[AnyPart] = [] if message.role == "tool" else [TextPart(text=BLANK)]
    author = None if unname is not None and message.author == unname else message.author
    blank = Message(
        id=message.id,
        role=message.role,
        parts=parts,
        author=author,
        thread_id=message.thread_id,
        run_id=message.run_id,
        parent_id=message.parent_id,
        created_at=message.created_at,
        status=message.status,
        metadata={FORGOTTEN: True},
    )
    tx.run(
        sql.BLANK,
        id=each,
        record=encode(blank, exclude_none=True),
        author=None if author is None else column(author),
    )


def _is_blank(record: str) -> bool:
    return Message.model_validate_json(record).metadata.get(FORGOTTEN) is True


def _untitle(tx: Tx, thread_id: str) -> None:
    """A thread is named after its first message, unless somebody named it."""
    row = tx.row(threads_sql.GET, id=thread_id)
    if row is not None:
        thread = Thread.model_validate_json(row[0])
        thread.title = None
        tx.run(
            threads_sql.UPDATE,
            id=thread_id,
            record=encode(thread, exclude_none=True),
            updated_at=row[3],
            leaf_id=row[2],
        )


def bare_run(tx: Tx, run_id: str, *, unname: bool = False) -> None:
    """Leave of a run only that it began and how it ended."""
    row = tx.row(sql.RUN, id=run_id)
    if row is None:
        return
    thread_id, _, record, owner = row
    run = Run.model_validate_json(record)
    run.output = None
    if run.problem is not None:
        run.problem = Problem(code=run.problem.code, message=BLANK)
    tx.run(sql.SET_RUN, id=run_id, record=runs.encoded(run), owner="" if unname else owner)
    tx.run(sql.STEPS_OF_RUN, run_id=run_id)
    thin(tx, thread_id, [run_id], bare_events, first=run.first_seq)


def _release(tx: Tx, thread_id: str, shown: set[str], erased: Erased) -> None:
    if not shown:
        return
    left = {
        part.blob
        for row in tx.rows(sql.RECORDS_OF_THREAD, thread_id=thread_id)
        for part in media(Message.model_validate_json(row[0]).parts)
    }
    for digest in shown - left:
        tx.run(sql.DROP_BLOB_USE, hash=digest, holder=thread_id)
    erased.blobs.update(row[0] for row in tx.rows(blobs_sql.DROP_UNUSED))


def erase_owner(tx: Tx, owner: str) -> Erased:
    """Remove what an owner has besides passages and threads: facts, documents, vectors, words."""
    name = column(owner)
    erased = Erased(owners={owner})
    erased.counts["facts"] += facts.delete_owner(tx, owner)
    tx.run(sql.VECTORS_OF_OWNER, owner=name)
    tx.run(sql.POSTINGS_OF_OWNER, owner=name)
    documents = [row[0] for row in tx.rows(sql.DOCUMENTS_OF_OWNER, owner=name)]
    erased.counts["documents"] += len(documents)
    for document in documents:
        erased.blobs.update(blobs.release(tx, document))
    return erased


def erase_user(tx: Tx, user: str) -> Erased:
    """Remove a user's secrets, and the user's name wherever it stands in what others keep."""
    name = column(user)
    erased = Erased()
    owners = listed(tx.dialect, [name, f"user:{name}"])
    erased.counts["secrets"] += tx.run(sql.SECRETS_OF_OWNER, owners=owners)
    for row in tx.rows(sql.RUNS_OF_OWNER, user=name):
        bare_run(tx, row[0], unname=True)
    sent = [row[0] for row in tx.rows(sql.FILES_OF_OWNER, user=name)]
    erased.counts["files"] += len(sent)
    for file in sent:
        erased.blobs.update(blobs.release(tx, file))
    tx.run(sql.LEAVE, user=name)
    _unname_usage(tx, tx.rows(sql.USAGE_OF_OWNER, user=name), erased)
    tx.run(sql.UNNAME_AGENTS, user=name)
    tx.run(sql.UNNAME_VERSIONS, user=name)
    return erased


def drop_answers(tx: Tx, owner: str) -> None:
    """Remove the answers that are kept to be given again, which may tell of what is forgotten."""
    tx.run(sql.ANSWERS_OF_OWNER, user=column(owner.removeprefix("user:")))


@dataclass(frozen=True, slots=True)
class Ranked:
    """What retention weighs a memory by."""

    number: int
    id: str
    kind: str
    speaker: str | None
    size: int
    """Bytes."""
    uses: int
    said_at: int
    """Microseconds since 1970."""
    text: str
    agent: str | None


def ranked(tx: Tx, owner: str) -> list[Ranked]:
    """Everything in an owner's memory, the oldest first."""
    found: list[Ranked] = []
    for *values, record in tx.rows(sql.RANKED, owner=column(owner)):
        found.append(Ranked(*values, agent=json.loads(record).get("agent")))
    return found


def thin_runs(tx: Tx, *, before: int, after: tuple[int, str]) -> tuple[int, tuple[int, str] | None]:
    """Let go of the pieces of texts, and the steps, of the next runs that ended before an instant.

    Returns:
        How many rows went or shrank, and the place of the last of these runs; None if none is left.
    """
    rows = tx.rows(sql.FINISHED_RUNS, before=before, after=after[0], after_id=after[1], limit=100)
    touched = 0
    by_thread: dict[str, list[Run]] = {}
    for _, run_id, thread_id, record in rows:
        by_thread.setdefault(thread_id, []).append(Run.model_validate_json(record))
        touched += tx.run(sql.STEPS_OF_RUN, run_id=run_id)
    for thread_id, ended in by_thread.items():
        first = min(run.first_seq for run in ended)
        ids = [run.id for run in ended]
        touched += thin(tx, thread_id, ids, whole_events, first=first)
    return touched, (int(rows[-1][0]), str(rows[-1][1])) if rows else None


def count_old_runs(tx: Tx, *, before: int, after: tuple[int, str]) -> int:
    """How many runs `thin_runs` would look at, up to ten thousand."""
    given = {"before": before, "after": after[0], "after_id": after[1]}
    return len(tx.rows(sql.FINISHED_RUNS, **given, limit=10_000))


def _unname_usage(tx: Tx, rows: Iterable[Row], erased: Erased) -> None:
    """Keep what was consumed, for budgets, and nothing by which anybody could be told."""
    fresh: dict[str, str] = {}
    for run_id, attempt in rows:
        fresh_id = fresh.setdefault(run_id, new_id("run"))
        tx.run(sql.UNNAME_USAGE, run_id=run_id, attempt=attempt, fresh_id=fresh_id)
        erased.counts["usage"] += 1


def _place(row: Row) -> Place:
    return row[0], int(row[1]), row[2]


TEXTS = {
    "threads": ("record",),
    "messages": ("record",),
    "runs": ("record",),
    "steps": ("record",),
    "events": ("record",),
    "passages": ("text", "record"),
    "facts": ("value", "record"),
    "summaries": ("text", "record"),
    "documents": ("name", "record"),
    "forgettings": ("what",),
}
"""Tables and columns in which words of people stand."""


def count_in(tx: Tx, table: str, column_name: str, values: Sequence[str]) -> tuple[int, int]:
    """How many rows of the tenant a table has, and in how many a column holds one of `values`.

    For the verifier, which goes by no index and trusts no statement that the forgetting used.
    """
    return _count(tx, table, lambda mark: f"{column_name} = {mark}", [column(v) for v in values])


def count_text(tx: Tx, table: str, column_name: str, text: str) -> tuple[int, int]:
    """As `count_in`, of rows whose column says `text`, as it is or as JSON writes it."""
    position = "instr({0}, {1})" if tx.dialect == "sqlite" else "position({1} in {0})"
    escaped = json.dumps(text)[1:-1]
    readable = json.dumps(text, ensure_ascii=False)[1:-1]
    spelled = dict.fromkeys(map(column, (text, escaped, readable)))
    return _count(tx, table, lambda mark: f"{position.format(column_name, mark)} > 0", [*spelled])


def _count(
    tx: Tx, table: str, condition: Callable[[str], str], values: Sequence[str]
) -> tuple[int, int]:
    mark = "?" if tx.dialect == "sqlite" else "%s"
    conditions = " OR ".join([condition(mark)] * len(values)) or "1 = 0"
    rows = tx.raw(
        f"SELECT count(*), coalesce(sum(CASE WHEN {conditions} THEN 1 ELSE 0 END), 0) "  # noqa: S608 -- names come from constants of this program
        f"FROM {table} WHERE tenant = {mark}",
        [*values, tx.scope.tenant],
    )
    return int(rows[0][0]), int(rows[0][1])
