"""What must hold of a project after any number of deaths, whoever was at work in it.

Each function compares what the database holds with what the customers were told, or with what the
tools have noted outside of it, and returns faults in words: none is the only good answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from operator import itemgetter
from pathlib import Path
from typing import Any

from muxi.core.events import FINAL_STATUSES, Event
from muxi.core.messages import Message, ToolResultPart
from muxi.core.steps import Step
from muxi.core.threads import Run, Thread
from muxi.storage import events, messages, runs, steps, threads
from muxi.storage.database import Database, Scope, Tx

from .customers import Records
from .reader import PASSING, Held

SCOPE = Scope("default", "local")
_PAGE = 200

DIED_TOO_OFTEN = "muxi_error"
"""Code of the problem of a run that was given up after as many deaths as a run is granted."""


@dataclass
class Stored:
    """Everything that the database holds."""

    threads: dict[str, Thread]
    runs: dict[str, Run]
    paths: dict[str, list[Message]]
    """By thread, the messages from its root to its leaf."""
    messages: dict[str, Message]
    steps: dict[str, list[Step]]
    """By run."""
    events: dict[str, list[Event]]
    """By thread."""
    next_seq: dict[str, int]
    """By thread, the first number that was not given to anybody."""
    spans: dict[str, list[tuple[int, int]]]
    """By thread, the first and the last number of each row of events."""


async def stored(database: Database) -> Stored:
    """Read everything in one consistent view."""
    return await database.read(SCOPE, _stored)


def _stored(tx: Tx) -> Stored:
    found = Stored({}, {}, {}, {}, {}, {}, {}, {})
    for thread in _all(threads.page, tx):
        found.threads[thread.id] = thread
        found.paths[thread.id] = messages.path_to_leaf(tx, thread.id)
        found.messages |= {message.id: message for message in messages.of_thread(tx, thread.id)}
        found.events[thread.id] = _events(tx, thread.id)
    for run in _all(runs.page, tx):
        found.runs[run.id] = run
        found.steps[run.id] = steps.of_run(tx, run.id)
    found.next_seq = dict(tx.raw("SELECT thread_id, next_seq FROM sequences"))
    for place, first, last in tx.raw("SELECT thread_id, seq, last_seq FROM events ORDER BY seq"):
        found.spans.setdefault(place, []).append((first, last))
    return found


def _all(page: Any, tx: Tx) -> Iterator[Any]:
    cursor = None
    while True:
        found = page(tx, after=cursor, limit=_PAGE)
        yield from found.items
        cursor = found.next
        if cursor is None:
            return


def _events(tx: Tx, thread_id: str) -> list[Event]:
    found: list[Event] = []
    while True:
        since = found[-1].seq if found else 0
        page = events.read(tx, thread_id, since=since, limit=_PAGE)
        found += page
        if len(page) < _PAGE:
            return found


def acknowledged_messages_are_there(stored: Stored, records: Records) -> Iterator[str]:
    for thread, said in records.said.items():
        path = [(m.run_id, m.text) for m in stored.paths.get(thread, []) if m.role == "user"]
        wanted = [entry for entry in path if entry in said]
        if wanted != said:
            yield f"{thread} holds {path}, and {said} was acknowledged"
    for run in records.runs.values():
        if run.id not in stored.runs:
            yield f"the acknowledged {run.id} is not stored"


def runs_have_ended_or_wait(stored: Stored) -> Iterator[str]:
    for run in stored.runs.values():
        questions = [step for step in stored.steps[run.id] if step.state == "suspended"]
        if run.status == "waiting":
            if not questions:
                yield f"{run.id} waits for nothing"
        elif run.status not in FINAL_STATUSES:
            yield f"{run.id} is {run.status}"
        elif questions:
            yield f"{run.id} is {run.status} and has open questions"
        ends = [e.type for e in stored.events[run.thread_id] if e.run_id == run.id]
        last = "run.suspended" if run.status == "waiting" else "run.completed"
        if not ends or ends[-1] != last or ends.count("run.completed") != (run.status != "waiting"):
            yield f"{run.id} is {run.status}, and its events end with {ends[-3:]}"


def numbers_are_given_once(stored: Stored, records: Records) -> Iterator[str]:
    yield from records.seen.faults
    for thread, spans in stored.spans.items():
        end = 0
        for first, last in spans:
            if first <= end or last < first:
                yield f"{thread} stores {first} to {last} after {end}"
            end = max(end, last)
        if end >= stored.next_seq.get(thread, 1):
            yield f"{thread} stores {end}, and {stored.next_seq.get(thread)} is to be given next"


def what_was_seen_is_stored(stored: Stored, records: Records) -> Iterator[str]:
    kept = {(t, e.seq): e for t, found in stored.events.items() for e in found}
    for (thread, seq), event in records.seen.events.items():
        known = kept.get((thread, seq))
        if known is None and event.type not in PASSING:
            yield f"{thread} has lost {seq}, the {event.type} of {event.run_id}"
        elif known is not None and known != event:
            yield f"{thread} stores another {seq} than was seen: {known!r}, {event!r}"


def readers_hold_the_thread(stored: Stored, readers: Iterable[Held], *, run: bool) -> Iterator[str]:
    """Every reader holds the messages of the thread, or of its run, but for what people said."""
    for held in readers:
        wanted = [m for m in stored.paths[held.thread_id] if m.role != "user"]
        if run:
            wanted = [m for m in wanted if m.run_id in held.ends]
        if list(held.messages.values()) != wanted:
            mine, theirs = list(held.messages), [m.id for m in wanted]
            yield f"a reader of {held.thread_id} holds {mine} of {theirs}"


def threads_are_whole(stored: Stored) -> Iterator[str]:
    """Every message lies on its thread's path, and every call has its result, or its run waits."""
    on_path = {m.id for path in stored.paths.values() for m in path}
    for message in stored.messages.values():
        if message.id not in on_path:
            yield f"{message.id} of {message.run_id} lies beside the path of its thread"
    for path in stored.paths.values():
        for message, after in zip_longest(path, path[1:]):
            calls = [call.id for call in message.tool_calls]
            results = (
                [p.call_id for p in after.parts if isinstance(p, ToolResultPart)] if after else []
            )
            waits = stored.runs[message.run_id or ""].status == "waiting"
            if calls != results and not (waits and after is None):
                yield f"{message.id} asks for {calls} and gets {results}"


@dataclass
class _Call:
    """One tool call as the shop has noted it."""

    begun: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    done: list[str] = field(default_factory=list[str])
    """Receipts."""


def effects_happened_as_recorded(
    stored: Stored, records: Records, files: Sequence[Path]
) -> Iterator[str]:
    """No finished call was made again, and no unfinished one without leave."""
    calls = _noted(files)
    known = {f"{run}:{s.key}": s for run, found in stored.steps.items() for s in found}
    for key in calls:
        if key not in known:
            yield f"{key} had an effect and no step"
    for key, step in known.items():
        if step.kind == "tool":
            call = calls.get(key, _Call())
            yield from _faults_of_attempts(key, step, call)
            yield from _faults_of_leave(key, step, call, records)
            if step.state != "done":
                yield from _faults_of_unfinished(key, step, stored)


def _noted(files: Sequence[Path]) -> dict[str, _Call]:
    calls: dict[str, _Call] = {}
    for file in files:
        for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
            note = json.loads(line)
            call = calls.setdefault(note["key"], _Call())
            if note["phase"] == "begun":
                call.begun.append(note)
            else:
                call.done.append(note["receipt"])
    for call in calls.values():
        call.begun.sort(key=itemgetter("attempt"))
    return calls


def _faults_of_attempts(key: str, step: Step, call: _Call) -> Iterator[str]:
    attempts = [note["attempt"] for note in call.begun]
    if len(set(attempts)) != len(attempts):
        yield f"{key} was called twice by one attempt: {attempts}"
    if step.state != "done":
        return
    if any(attempt > step.attempt for attempt in attempts):
        yield f"{key} was finished by attempt {step.attempt} and called by {attempts}"
    result = ToolResultPart.model_validate(step.result)
    if result.outcome == "ok":
        text = str(result.content)
        mine = [note["receipt"] for note in call.begun if note["attempt"] == step.attempt]
        if len(mine) != 1 or mine[0] not in call.done or mine[0] not in text:
            yield f"{key} has the result {text}, and its effect was {mine}"


def _faults_of_leave(key: str, step: Step, call: _Call, records: Records) -> Iterator[str]:
    """An effect that is not harmless needs a person's leave, once for each time."""
    if step.name == "look_up" or not call.begun:
        return
    run_id, call_id = step.run_id, call.begun[0]["call_id"]
    asked = [a for a in records.asked.values() if (a.run_id, a.call_id) == (run_id, call_id)]
    leave = [
        records.decisions[approval.id].arguments or approval.arguments
        for approval in asked
        if records.decisions[approval.id].decision == "approve"
    ]
    free = 1 if step.name == "charge" else 0
    if len(call.begun) > len(leave) + free:
        yield f"{key} ({step.name}) was called {len(call.begun)} times, with leave for {len(leave)}"
    allowed = [arguments["order"] for arguments in leave]
    for note in call.begun[free:]:
        if note["order"] not in allowed:
            yield f"{key} was called with {note['order']}, and a person allowed {allowed}"


def _faults_of_unfinished(key: str, step: Step, stored: Stored) -> Iterator[str]:
    """What was begun and not finished was asked about, or is harmless."""
    run = stored.runs[step.run_id]
    place = step.key.removeprefix("tool:")
    asked = [s for s in stored.steps[run.id] if s.kind == "approval" and place in s.key]
    if step.name != "look_up" and not asked and run.status in ("completed", "waiting"):
        yield f"{key} was never finished nor asked about, and {run.id} is {run.status}"
