"""Rules of HTTP: who may ask, and by which headers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from muxi.devkit.rules.evidence import Evidence, HttpFacts
from muxi.devkit.rules.rule import Complaint, Rule

ABOUT: Final = "HTTP"

HOST = Rule(
    "http-host-unchecked",
    "error",
    "A server on this machine refuses requests for foreign hosts.",
    "Any web page can reach it by DNS rebinding, and call its tools.",
    "Check the Host header; the SDK does so for 127.0.0.1 by default.",
)
ORIGIN = Rule(
    "http-origin-unchecked",
    "error",
    "A server on this machine refuses requests from foreign origins.",
    "Any web page that its user opens can call its tools.",
    "Check the Origin header.",
)
HEADER = Rule(
    "http-header-unchecked",
    "warning",
    "A request whose Mcp-Method header contradicts its body is refused.",
    "A gateway that routes and limits by headers is deceived.",
    "Compare both, and answer with 400 and -32020.",
)
VERSION = Rule(
    "http-version-unchecked",
    "warning",
    "A request for a revision that does not exist is refused with 400.",
    "Client and server go on with different ideas of what is said.",
    "Answer with 400, and with -32022 where that exists.",
)
PLAIN = Rule(
    "http-unencrypted",
    "warning",
    "A server elsewhere is reached by https.",
    "Everybody on the way reads arguments, results and tokens.",
    "Serve TLS.",
)
OPEN = Rule(
    "http-unauthenticated",
    "note",
    "A server elsewhere asks who calls it.",
    "Anybody who finds the address can call its tools.",
    "Ask for OAuth 2.1, or say in the docs that it is public.",
)

_REFUSED: Final = range(400, 500)


def check(evidence: Evidence) -> Iterator[Complaint]:
    """What breaks these rules."""
    facts = evidence.http
    if facts is None:
        return
    if facts.local:
        yield from _accepted(facts, "foreign host", HOST)
        yield from _accepted(facts, "foreign origin", ORIGIN)
    else:
        if facts.url.lower().startswith("http://"):
            yield PLAIN.at(facts.url, "it is reached by http")
        yield from _accepted(facts, "no credentials", OPEN)
    yield from _accepted(facts, "contradicting header", HEADER)
    yield from _accepted(facts, "unknown revision", VERSION)


def _accepted(facts: HttpFacts, probe: str, rule: Rule) -> Iterator[Complaint]:
    status = facts.statuses.get(probe)
    if status is not None and status not in _REFUSED:
        yield rule.at("HTTP", f"it is answered with {status}")
