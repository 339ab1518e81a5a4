"""What a forgetting looks for and erases, in every table that bears a user or was drawn from one.

All of it in the name of a whole tenant: what was drawn from one user's words may be another's.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, delete, func, select, tuple_, union, update

from muxi.storage.queries.terms import TENANT, given, mine, number, on_each, one, word
from muxi.storage.schema import (
    agent_versions,
    agents,
    blob_uses,
    documents,
    events,
    facts,
    messages,
    participants,
    passages,
    postings,
    runs,
    secrets,
    steps,
    threads,
    usage,
    vectors,
)
from muxi.storage.schema_requests import files, idempotency_keys

_said = func.coalesce(passages.c.said_at, passages.c.created_at)


def _in_span(column: ColumnElement[int]) -> ColumnElement[bool]:
    return and_(column >= number("since"), column < number("until"))


FACT_OWNERS = on_each(
    # Two questions, since no index serves the one or the other in one.
    lambda on: union(
        select(facts.c.owner).where(mine(facts), on.among(facts.c.source_message_id, "ids")),
        select(facts.c.owner).where(mine(facts), on.among(facts.c.source_memory_id, "ids")),
    )
)
DROP_BLOB_USE = delete(blob_uses).where(
    mine(blob_uses), blob_uses.c.hash == given("hash"), blob_uses.c.holder == given("holder")
)
_PLACE = (passages.c.owner, passages.c.number, passages.c.id)
PASSAGES_OF_OWNER = (
    select(*_PLACE)
    .where(mine(passages), passages.c.owner == given("owner"), passages.c.number > number("after"))
    .order_by(passages.c.number)
    .limit(number("limit"))
    .offset(one(0))
)
PASSAGES_IN_SPAN = (
    select(*_PLACE)
    .where(
        mine(passages),
        passages.c.owner == given("owner"),
        passages.c.corpus == word("memory"),
        _in_span(_said),
        passages.c.number > number("after"),
    )
    .order_by(passages.c.number)
    .limit(number("limit"))
    .offset(one(0))
)
PASSAGES_SPOKEN = (
    select(*_PLACE)
    .where(mine(passages), passages.c.speaker == given("speaker"))
    .order_by(passages.c.number)
    .limit(number("limit"))
    .offset(one(0))
)
PASSAGES_BY_ID = on_each(
    lambda on: select(*_PLACE).where(mine(passages), on.among(passages.c.id, "ids"))
)
PASSAGES_OF_GROUP = select(*_PLACE).where(
    mine(passages), passages.c.owner == given("owner"), passages.c.group_id == given("group_id")
)
VECTORS_OF_OWNER = delete(vectors).where(mine(vectors), vectors.c.owner == given("owner"))
POSTINGS_OF_OWNER = delete(postings).where(mine(postings), postings.c.owner == given("owner"))
DOCUMENTS_OF_OWNER = (
    delete(documents)
    .where(mine(documents), documents.c.owner == given("owner"))
    .returning(documents.c.id)
)

THREADS_OF_OWNER = (
    select(threads.c.id)
    .where(mine(threads), threads.c.owner == given("user"))
    .order_by(threads.c.id)
)
LEAVE = delete(participants).where(mine(participants), participants.c.principal == given("user"))
MESSAGES_OF_THREAD = (
    select(messages.c.id)
    .where(mine(messages), messages.c.thread_id == given("thread_id"))
    .order_by(messages.c.id)
)
_MESSAGE = (messages.c.thread_id, messages.c.id, messages.c.run_id, messages.c.record)
MESSAGES_OF_AUTHOR = (
    select(*_MESSAGE)
    .where(mine(messages), messages.c.author == given("user"))
    .order_by(messages.c.id)
)
MESSAGES_IN_SPAN = (
    select(*_MESSAGE)
    .join(threads, and_(mine(threads), threads.c.id == messages.c.thread_id))
    .where(mine(messages), threads.c.owner == given("user"), _in_span(messages.c.created_at))
    .order_by(messages.c.id)
)
MESSAGES_BY_ID = on_each(
    lambda on: select(*_MESSAGE).where(mine(messages), on.among(messages.c.id, "ids"))
)
RECORDS_OF_THREAD = select(messages.c.record).where(
    mine(messages), messages.c.thread_id == given("thread_id")
)
BLANK = (
    update(messages)
    .where(mine(messages), messages.c.id == given("id"))
    .values(record=given("record"), author=given("author"))
)
RUNS_OF_THREAD = (
    select(runs.c.id).where(mine(runs), runs.c.thread_id == given("thread_id")).order_by(runs.c.id)
)
RUNS_BEGUN_BY = on_each(
    lambda on: select(runs.c.id).where(
        mine(runs), on.among(runs.c.id, "run_ids"), on.among(runs.c.input_id, "ids")
    )
)
RUNS_OF_OWNER = select(runs.c.id).where(mine(runs), runs.c.owner == given("user"))
RUN = select(runs.c.thread_id, runs.c.input_id, runs.c.record, runs.c.owner).where(
    mine(runs), runs.c.id == given("id")
)
SET_RUN = (
    update(runs)
    .where(mine(runs), runs.c.id == given("id"))
    .values(record=given("record"), owner=given("owner"))
)
STEPS_OF_RUN = delete(steps).where(mine(steps), steps.c.run_id == given("run_id"))
EVENTS_OF_RUNS = on_each(
    lambda on: (
        select(events.c.run_id, events.c.position, events.c.record)
        .where(
            mine(events),
            events.c.thread_id == given("thread_id"),
            events.c.seq >= number("first"),
            on.among(events.c.run_id, "run_ids"),
        )
        .order_by(events.c.seq)
    )
)
SET_EVENTS = (
    update(events)
    .where(mine(events), events.c.position == number("position"))
    .values(record=given("record"), type=given("type"))
)
DROP_EVENTS = on_each(
    lambda on: delete(events).where(
        on.beside(events.c.tenant) == TENANT, on.among(events.c.position, "positions")
    )
)
FINISHED_RUNS = (
    select(runs.c.finished_at, runs.c.id, runs.c.thread_id, runs.c.record)
    .where(
        mine(runs),
        runs.c.finished_at < number("before"),
        tuple_(runs.c.finished_at, runs.c.id) > tuple_(number("after"), given("after_id")),
    )
    .order_by(runs.c.finished_at, runs.c.id)
    .limit(number("limit"))
    .offset(one(0))
)
RANKED = (
    select(
        passages.c.number,
        passages.c.id,
        passages.c.kind,
        passages.c.speaker,
        passages.c.size,
        passages.c.uses,
        _said,
        passages.c.text,
        passages.c.record,
    )
    .where(mine(passages), passages.c.owner == given("owner"), passages.c.corpus == word("memory"))
    .order_by(passages.c.number)
)
SECRETS_OF_OWNER = on_each(
    lambda on: delete(secrets).where(mine(secrets), on.among(secrets.c.owner, "owners"))
)
# What was answered may tell of what is forgotten.
ANSWERS_OF_OWNER = delete(idempotency_keys).where(
    mine(idempotency_keys), idempotency_keys.c.owner == given("user")
)
FILES_OF_OWNER = (
    delete(files).where(mine(files), files.c.owner == given("user")).returning(files.c.id)
)
USAGE_OF_OWNER = (
    select(usage.c.run_id, usage.c.attempt)
    .where(mine(usage), usage.c.owner == given("user"))
    .order_by(usage.c.run_id)
)
USAGE_OF_RUNS = on_each(
    lambda on: select(usage.c.run_id, usage.c.attempt).where(
        mine(usage), on.among(usage.c.run_id, "run_ids")
    )
)
UNNAME_USAGE = (
    update(usage)
    .where(mine(usage), usage.c.run_id == given("run_id"), usage.c.attempt == number("attempt"))
    .values(
        run_id=given("fresh_id"),
        root_run_id=given("fresh_id"),
        thread_id=word(""),
        owner=word(""),
    )
)
UNNAME_AGENTS = (
    update(agents).where(mine(agents), agents.c.owner == given("user")).values(owner=word(""))
)
UNNAME_VERSIONS = (
    update(agent_versions)
    .where(mine(agent_versions), agent_versions.c.author == given("user"))
    .values(author=word(""))
)
