"""Judges a server by all rules. Called by `muxi mcp validate`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from muxi.core.errors import InvalidInput
from muxi.devkit.examination import examine
from muxi.devkit.frames import redactor
from muxi.devkit.reports.report import Outcome, Report
from muxi.devkit.rules.evidence import Evidence
from muxi.devkit.rules.registry import CHECKS, RULES, every_rule
from muxi.devkit.rules.rule import Complaint
from muxi.devkit.target import Target, Transport

_MOST_OF_ONE: Final = 20
"""Complaints of one rule that are told."""


async def validate(
    target: Target,
    transport: Transport | None = None,
    *,
    patience: float,
    ignore: Collection[str] = (),
    calls: bool = True,
) -> Report:
    """What of the rules a server breaks.

    Args:
        target: Who is judged.
        transport: How it is spoken to; by default as a client would start it.
        patience: Seconds that a request may take.
        ignore: Ids of rules that are left out.
        calls: Whether tools that only read are called.

    Raises:
        InvalidInput: There is no rule of such an id.
        ServerUnavailable: The server cannot be judged, because it does not answer.
        ServerTooSlow: It does not answer in time.
    """
    check_ids(ignore)
    evidence = await examine(target, transport, patience=patience, calls=calls)
    report = judge(evidence, ignore=ignore)
    report.facts["revisions"] = sorted(evidence.visits)
    return report


def judge(evidence: Evidence, *, ignore: Collection[str] = ()) -> Report:
    """What of the rules is broken, by the evidence: an outcome for each rule or complaint."""
    target = evidence.target
    report = Report(check="validate", target=target.text, server=evidence.main.survey.info)
    secrets = redactor(target.env, target.headers)
    for about, check in CHECKS.items():
        broken: dict[str, list[Complaint]] = {}
        for complaint in check(evidence):
            broken.setdefault(complaint.rule.id, []).append(complaint)
        for name in RULES[about]:
            if name in ignore:
                report.outcomes.append(Outcome(name=name, group=about, status="skipped"))
            elif name not in broken:
                report.outcomes.append(Outcome(name=name, group=about))
            else:
                found = [_outcome(each, about) for each in broken[name][:_MOST_OF_ONE]]
                for outcome in found:
                    outcome.message = secrets.redact(outcome.message)
                report.outcomes += found
    return report


def check_ids(ids: Collection[str]) -> None:
    """Return if all are ids of rules.

    Raises:
        InvalidInput: One is none.
    """
    unknown = sorted(set(ids) - every_rule().keys())
    if unknown:
        raise InvalidInput(
            f"There is no rule {unknown[0]!r}.", hint="docs/reference/mcp-rules.md lists them all."
        )


def rule_texts() -> dict[str, dict[str, str]]:
    """What, why and fix of each rule, for SARIF."""
    return {
        name: {"what": rule.what, "why": rule.why, "fix": rule.fix}
        for name, rule in every_rule().items()
    }


def _outcome(complaint: Complaint, about: str) -> Outcome:
    rule = complaint.rule
    return Outcome(
        name=rule.id,
        group=about,
        status="failed",
        severity=rule.severity,
        where=complaint.where,
        message=complaint.message,
        fix=rule.fix,
        file=complaint.file,
        line=complaint.line,
    )
