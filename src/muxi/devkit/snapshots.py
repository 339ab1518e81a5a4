"""Answers that were recorded, to be compared with later ones. Called by `muxi mcp test --snapshot`.

One file holds one answer to each case: what only one era has is left out, so that every transport
and revision must give the same.
"""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any, cast

from muxi.core.errors import InvalidInput
from muxi.devkit.answers import plain
from muxi.devkit.case_run import Visit
from muxi.devkit.cases import Case
from muxi.devkit.parts import without
from muxi.devkit.reports.report import Outcome

_IGNORED = "<ignored>"
_MOST_LINES = 60
"""Lines of a difference that are shown."""


class Snapshots:
    """The recorded answers of one file."""

    def __init__(self, file: Path, *, update: bool) -> None:
        """`update` lets a changed answer take the place of the recorded one.

        Raises:
            InvalidInput: The file is no snapshot.
        """
        self._file = file
        self._update = update
        self._answers: dict[str, Any] = {}
        if file.is_file():
            try:
                data = json.loads(file.read_bytes())
                self._answers = dict(cast("dict[str, Any]", data["answers"]))
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise InvalidInput(f"{file} is no snapshot: {error}.") from error
        self._recorded = dict(self._answers)
        self._seen: set[str] = set()

    def compare(self, visit: Visit) -> list[Outcome]:
        """An outcome for each answer of a visit."""
        found: list[Outcome] = []
        for case in visit.suite.cases:
            reply = visit.replies.get(case.title)
            if reply is None or not case.snapshot:
                continue
            found.append(self._compared(case, _kept(case, reply), str(visit.way)))
        return found

    def save(self) -> int:
        """Write what is new; how many answers are new or changed."""
        changed = [name for name in self._seen if self._answers[name] != self._recorded.get(name)]
        if changed:
            document = {"snapshot": 1, "answers": dict(sorted(self._answers.items()))}
            self._file.write_text(_text(document) + "\n", encoding="utf-8")
        return len(changed)

    def _compared(self, case: Case, answer: Any, group: str) -> Outcome:
        name = case.title
        outcome = Outcome(name=f"snapshot: {name}", group=group)
        fresh = name not in self._answers or (self._update and name not in self._seen)
        self._seen.add(name)
        if fresh:
            self._answers[name] = answer
            outcome.message = "recorded"
        elif self._answers[name] != answer:
            outcome.status = "failed"
            outcome.message = f"the answer has changed:\n{_difference(self._answers[name], answer)}"
            outcome.fix = "If that is meant, record it with --update-snapshot; parts that always "
            outcome.fix += "differ are named by `ignore:`."
        return outcome


def _kept(case: Case, reply: Any) -> Any:
    if reply.result is None:
        return {"error": reply.error}
    return without(plain(reply.result), _places(case), _IGNORED)


def _places(case: Case) -> tuple[str, ...]:
    """Where what is ignored stands: of a call in the structured result, and its text with it."""
    if case.verb != "call" or not case.ignore:
        return case.ignore
    return (*(f"structuredContent.{place}" for place in case.ignore), "content.*.text")


def _difference(before: Any, after: Any) -> str:
    lines = difflib.unified_diff(
        _text(before).splitlines(), _text(after).splitlines(), "recorded", "now", lineterm=""
    )
    shown = list(lines)
    more = len(shown) - _MOST_LINES
    return "\n".join(shown[:_MOST_LINES] + ([f"… and {more} more lines"] if more > 0 else []))


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True)
