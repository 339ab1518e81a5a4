"""What a rule is, and how a check says that one is broken. Used by every file of rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from muxi.devkit.reports.report import Severity
from muxi.devkit.rules.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule."""

    id: str
    """Stable; programs and comments refer to it."""
    severity: Severity
    what: str
    """What must hold, or what is wrong when it is broken; one sentence."""
    why: str
    """Whom it harms otherwise."""
    fix: str
    """What to do."""

    def at(
        self, where: str, message: str, *, file: str | None = None, line: int | None = None
    ) -> Complaint:
        """It is broken there."""
        return Complaint(self, where, message, file, line)


@dataclass(frozen=True, slots=True)
class Complaint:
    """A rule that is broken somewhere."""

    rule: Rule
    where: str
    message: str
    file: str | None = None
    line: int | None = None


class Check(Protocol):
    """Finds what breaks the rules of one file."""

    def __call__(self, evidence: Evidence, /) -> Iterator[Complaint]:
        """What is broken; it must not fail, whatever a server said."""
        ...
