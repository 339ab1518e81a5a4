"""Rules of the protocol: who the server is, what it can, how it lists, and both eras."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from muxi.devkit.exchange import Json
from muxi.devkit.rules.evidence import Evidence, Visit, words
from muxi.devkit.rules.rule import Complaint, Rule
from muxi.devkit.session import Listing
from muxi.devkit.wires.envelope import HANDSHAKES, NEWEST, modern
from muxi.mcp.surface import fingerprint

ABOUT: Final = "protocol"

NAME = Rule(
    "server-name-missing",
    "warning",
    "A server says its name.",
    "Clients and logs cannot tell it from others.",
    "Set the name of the server object.",
)
VERSION = Rule(
    "server-version-missing",
    "warning",
    "A server says its version.",
    "Nobody can tell which one misbehaves; the SDK of Python sends an empty one by default.",
    "Pass the package's version to the server object.",
)
TITLE = Rule(
    "server-title-missing",
    "note",
    "A server has a title.",
    "Clients show it in menus; the name is for programs.",
    "Set `title`.",
)
NO_NEWEST = Rule(
    "era-modern-missing",
    "note",
    f"A server speaks {NEWEST}.",
    "Newer clients fall back to a handshake and a session, which costs a round trip and state.",
    "Upgrade the SDK: mcp 2, or @modelcontextprotocol/server 2.",
)
NO_HANDSHAKE = Rule(
    "era-handshake-missing",
    "warning",
    "A server also speaks a revision with a handshake (2025-11-25 or older).",
    "Most clients in use know no other, and cannot connect.",
    "Use an SDK that answers both, and keep `initialize`.",
)
REVISION = Rule(
    "revision-unknown",
    "error",
    "A server chooses a revision that exists.",
    "A client that does not know it must disconnect.",
    "Answer with the revision that was asked for, or the newest that you know.",
)
CAPABILITY_FALSE = Rule(
    "capability-unlisted",
    "error",
    "What a server says that it has can be listed.",
    "Clients list it first thing, and may give the server up.",
    "Implement the list, or leave the capability out.",
)
DEPRECATED = Rule(
    "deprecated-feature",
    "warning",
    "A server uses nothing that the revision has deprecated.",
    "Logging, sampling and roots go away a year after 2026-07-28.",
    "Log to standard error or OpenTelemetry; ask for input instead of sampling; take paths as "
    "arguments.",
)
PAGE_BROKEN = Rule(
    "pagination-broken",
    "error",
    "Pages come to an end, and each cursor leads on.",
    "A client that reads all pages never stops, or stops early.",
    "Leave `nextCursor` out of the last page, and let each cursor stand for a new place.",
)
PAGE_MISSING = Rule(
    "pagination-missing",
    "warning",
    "A list of more than 100 comes in pages.",
    "One huge answer is slow, and some clients cut it.",
    "Give pages with `nextCursor`.",
)
UNSTABLE = Rule(
    "list-unstable",
    "warning",
    "A list has the same order each time.",
    "It breaks the model's prompt cache, and every comparison shows a change.",
    "Sort it.",
)
ERAS_DIFFER = Rule(
    "eras-differ",
    "warning",
    "A server offers the same in both eras.",
    "What is tested with one client does not hold for another.",
    "Register everything once, whatever the revision.",
)
RESULT_TYPE = Rule(
    "result-type-missing",
    "error",
    f"Every result of {NEWEST} has a `resultType`.",
    "Clients of that revision refuse results without one.",
    'Set it to "complete", or let the SDK do it.',
)
CACHE_HINTS = Rule(
    "cache-hints-missing",
    "error",
    f"Lists of {NEWEST} say how long they hold (`ttlMs`, `cacheScope`).",
    "The revision requires it, and clients that check refuse the list.",
    "Set them; `0` and `private` promise nothing.",
)
DISCOVER = Rule(
    "discover-incomplete",
    "error",
    "server/discover tells the supported versions and the capabilities.",
    "A client cannot choose how to go on.",
    "Answer with `supportedVersions` and `capabilities`.",
)
UNDECLARED = Rule(
    "capability-undeclared",
    "error",
    "A server says that it has at least one of tools, prompts and resources.",
    "Clients take it for empty, and ask for nothing.",
    "Name them in `capabilities`.",
)

_PAGE: Final = 100
_DEPRECATED: Final = ("logging",)


def check(evidence: Evidence) -> Iterator[Complaint]:
    """What breaks these rules."""
    yield from _identity(evidence)
    yield from _eras(evidence)
    for revision, visit in evidence.visits.items():
        yield from _visit(visit, revision)


def _identity(evidence: Evidence) -> Iterator[Complaint]:
    info = evidence.main.survey.info
    for key, rule in (("name", NAME), ("version", VERSION), ("title", TITLE)):
        if not words(info, key):
            yield rule.at("server", f"its {key} is {info.get(key)!r}")


def _eras(evidence: Evidence) -> Iterator[Complaint]:
    spoken = {visit.survey.revision for visit in evidence.visits.values()}
    if NEWEST in evidence.refused:
        yield NO_NEWEST.at("server", evidence.refused[NEWEST].partition("\n")[0][:200])
    if not any(revision in HANDSHAKES for revision in spoken) and any(
        not modern(revision) for revision in evidence.refused
    ):
        yield NO_HANDSHAKE.at("server", f"it speaks only {', '.join(sorted(spoken))}")
    surfaces = {
        revision: {
            f"{kind} {name}": fingerprint(definition)
            for kind, name, definition in visit.survey.surface.items()
        }
        for revision, visit in evidence.visits.items()
    }
    first = next(iter(surfaces.values()))
    for revision, surface in surfaces.items():
        differing = sorted(
            name for name in {*first, *surface} if first.get(name) != surface.get(name)
        )
        if differing:
            yield ERAS_DIFFER.at(revision, f"there it differs in {', '.join(differing[:5])}")


def _visit(visit: Visit, revision: str) -> Iterator[Complaint]:
    survey = visit.survey
    if survey.revision not in (NEWEST, *HANDSHAKES):
        yield REVISION.at(revision, f"it chose {survey.revision!r}")
    if not survey.listings:
        yield UNDECLARED.at(revision, f"its capabilities are {sorted(survey.capabilities)}")
    for name in _DEPRECATED:
        if name in survey.capabilities and modern(revision):
            yield DEPRECATED.at(revision, f"it declares {name}")
    if modern(revision):
        yield from _modern(survey.opening, revision)
    for kind, listing in survey.listings.items():
        yield from _list(listing, f"list of {kind}, {revision}", optional=kind == "templates")
        if modern(revision):
            yield from _page_keys(listing.pages, f"list of {kind}, {revision}")
    names = [words(tool, "name") for tool in survey.items("tools")]
    if (again := [words(tool, "name") for tool in visit.again]) and again != names:
        yield UNSTABLE.at(f"list of tools, {revision}", "it was another one the second time")


def _list(listing: Listing, where: str, *, optional: bool) -> Iterator[Complaint]:
    if listing.error is not None and not optional:
        yield CAPABILITY_FALSE.at(where, str(listing.error.get("message"))[:200])
    if listing.fault:
        yield PAGE_BROKEN.at(where, listing.fault)
    if len(listing.pages) == 1 and len(listing.items) > _PAGE:
        yield PAGE_MISSING.at(where, f"{len(listing.items)} come at once")


def _modern(opening: Json, revision: str) -> Iterator[Complaint]:
    versions = opening.get("supportedVersions")
    if not isinstance(versions, list) or not isinstance(opening.get("capabilities"), dict):
        yield DISCOVER.at(f"server/discover, {revision}", f"it has only {', '.join(opening)}")
    if "resultType" not in opening:
        yield RESULT_TYPE.at(f"server/discover, {revision}", "it has none")


def _page_keys(pages: list[Json], where: str) -> Iterator[Complaint]:
    for page in pages:
        if "resultType" not in page:
            yield RESULT_TYPE.at(where, "it has none")
        if "ttlMs" not in page or "cacheScope" not in page:
            yield CACHE_HINTS.at(where, "it does not")
        if "resultType" not in page or "ttlMs" not in page:
            return
