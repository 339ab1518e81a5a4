"""Rules of the wire: messages that are some, one answer each, and a process that behaves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from muxi.devkit.rules.evidence import Evidence
from muxi.devkit.rules.rule import Complaint, Rule

ABOUT: Final = "wire"

POLLUTED = Rule(
    "stdout-polluted",
    "error",
    "Nothing but messages is written to standard output.",
    "A client takes every line for a message; many disconnect at the first that is none.",
    "Print to standard error, and log there.",
)
STREAM = Rule(
    "stream-polluted",
    "error",
    "The events of a response hold messages of JSON-RPC.",
    "Clients cannot read anything else.",
    "Send one message as the data of each event.",
)
INVALID = Rule(
    "message-invalid",
    "error",
    "Every message is one of JSON-RPC 2.0.",
    "Clients drop it, and wait for an answer that has come already.",
    'Send `"jsonrpc": "2.0"` and either `result` or an `error` with a code and a message.',
)
TWICE = Rule(
    "answered-twice",
    "error",
    "Every request is answered once.",
    "A client may take the second answer for that of another request.",
    "Answer once; tell of progress by notifications.",
)
UNASKED = Rule(
    "answer-unasked",
    "error",
    "Nothing is answered that was not asked, and no notification is.",
    "Clients count it as a fault of the connection.",
    "Answer with the id of the request, and notifications not at all.",
)
FORBIDDEN = Rule(
    "request-forbidden",
    "error",
    "Under 2026-07-28 a server makes no requests of its own.",
    "No client answers them, so the call that waits for one never ends.",
    "Answer with `input_required`, or let the SDK resolve what it asks for.",
)
OVERSIZED = Rule(
    "message-oversized",
    "error",
    "No message is larger than 32 MiB.",
    "It fills the memory of every client.",
    "Give pages, or a link to a resource.",
)
DIED = Rule(
    "dies-of-bad-input",
    "error",
    "A server survives what a client does wrong.",
    "One mistaken message ends the server for everybody who uses it.",
    "Answer with an error; catch what a handler raises.",
)
SLOW = Rule(
    "start-slow",
    "warning",
    "A server answers for the first time within 5 seconds.",
    "Clients start all servers at once and give slow ones up.",
    "Import and connect when first needed.",
)
LINGERS = Rule(
    "end-lingering",
    "warning",
    "A server ends within 2 seconds after its input has ended.",
    "It stays behind when the client is gone, with its files and ports.",
    "End when standard input is at its end.",
)
CHATTY = Rule(
    "stderr-chatty",
    "note",
    "A server writes at most 200 lines to standard error while it is looked at.",
    "Clients keep them, and what matters drowns.",
    "Log at the level of warnings by default.",
)

_BY_KIND: Final = {
    "invalid": INVALID,
    "second-answer": TWICE,
    "unknown-answer": UNASKED,
    "forbidden-request": FORBIDDEN,
    "oversized": OVERSIZED,
}
_SLOW: Final = 5.0
_LINGERS: Final = 2.0
_CHATTY: Final = 200


def check(evidence: Evidence) -> Iterator[Complaint]:
    """What breaks these rules."""
    told: set[tuple[str, str]] = set()
    for revision, anomaly in evidence.anomalies:
        if anomaly.kind == "stray":
            rule = POLLUTED if evidence.transport == "stdio" else STREAM
        else:
            rule = _BY_KIND[anomaly.kind]
        if (rule.id, revision) not in told:
            told.add((rule.id, revision))
            yield rule.at(f"{evidence.transport}, {revision}", anomaly.text)
    for revision, visit in evidence.visits.items():
        if visit.died_of:
            yield DIED.at(revision, f"it was gone after {visit.died_of}")
        if visit.survey.started_in > _SLOW:
            yield SLOW.at(revision, f"it took {visit.survey.started_in:.1f} seconds")
        if visit.ending_took is not None and visit.ending_took > _LINGERS:
            yield LINGERS.at(revision, "it had to be ended by a signal")
        if visit.said_lines > _CHATTY:
            yield CHATTY.at(revision, f"{visit.said_lines} lines")
