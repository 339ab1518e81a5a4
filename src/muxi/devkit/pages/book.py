"""What the pages of a server tell: what it offers, and examples that were really asked.

Gathered by `gather`, written by `markdown` and `page`. The same server gives the same book: what
differs from one answer to the next is left out of the examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from muxi.core.errors import MuxiError
from muxi.devkit.answers import is_error, plain
from muxi.devkit.case_run import ask, with_env
from muxi.devkit.cases import Case, Suite
from muxi.devkit.connect import connected
from muxi.devkit.examination import shown_arguments
from muxi.devkit.exchange import Json
from muxi.devkit.parts import without
from muxi.devkit.project_files import ProjectFiles, read_project
from muxi.devkit.session import Reply, Session
from muxi.devkit.surface_lock import SurfaceChange, changes
from muxi.devkit.survey import Survey, check_listed, survey
from muxi.devkit.target import Target

VARIES: Final = "…"
"""Stands for a value that another answer had otherwise."""


@dataclass(frozen=True, slots=True)
class Example:
    """A question that was asked, and its answer."""

    title: str
    arguments: Json
    result: Any
    """The structured result, or the pieces of content."""


@dataclass(slots=True)
class Book:
    """All that the pages tell."""

    target: Target
    survey: Survey
    examples: dict[str, list[Example]] = field(default_factory=dict[str, list[Example]])
    """By tool."""
    project: ProjectFiles | None = None
    changes: list[SurfaceChange] | None = None
    """Since an older lock, if one was given."""
    since: str = ""

    @property
    def title(self) -> str:
        """The name of the server, for people."""
        info = self.survey.info
        return str(info.get("title") or info.get("name") or self.target.text)

    @property
    def manifest(self) -> Json:
        """Its server.json; empty where it has none."""
        found = None if self.project is None else self.project.server_json
        return cast("Json", found or {})


async def gather(
    target: Target, suite: Suite, *, patience: float, since: Path | None = None
) -> Book:
    """Everything that there is to tell of a server.

    Args:
        target: The server.
        suite: Its cases: one that succeeds becomes the example of its tool.
        patience: Seconds that a request may take.
        since: A tools.lock.json of an older version, for the list of changes.

    Raises:
        ServerUnavailable: The server cannot be started, or its lists cannot be read.
        ServerTooSlow: It does not answer in time.
        LockInvalid: `since` is no lock.
    """
    async with connected(
        with_env(target, suite), None, patience=patience, start=patience
    ) as session:
        found = await survey(session)
        check_listed(found)
        examples = await _examples(session, found, suite)
    book = Book(target, found, examples)
    book.project = None if target.folder is None else read_project(target.folder)
    if since is not None:
        book.changes, book.since = changes(found.surface, since), since.name
    return book


async def _examples(session: Session, found: Survey, suite: Suite) -> dict[str, list[Example]]:
    examples: dict[str, list[Example]] = {}
    for tool in found.items("tools"):
        name = str(tool.get("name"))
        cases = [case for case in suite.cases if case.call == name and not _expects_error(case)]
        simple = [case for case in cases if not case.save and "${" not in str(case.arguments)]
        made = [Case(call=name, arguments=given) for given in _shown(tool)]
        for case in [*simple, *made][:1]:
            example = await _example(session, case)
            if example is not None:
                examples[name] = [example]
    return examples


def _shown(tool: Json) -> Sequence[Json]:
    """Arguments of the tool's own schema, where it says that it only reads."""
    hints, schema = tool.get("annotations"), tool.get("inputSchema")
    reads = isinstance(hints, dict) and cast("Json", hints).get("readOnlyHint") is True
    return shown_arguments(tool, cast("Json", schema)) if reads and isinstance(schema, dict) else ()


async def _example(session: Session, case: Case) -> Example | None:
    """The answer to a case, asked twice to see what of it stays the same."""
    try:
        first = await ask(session, case)
        if is_error(first):
            return None
        again = await ask(session, case)
    except MuxiError:
        return None
    result = _same(_result(first, case), _result(again, case))
    return Example(case.name, case.arguments, result)


def _result(reply: Reply, case: Case) -> Any:
    result = plain(reply.result or {})
    if "structuredContent" in result:
        return without(result["structuredContent"], case.ignore, VARIES)
    return result.get("content")


def _same(one: Any, other: Any) -> Any:
    """What two values have in common; what differs is marked."""
    if isinstance(one, dict) and isinstance(other, dict):
        others = cast("Json", other)
        return {
            key: _same(value, others[key]) if key in others else VARIES
            for key, value in cast("Json", one).items()
        }
    if isinstance(one, list) and isinstance(other, list):
        left, right = cast("list[Any]", one), cast("list[Any]", other)
        if len(left) == len(right):
            return [_same(a, b) for a, b in zip(left, right, strict=True)]
    return cast("Any", one) if one == other else VARIES


def _expects_error(case: Case) -> bool:
    return case.expect.error is not False or case.expect.code is not None
