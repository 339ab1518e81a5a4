"""Rules of answers: results that fit what was declared, and refusals that help."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from muxi.devkit.answers import content_of, is_error, text_of
from muxi.devkit.rules.evidence import Call, Evidence, Probe, mapping, named
from muxi.devkit.rules.rule import Complaint, Rule
from muxi.devkit.schemas import faults_of
from muxi.devkit.wires.envelope import modern

ABOUT: Final = "answers"

MISMATCH = Rule(
    "output-mismatch",
    "error",
    "structuredContent fits the tool's outputSchema.",
    "Clients check it and turn the call into an error.",
    "Correct the schema or the result; `muxi mcp test --fuzz` finds more cases.",
)
UNSTRUCTURED = Rule(
    "output-unstructured",
    "error",
    "A tool with an outputSchema gives structuredContent.",
    "The protocol requires it, and clients that check turn the call into an error.",
    "Return structuredContent, or declare no outputSchema.",
)
TEXT_MISSING = Rule(
    "output-text-missing",
    "note",
    "A structured result also stands in the content, as text.",
    "Older clients show a model the content only, which is then empty.",
    "Add its JSON as a text.",
)
CONTENT_INVALID = Rule(
    "content-invalid",
    "error",
    "Content is a list of pieces of known types.",
    "Clients refuse the whole result.",
    "Return pieces of type text, image, audio, resource or resource_link.",
)
UNCHECKED = Rule(
    "arguments-unchecked",
    "warning",
    "Arguments that the schema forbids are refused.",
    "A model that forgets or misspells one gets a wrong answer instead of a reason.",
    "Check arguments against the inputSchema, and say what is wrong with isError.",
)
TRACEBACK = Rule(
    "traceback-leaked",
    "warning",
    "No answer holds a traceback.",
    "It shows paths and source to whoever asks, and tells a model nothing.",
    "Catch the error and say what to do differently.",
)
INTERNAL = Rule(
    "internal-error",
    "warning",
    "What a client can do wrong is not answered with an internal error (-32603).",
    "The model is told that the server broke, and not what to correct.",
    "Answer with -32602 for wrong parameters, or with isError from a tool.",
)
LARGE = Rule(
    "result-large",
    "warning",
    "A result has at most 100,000 characters.",
    "It fills the model's context, or is cut by the client somewhere.",
    "Give pages, filters or a summary, and a link to the whole.",
)
UNKNOWN_TOOL = Rule(
    "unknown-tool-code",
    "warning",
    "A call of a tool that does not exist is answered with -32602.",
    "As a tool's own error it looks as if the tool existed and had failed.",
    "Answer with the protocol error -32602, `Unknown tool: …`.",
)
UNKNOWN_METHOD = Rule(
    "unknown-method-code",
    "warning",
    "A method that does not exist is answered with -32601.",
    "Clients find out by this code what a server cannot do.",
    "Answer with -32601.",
)
UNKNOWN_PROMPT = Rule(
    "unknown-prompt-code",
    "warning",
    "A prompt that does not exist is answered with -32602.",
    "With another code clients take it for a fault of the server.",
    "Answer with -32602 and the name.",
)
UNKNOWN_RESOURCE = Rule(
    "unknown-resource-code",
    "warning",
    "A resource that does not exist is answered with -32602, before 2026-07-28 with -32002.",
    "Clients cannot tell a missing resource from a broken server.",
    "Answer with that code and the URI.",
)
BAD_CURSOR = Rule(
    "invalid-cursor-ignored",
    "note",
    "A cursor that the server never gave is answered with -32602.",
    "A client that lost its place silently begins again, or stops early.",
    "Refuse cursors that you did not make.",
)
SILENT = Rule(
    "request-unanswered",
    "error",
    "Every request is answered.",
    "A client waits for its time limit, and the user with it.",
    "Answer what you do not know with -32601, and what is wrong with -32602.",
)

_TYPES: Final = ("text", "image", "audio", "resource", "resource_link")
_LARGEST: Final = 100_000
_TRACEBACK: Final = re.compile(
    r"Traceback \(most recent call last\)|^\s+at [\w.<>$]+ \(.*:\d+:\d+\)|panicked at '",
    re.MULTILINE,
)
_METHOD_NOT_FOUND: Final = -32601
_INVALID_PARAMS: Final = -32602
_INTERNAL: Final = -32603
_RESOURCE_NOT_FOUND: Final = -32002


def check(evidence: Evidence) -> Iterator[Complaint]:
    """What breaks these rules."""
    for call in evidence.calls:
        yield from _call(call)
    for revision, visit in evidence.visits.items():
        for probe in visit.probes.values():
            where = f"{probe.name}, {revision}"
            if probe.reply is None:
                if visit.died_of != probe.name:
                    yield SILENT.at(where, "no answer came")
                continue
            yield from _probe(probe, where, revision)


def _call(call: Call) -> Iterator[Complaint]:
    where, reply = named("tool", call.tool), call.reply
    text = text_of(reply)
    if _TRACEBACK.search(text):
        yield TRACEBACK.at(where, f"called with {call.arguments}")
    if (reply.error or {}).get("code") == _INTERNAL:
        yield INTERNAL.at(where, f"called with {call.arguments}: {reply.words}")
    if is_error(reply):
        return
    if not call.fits:
        yield UNCHECKED.at(where, f"it accepts {call.arguments}")
        return
    result = reply.result or {}
    if len(text) > _LARGEST:
        yield LARGE.at(where, f"called with {call.arguments} it gives {len(text):,} characters")
    if not isinstance(result.get("content"), list) or any(
        piece.get("type") not in _TYPES for piece in content_of(result)
    ):
        yield CONTENT_INVALID.at(where, f"called with {call.arguments}")
    schema = mapping(call.tool, "outputSchema")
    if schema and "structuredContent" not in result:
        yield UNSTRUCTURED.at(where, f"called with {call.arguments} it gives none")
    elif schema and (faults := faults_of(result["structuredContent"], schema)):
        yield MISMATCH.at(where, f"called with {call.arguments}: {faults[0]}")
    if "structuredContent" in result and not text:
        yield TEXT_MISSING.at(where, "its content is empty")


def _probe(probe: Probe, where: str, revision: str) -> Iterator[Complaint]:
    reply = probe.reply
    assert reply is not None
    code = (reply.error or {}).get("code")
    told = f"it is answered with {reply.words if reply.error else 'a result'}"
    if _TRACEBACK.search(text_of(reply)):
        yield TRACEBACK.at(where, told[:200])
    wanted, rule = _EXPECTED[probe.name]
    allowed = wanted
    if rule is UNKNOWN_RESOURCE and not modern(revision):
        allowed = (*wanted, _RESOURCE_NOT_FOUND)
    if code == 0:
        # HTTP's own refusals come without JSON-RPC's codes.
        allowed = (0,)
    if code not in allowed:
        yield rule.at(where, told[:300])
    if code == _INTERNAL:
        yield INTERNAL.at(where, told[:300])


_EXPECTED: Final = {
    "an unknown tool": ((_INVALID_PARAMS,), UNKNOWN_TOOL),
    "an unknown method": ((_METHOD_NOT_FOUND,), UNKNOWN_METHOD),
    "an unknown prompt": ((_INVALID_PARAMS,), UNKNOWN_PROMPT),
    "an unknown resource": ((_INVALID_PARAMS,), UNKNOWN_RESOURCE),
    "a cursor that nobody gave": ((_INVALID_PARAMS,), BAD_CURSOR),
}
"""Probe to the codes that it should be answered with. `devkit.examination` asks them."""
