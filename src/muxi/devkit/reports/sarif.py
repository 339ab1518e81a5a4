"""A report as SARIF 2.1.0, which code hosts show beside the source.

Format: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
from typing import Any, Final

from muxi.core.version import __version__
from muxi.devkit.reports.report import Outcome, Report

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(report: Report, rules: dict[str, dict[str, str]] | None = None) -> str:
    """The document; the same report gives the same text.

    Args:
        report: What was found.
        rules: What the rules of the report are, by id: `what`, `why` and `fix`.
    """
    known = rules or {}
    failed = report.failed()
    names = sorted({outcome.name for outcome in failed})
    driver = {
        "name": "muxi",
        "version": __version__,
        "rules": [_rule(name, known.get(name, {})) for name in names],
    }
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "results": [_result(outcome, names, report.target) for outcome in failed],
        "columnKind": "unicodeCodePoints",
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _rule(name: str, known: dict[str, str]) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": name}
    if known:
        rule["shortDescription"] = {"text": known["what"]}
        rule["fullDescription"] = {"text": known["why"]}
        rule["help"] = {"text": known["fix"]}
    return rule


def _result(outcome: Outcome, names: list[str], target: str) -> dict[str, Any]:
    parts = (outcome.message, outcome.fix, outcome.reproduce)
    location: dict[str, Any] = {}
    if outcome.file is not None:
        region = {"region": {"startLine": outcome.line}} if outcome.line else {}
        location["physicalLocation"] = {"artifactLocation": {"uri": outcome.file}, **region}
    where = ", ".join(part for part in (target, outcome.group, outcome.where) if part)
    location["logicalLocations"] = [{"fullyQualifiedName": where}]
    return {
        "ruleId": outcome.name,
        "ruleIndex": names.index(outcome.name),
        "level": outcome.severity,
        "message": {"text": "\n".join(part for part in parts if part) or outcome.name},
        "locations": [location],
    }
