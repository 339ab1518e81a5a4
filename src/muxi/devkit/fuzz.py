"""Throws made-up arguments at the tools of a server, and shrinks what breaks it.

Called by `muxi mcp test --fuzz`. What a schema allows must be answered, and what it forbids must be
refused in words a model can use. A tool that does not say that it only reads is never called,
unless the caller allows it. The same seed gives the same arguments.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.errors import Flaky, Unsatisfiable

from muxi.core.background import BackgroundLoop
from muxi.core.errors import MuxiError, ServerTooSlow, ServerUnavailable
from muxi.devkit.answers import is_error, text_of
from muxi.devkit.case_run import Way, command_line
from muxi.devkit.connect import connected
from muxi.devkit.exchange import Json
from muxi.devkit.held import Held
from muxi.devkit.reports.report import Outcome, Report
from muxi.devkit.schema_values import Strategy, values
from muxi.devkit.schemas import faults_of, fits, schema_faults
from muxi.devkit.session import Reply, Session
from muxi.devkit.target import Target

Property = Literal["valid", "missing", "wrong-type", "extra", "boundary", "text"]
PROPERTIES: Final[dict[Property, str]] = {
    "valid": "arguments that fit the schema are answered, and the result fits the outputSchema",
    "missing": "a required argument that is missing is refused",
    "wrong-type": "an argument of another type is refused",
    "extra": "an unknown argument is refused where the schema forbids it",
    "boundary": "the smallest and largest values that the schema allows are answered",
    "text": "strange and very long texts are answered or refused",
}
"""What is tried, and what must hold of it. Whatever is sent, a server must neither die nor hang,
nor answer with an internal error or a traceback."""

_TRACEBACK: Final = re.compile(
    r"Traceback \(most recent call last\)|^\s+at [\w.<>$]+ \(.*:\d+:\d+\)|panicked at '|"
    r'^\s+File ".*", line \d+',
    re.MULTILINE,
)
_INTERNAL_ERROR: Final = -32603
_INVALID_PARAMS: Final = -32602
_STRANGE: Final = (
    "", " ", "\x00", "\u202eabc", "\ufeff", "😀" * 50, "é" * 1000, "../../etc/passwd", "'; --",
    "${7*7}", "{{7*7}}", "a" * 100_000, "\r\n", "-1", "null", "%00%n%s", "<script>",
)  # fmt: skip
"""Texts that programs stumble over."""
_LONGEST_LINE: Final = 2_000
"""Characters of arguments that a line for a shell may hold."""


@dataclass(slots=True)
class FuzzOptions:
    """How hard a server is tried."""

    seed: int
    examples: int = 25
    """Arguments of each property and tool."""
    allow_destructive: bool = False
    """Whether tools are called that do not say that they only read."""
    tools: Sequence[str] = ()
    """Only these, where any are named."""
    patience: float = 10.0
    """Seconds that one call may take."""
    budget: float = 20.0
    """Seconds for one property of one tool, shrinking included."""


@dataclass(slots=True)
class _Server:
    """A server that is started again whenever it dies."""

    target: Target
    way: Way
    patience: float
    loop: BackgroundLoop
    _held: Held[Session] | None = None
    _session: Session | None = None

    def session(self) -> Session:
        if self._session is None or self._session.exchange.gone is not None:
            self.close()
            manager = connected(
                self.target, self.way.transport, self.way.revision, patience=self.patience
            )
            held = Held(self.loop, manager)
            self._session = held.__enter__()
            self._held = held
        return self._session

    def close(self) -> None:
        held, self._held, self._session = self._held, None, None
        if held is not None:
            held.__exit__()

    def call(self, tool: str, arguments: Json) -> Reply | str:
        """The answer to a call, or what became of the server instead."""
        session = self.session()
        params = {"name": tool, "arguments": arguments}
        try:
            reply = self.loop.run(session.request("tools/call", params))
        except ServerTooSlow:
            self.close()  # what hangs may hang the next call as well
            return f"it did not answer within {self.patience:g} seconds"
        except ServerUnavailable as error:
            return f"the server died: {error.message}"
        if session.exchange.gone is not None:
            return f"the server died: {session.exchange.gone}"
        return reply


@dataclass(slots=True)
class _Trial:
    """One property of one tool."""

    server: _Server
    tool: Json
    name: Property
    options: FuzzOptions
    known: dict[str, str] = field(default_factory=dict[str, str])
    """What was found out of arguments, so that none is tried twice."""
    tried: int = 0
    failing: tuple[Json, str] | None = None
    _until: float = 0.0

    def run(self, arguments: Strategy) -> None:
        """Try many arguments, and leave the simplest that fail in `failing`."""
        self._until = time.monotonic() + self.options.budget

        @hypothesis.seed(self.options.seed)
        @hypothesis.settings(
            max_examples=self.options.examples,
            deadline=None,
            derandomize=False,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=cast("list[HealthCheck]", list(HealthCheck)),
            report_multiple_bugs=False,
            print_blob=False,
        )
        @hypothesis.given(arguments)
        def trial(given: Json) -> None:
            if complaint := self._complaint(given):
                self.failing = (given, complaint)
                raise AssertionError(complaint)

        # The simplest failure is kept; nothing to try, and what does not fail again, are none.
        with suppress(AssertionError, Unsatisfiable, Flaky):
            trial()

    def _complaint(self, given: Json) -> str:
        key = json.dumps(given, sort_keys=True)
        if key not in self.known:
            if time.monotonic() > self._until:
                return ""
            self.tried += 1
            answer = self.server.call(str(self.tool["name"]), given)
            self.known[key] = answer if isinstance(answer, str) else self._judged(given, answer)
        return self.known[key]

    def _judged(self, given: Json, reply: Reply) -> str:
        words = text_of(reply)
        code = (reply.error or {}).get("code")
        if code == _INTERNAL_ERROR:
            return f"it answers with an internal error (-32603): {words[:200]}"
        if _TRACEBACK.search(words):
            return f"it answers with a traceback: {words[:200]}"
        allowed = fits(given, cast("Json", self.tool["inputSchema"]))
        if not allowed:
            return "" if is_error(reply) else "it accepts arguments that its schema forbids"
        if code == _INVALID_PARAMS and self.name in ("valid", "boundary"):
            return f"it refuses arguments that its schema allows: {words[:200]}"
        schema = self.tool.get("outputSchema")
        if isinstance(schema, dict) and not is_error(reply):
            faults = faults_of((reply.result or {}).get("structuredContent"), cast("Json", schema))
            return f"structuredContent does not fit outputSchema: {faults[0]}" if faults else ""
        return ""


def fuzz(target: Target, way: Way, options: FuzzOptions) -> Report:
    """Try every tool that may be called.

    Raises:
        ServerUnavailable: The server cannot be started.
        ServerTooSlow: It does not answer in time.
    """
    report = Report(check="fuzz", target=target.text)
    report.facts = {"seed": options.seed, "examples": options.examples, "way": str(way)}
    with BackgroundLoop() as loop:
        server = _Server(target, way, options.patience, loop)
        try:
            session = server.session()
            report.server = session.info
            listing = loop.run(session.list_all("tools"))
            for tool in listing.items:
                if not options.tools or tool.get("name") in options.tools:
                    report.outcomes += _fuzz_tool(server, tool, options)
        finally:
            server.close()
    return report


def _fuzz_tool(server: _Server, tool: Json, options: FuzzOptions) -> Iterator[Outcome]:
    name = str(tool.get("name"))
    schema = tool.get("inputSchema")
    annotations = tool.get("annotations")
    hints = cast("Json", annotations) if isinstance(annotations, dict) else {}
    if not options.allow_destructive and hints.get("readOnlyHint") is not True:
        yield Outcome(
            name="fuzz",
            group=name,
            status="skipped",
            message="it does not say that it only reads (readOnlyHint); --allow-destructive "
            "calls it all the same",
        )
        return
    if not isinstance(schema, dict) or schema_faults(schema):
        yield Outcome(name="fuzz", group=name, status="skipped", message="its schema is none")
        return
    for kind, strategy in strategies(cast("Json", schema)).items():
        trial = _Trial(server, tool, kind, options)
        began = time.perf_counter()
        try:
            trial.run(strategy)
        except MuxiError as error:
            trial.failing = trial.failing or ({}, error.message)
        yield _outcome(trial, name, time.perf_counter() - began)


def _outcome(trial: _Trial, tool: str, seconds: float) -> Outcome:
    outcome = Outcome(name=f"fuzz-{trial.name}", group=tool, where=f"tool {tool}", seconds=seconds)
    if trial.failing is None:
        outcome.message = f"{trial.tried} calls"
        return outcome
    given, complaint = trial.failing
    outcome.status = "failed"
    shown = json.dumps(given, ensure_ascii=False)
    outcome.message = f"{complaint}\narguments: {shown[:500]}"
    outcome.fix = f"It should hold that {PROPERTIES[trial.name]}."
    server, options = trial.server, trial.options
    if len(shown) <= _LONGEST_LINE and "\\u0000" not in shown:
        outcome.reproduce = command_line(server.target, server.way, "call", tool, given)
    else:
        outcome.reproduce = (
            f"muxi mcp test --fuzz --seed {options.seed} --tool {tool} {server.target.text}"
        )
    return outcome


def strategies(schema: Json) -> dict[Property, Strategy]:
    """Arguments for each property that has any, for a tool with this input schema."""
    valid = values(schema).filter(lambda value: isinstance(value, dict))
    properties = cast("dict[str, Any]", schema.get("properties") or {})
    required = [str(name) for name in schema.get("required") or ()]
    found: dict[Property, Strategy] = {"valid": valid}
    if required:
        found["missing"] = _changed(valid, schema, required, _leave_out)
    typed = [name for name, part in properties.items() if _has_type(part)]
    if typed:
        found["wrong-type"] = _changed(valid, schema, typed, _retype)
    if schema.get("additionalProperties") is False:
        found["extra"] = valid.map(lambda given: {**given, "unknown_argument": 1})
    limits = {name: edge for name, part in properties.items() if (edge := _edges(part))}
    if limits:
        found["boundary"] = _at_edges(valid, schema, limits)
    texts = [name for name, part in properties.items() if _is_text(part)]
    if texts:
        strange = st.tuples(valid, st.sampled_from(texts), st.sampled_from(_STRANGE))
        found["text"] = strange.map(lambda drawn: {**drawn[0], drawn[1]: drawn[2]})
    return found


def _changed(
    valid: Strategy, schema: Json, names: list[str], change: Callable[[Json, str, Any], Json]
) -> Strategy:
    """Valid arguments with one changed so that they fit no more."""
    other = st.sampled_from((None, True, 12.5, "words", ["a"], {"a": 1}, -1))
    drawn = st.tuples(valid, st.sampled_from(names), other)
    changed = drawn.map(lambda parts: change(parts[0], parts[1], parts[2]))
    return changed.filter(lambda given: not fits(given, schema))


def _leave_out(given: Json, name: str, other: Any) -> Json:
    return {key: value for key, value in given.items() if key != name}


def _retype(given: Json, name: str, other: Any) -> Json:
    return {**given, name: other}


def _at_edges(valid: Strategy, schema: Json, limits: dict[str, list[Any]]) -> Strategy:
    every = st.sampled_from([(name, edge) for name, edges in limits.items() for edge in edges])
    drawn = st.tuples(valid, every).map(lambda parts: {**parts[0], parts[1][0]: parts[1][1]})
    return drawn.filter(lambda given: fits(given, schema))


def _edges(part: Any) -> list[Any]:
    """The smallest and largest values that a parameter says that it allows."""
    if not isinstance(part, dict):
        return []
    known = cast("dict[str, Any]", part)
    edges: list[Any] = [
        known[key] for key in ("minimum", "maximum") if isinstance(known.get(key), int | float)
    ]
    edges += [
        "a" * length
        for key in ("minLength", "maxLength")
        if 0 <= (length := known.get(key, -1)) <= 10_000
    ]
    if known.get("type") == "array" and "minItems" not in known:
        edges.append([])
    if known.get("type") == "integer" and not edges:
        edges += [0, -1, 2**31, -(2**53) + 1]
    return edges


def _has_type(part: Any) -> bool:
    telling = {"type", "enum", "anyOf", "oneOf", "$ref"}
    return isinstance(part, dict) and not telling.isdisjoint(cast("Json", part))


def _is_text(part: Any) -> bool:
    return isinstance(part, dict) and cast("Json", part).get("type") == "string"
