"""Gathers the evidence that the rules judge: what a server says, and how it takes mistakes.

Called by `validation`. It lists, asks for things that do not exist, and calls only tools that say
that they only read: nothing that it does may change anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast
from urllib.parse import urlsplit

from muxi.core.errors import ServerTooSlow, ServerUnavailable
from muxi.devkit.cases import Revision
from muxi.devkit.connect import usual_transport, wire_to
from muxi.devkit.exchange import Json
from muxi.devkit.project_files import read_project
from muxi.devkit.rules.evidence import (
    Call,
    Evidence,
    HttpFacts,
    Probe,
    Visit,
    items,
    mapping,
    parameters,
)
from muxi.devkit.schemas import fits, schema_faults
from muxi.devkit.session import Session
from muxi.devkit.survey import has, survey
from muxi.devkit.target import Target, Transport

NEWEST_FIRST: Final[tuple[Revision, ...]] = ("2026-07-28", "2025-11-25")
_PROBE_PATIENCE: Final = 10.0
"""Seconds: what is not answered by then is not answered."""
_UNKNOWN: Final = "no_such_thing_muxi_probe"
_MOST_CALLS: Final = 20
_LOCAL: Final = ("127.0.0.1", "localhost", "::1")


async def examine(
    target: Target, transport: Transport | None = None, *, patience: float, calls: bool = True
) -> Evidence:
    """The evidence of a server.

    Args:
        target: Who is judged.
        transport: How it is spoken to; by default as a client would start it.
        patience: Seconds that a request may take.
        calls: Whether tools that only read are called.

    Raises:
        ServerUnavailable: It speaks no revision at all.
        ServerTooSlow: It does not answer in time.
    """
    chosen = transport or usual_transport(target)
    evidence = Evidence(target, chosen)
    errors: list[ServerUnavailable] = []
    for revision in NEWEST_FIRST:
        try:
            evidence.visits[revision] = await _visit(
                target, chosen, revision, patience, calls=calls and not evidence.visits
            )
        except ServerUnavailable as error:
            evidence.refused[revision] = error.message
            errors.append(error)
    if not evidence.visits:
        slow = [error for error in errors if isinstance(error, ServerTooSlow)]
        raise (slow or errors)[-1]
    if target.folder is not None:
        evidence.project = read_project(target.folder)
    if "http" in target.transports and chosen != "memory":
        evidence.http = await _http(target, patience)
    return evidence


async def _visit(
    target: Target, transport: Transport, revision: str, patience: float, *, calls: bool
) -> Visit:
    wire = wire_to(target, transport, patience)
    session = Session(wire, revision, patience)
    try:
        await session.open(patience)
        visit = Visit(await survey(session))
        await _probe(session, visit)
        if calls and not visit.died_of:
            await _call(session, visit)
    finally:
        await session.close()
    visit.ending_took = getattr(wire, "ending_took", None)
    visit.said_lines = sum(1 for _ in session.exchange.log.of("stderr"))
    return visit


async def _probe(session: Session, visit: Visit) -> None:
    """Ask for what does not exist, as a model or an older client would."""
    questions: list[tuple[str, str, Json]] = [("an unknown method", "muxi/probe", {})]
    if has(session, "tools"):
        questions.append(("an unknown tool", "tools/call", {"name": _UNKNOWN, "arguments": {}}))
        questions.append(("a cursor that nobody gave", "tools/list", {"cursor": _UNKNOWN}))
    if has(session, "prompts"):
        questions.append(("an unknown prompt", "prompts/get", {"name": _UNKNOWN}))
    if has(session, "resources"):
        uri = f"muxi-probe://{_UNKNOWN}"
        questions.append(("an unknown resource", "resources/read", {"uri": uri}))
    for name, method, params in questions:
        probe = visit.probes[name] = Probe(name, None)
        try:
            probe.reply = await session.request(method, params, patience=_PROBE_PATIENCE)
        except ServerTooSlow:
            continue
        except ServerUnavailable:
            visit.died_of = name
            return
    if has(session, "tools"):
        visit.again = (await session.list_all("tools")).items


async def _call(session: Session, visit: Visit) -> None:
    """Call tools that only read: with what their schemas show, and without what they require."""
    for tool in visit.survey.items("tools"):
        if len(visit.calls) >= _MOST_CALLS:
            return
        schema = tool.get("inputSchema")
        reads = mapping(tool, "annotations").get("readOnlyHint") is True
        if not reads or not isinstance(schema, dict) or schema_faults(schema):
            continue
        known = cast("Json", schema)
        given = [*shown_arguments(tool, known)]
        if items(known, "required"):
            given.append({})
        for arguments in given:
            params = {"name": tool.get("name"), "arguments": arguments}
            try:
                reply = await session.request("tools/call", params, patience=_PROBE_PATIENCE)
            except ServerTooSlow:
                continue
            except ServerUnavailable:
                visit.died_of = f"a call of {tool.get('name')} with {arguments}"
                return
            visit.calls.append(Call(tool, arguments, fits(arguments, known), reply))


def shown_arguments(tool: Json, schema: Json) -> Sequence[Json]:
    """Arguments that the schema itself shows: by examples, defaults and fixed values."""
    for whole in items(schema, "examples"):
        if isinstance(whole, dict):
            return [cast("Json", whole)]
    found: Json = {}
    for name, part in parameters(tool):
        value = _example(part)
        if value is not None:
            found[name] = value
    return [found] if fits(found, schema) else []


def _example(part: Json) -> Any:
    for candidates in (items(part, "examples"), items(part, "enum")):
        if candidates:
            return candidates[0]
    return part.get("const", part.get("default"))


async def _http(target: Target, patience: float) -> HttpFacts | None:
    """How the server takes requests that only a page of malice or a broken client sends."""
    from muxi.devkit.wires.streamable_http import HttpWire

    wire = wire_to(target, "http", patience)
    session = Session(wire, NEWEST_FIRST[0], patience)
    try:
        try:
            await session.open(patience)
        except ServerUnavailable:
            return None
        assert isinstance(wire, HttpWire)
        local = (urlsplit(wire.url).hostname or "") in _LOCAL
        facts = HttpFacts(wire.url, local)
        for name, headers in _suspicious(local=local).items():
            message = session.sample()
            sent = {**session.headers_of(message), **headers}
            facts.statuses[name] = await wire.status_of(message, sent)
        return facts
    finally:
        await session.close()


def _suspicious(*, local: bool) -> dict[str, dict[str, str | None]]:
    """Probe to headers that take the place of the usual ones; None leaves one out."""
    found: dict[str, dict[str, str | None]] = {
        "contradicting header": {"Mcp-Method": "resources/list"},
        "unknown revision": {"MCP-Protocol-Version": "1999-01-01"},
    }
    if local:
        found["foreign host"] = {"Host": "attacker.example"}
        found["foreign origin"] = {"Origin": "https://attacker.example"}
    else:
        found["no credentials"] = {"Authorization": None}
    return found
