"""Runs the cases of a tests.yaml over every transport and revision. Called by `muxi mcp test`.

Each way to the server begins with a real listing: a program that only answers `--help` fails.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

from muxi.core.errors import InvalidInput, MuxiError
from muxi.devkit.answers import structured
from muxi.devkit.cases import DEFAULT_REVISIONS, Case, Revision, Suite
from muxi.devkit.connect import connected
from muxi.devkit.exchange import Json
from muxi.devkit.judging import complaints
from muxi.devkit.parts import MISSING, part_of
from muxi.devkit.reports.report import Latency, Outcome, Report, latency
from muxi.devkit.session import METHODS, Reply, Session
from muxi.devkit.survey import check_listed, survey
from muxi.devkit.target import Target, Transport

STARTS: Final = "starts and lists what it has"
"""The name of what is looked at first."""
_VARIABLE: Final = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Way:
    """One transport and one revision."""

    transport: Transport
    revision: Revision

    def __str__(self) -> str:
        return f"{self.transport} {self.revision}"


@dataclass(slots=True)
class Visit:
    """The cases of one way, with what they saved for each other."""

    target: Target
    suite: Suite
    way: Way
    saved: dict[str, Any] = field(default_factory=dict[str, Any])
    durations: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    schemas: dict[str, Json] = field(default_factory=dict[str, Json])
    server: Json = field(default_factory=dict[str, Any])
    replies: dict[str, Reply] = field(default_factory=dict[str, Reply])
    """The last answer to each case, for snapshots."""
    unreachable: MuxiError | None = None
    """Why no session came about at all."""
    _stack: AsyncExitStack | None = None
    _session: Session | None = None

    async def start(self) -> Session:
        """The session of this way, opened if there is none that lives.

        Raises:
            ServerUnavailable: The server cannot be started, or lists nothing.
        """
        if self._session is not None and self._session.exchange.gone is None:
            return self._session
        await self.close()
        self._stack = AsyncExitStack()
        session = await self._stack.enter_async_context(
            connected(
                self.target,
                self.way.transport,
                self.way.revision,
                patience=self.suite.timeout,
                start=self.suite.start_timeout,
            )
        )
        self._session = session
        self.server = session.info
        await self._learn(session)
        return session

    async def close(self) -> None:
        """End the session."""
        stack, self._stack, self._session = self._stack, None, None
        if stack is not None:
            await stack.aclose()

    async def opening(self) -> Outcome:
        """Whether the server starts and lists what it says that it has."""
        try:
            session = await self.start()
        except MuxiError as error:
            self.unreachable = error
            return self._outcome(STARTS, error.message, fix=error.hint or "")
        return self._outcome(STARTS, "", seconds=session.started_in)

    async def run(self, case: Case) -> Outcome:
        """The outcome of one case."""
        seconds = 0.0
        try:
            session = await self.start()
            filled = self._filled(case)
            reply = Reply()
            for _ in range(case.repeat):
                reply = await ask(session, filled)
                seconds += reply.seconds
                key = f"{case.verb} {case.subject}"
                self.durations.setdefault(key, []).append(reply.seconds)
                schema = self.schemas.get(case.subject) if case.call else None
                if found := complaints(filled, reply, schema):
                    return self._failed(filled, "\n".join(found), seconds)
            self.replies[case.title] = reply
            if missing := self._save(case, reply):
                return self._failed(filled, missing, seconds)
        except MuxiError as error:
            return self._failed(case, error.message, seconds)
        finally:
            if self.suite.isolate:
                await self.close()
        return self._outcome(case.title, "", seconds=seconds)

    def latencies(self) -> Iterator[Latency]:
        """The percentiles of each request of this way."""
        for subject, seconds in self.durations.items():
            yield latency(subject, str(self.way), seconds)

    async def _learn(self, session: Session) -> None:
        found = await survey(session)
        check_listed(found)
        self.schemas = {
            str(tool.get("name")): tool["outputSchema"]
            for tool in found.items("tools")
            if isinstance(tool.get("outputSchema"), dict)
        }

    def _filled(self, case: Case) -> Case:
        """The case with what earlier ones saved in the place of `${name}`."""
        if not _VARIABLE.search(case.model_dump_json()):
            return case
        data = _fill(case.model_dump(mode="json", by_alias=True, exclude_unset=True), self.saved)
        return Case.model_validate(data)

    def _save(self, case: Case, reply: Reply) -> str:
        result = structured(reply, case.verb)
        for name, place in case.save.items():
            value = part_of(result, place)
            if value is MISSING:
                return f"there is no `{place}` in its result to save"
            self.saved[name] = value
        return ""

    def _failed(self, case: Case, message: str, seconds: float) -> Outcome:
        return self._outcome(case.title, message, seconds=seconds, reproduce=self._line(case))

    def _outcome(
        self,
        name: str,
        message: str,
        *,
        seconds: float | None = None,
        fix: str = "",
        reproduce: str = "",
    ) -> Outcome:
        return Outcome(
            name=name,
            group=str(self.way),
            status="failed" if message else "passed",
            message=message,
            fix=fix,
            seconds=seconds,
            reproduce=reproduce,
        )

    def _line(self, case: Case) -> str:
        if case.verb not in ("call", "read", "prompt"):
            return ""
        return command_line(self.target, self.way, case.verb, case.subject, case.arguments)


def ways_of(
    target: Target,
    suite: Suite,
    transports: Sequence[Transport] = (),
    revisions: Sequence[Revision] = (),
) -> list[Way]:
    """Every way that the cases are to be run.

    Args:
        target: What is tested.
        suite: Its cases.
        transports: Only these; what the file says by default, else all that the target allows.
        revisions: Only these.

    Raises:
        InvalidInput: The target cannot be reached over a transport that was asked for.
    """
    wanted = tuple(transports) or suite.transports or target.transports
    if impossible := [each for each in wanted if each not in target.transports]:
        can = ", ".join(target.transports)
        raise InvalidInput(
            f"{target.text} cannot be tested over {', '.join(impossible)}, only over: {can}."
        )
    eras = tuple(revisions) or suite.revisions or DEFAULT_REVISIONS
    if target.tools:
        eras = (DEFAULT_REVISIONS[-1],)  # functions know no eras
    return [Way(transport, revision) for transport in wanted for revision in eras]


async def run_suite(
    target: Target, suite: Suite, ways: Sequence[Way], *, repeat: int = 1
) -> AsyncGenerator[Visit | Outcome]:
    """Run every case in every way; gives each outcome as it comes, and each visit at its end."""
    for way in ways:
        visit = Visit(with_env(target, suite), suite, way)
        try:
            first = await visit.opening()
            yield first
            for case in suite.cases if first.status == "passed" else ():
                if covers(case, way):
                    more = case if repeat == 1 else case.model_copy(update={"repeat": repeat})
                    yield await visit.run(more)
            yield visit
        finally:
            await visit.close()


def with_env(target: Target, suite: Suite) -> Target:
    """The target with the environment that its cases ask for."""
    return replace(target, env={**suite.env, **target.env})


def covers(case: Case, way: Way) -> bool:
    """Whether a case is to be run in this way."""
    transports, revisions = case.transports or (way.transport,), case.revisions or (way.revision,)
    return way.transport in transports and way.revision in revisions


async def report_of(
    target: Target, suite: Suite, ways: Sequence[Way], *, repeat: int = 1
) -> tuple[Report, list[Visit]]:
    """The report of a whole suite, and what its visits saw."""
    report = Report(check="test", target=target.text)
    visits: list[Visit] = []
    async for found in run_suite(target, suite, ways, repeat=repeat):
        if isinstance(found, Outcome):
            report.outcomes.append(found)
        else:
            visits.append(found)
            report.latency += found.latencies()
            report.server = report.server or found.server
    return report, visits


async def ask(session: Session, case: Case) -> Reply:
    """The answer to what a case asks."""
    if case.list is not None:
        listing = await session.list_all(case.list, patience=case.timeout)
        if listing.error is not None:
            return Reply(error=listing.error)
        return Reply(result={METHODS[case.list][1]: listing.items}, seconds=listing.seconds)
    method, params = _request(case)
    return await session.request(method, params, patience=case.timeout, answers=case.answers)


def command_line(target: Target, way: Way, verb: str, subject: str, arguments: Any) -> str:
    """A line that asks the same again."""
    words = ["muxi", "mcp", verb, target.text, subject]
    if arguments:
        words.append(json.dumps(arguments, ensure_ascii=False))
    return shlex.join([*words, "--transport", way.transport, "--revision", way.revision])


def _request(case: Case) -> tuple[str, Json]:
    if case.call is not None:
        return "tools/call", {"name": case.call, "arguments": case.arguments}
    if case.read is not None:
        return "resources/read", {"uri": case.read}
    if case.prompt is not None:
        return "prompts/get", {"name": case.prompt, "arguments": case.arguments}
    assert case.complete is not None
    completion = case.complete
    reference = (
        {"type": "ref/prompt", "name": completion.prompt}
        if completion.prompt is not None
        else {"type": "ref/resource", "uri": completion.template}
    )
    argument = {"name": completion.argument, "value": completion.value}
    context = {"context": {"arguments": case.arguments}} if case.arguments else {}
    return "completion/complete", {"ref": reference, "argument": argument, **context}


def _fill(value: Any, saved: dict[str, Any]) -> Any:
    if isinstance(value, str):
        whole = _VARIABLE.fullmatch(value)
        if whole and whole[1] in saved:
            return saved[whole[1]]
        return _VARIABLE.sub(lambda found: str(saved.get(found[1], found[0])), value)
    if isinstance(value, list):
        return [_fill(each, saved) for each in cast("list[Any]", value)]
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value)
        return {key: _fill(each, saved) for key, each in pairs.items()}
    return value
