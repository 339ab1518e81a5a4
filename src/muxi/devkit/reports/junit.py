"""A report as JUnit XML, which CI systems show. One suite for each group of outcomes.

Format: https://github.com/testmoapp/junitxml, as far as GitLab, Jenkins and Azure read it.
"""

from __future__ import annotations

import re
from itertools import groupby
from xml.etree import ElementTree as ET

from muxi.devkit.reports.report import Outcome, Report

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(report: Report) -> str:
    """The document; the same report gives the same text."""
    root = ET.Element("testsuites", name=_text(f"muxi mcp {report.check} {report.target}"))
    ordered = sorted(report.outcomes, key=lambda outcome: outcome.group)
    for group, found in groupby(ordered, key=lambda outcome: outcome.group):
        _add_suite(root, group or report.check, list(found))
    _count(root, report.outcomes)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _add_suite(root: ET.Element, name: str, outcomes: list[Outcome]) -> None:
    suite = ET.SubElement(root, "testsuite", name=_text(name))
    _count(suite, outcomes)
    for outcome in outcomes:
        place = f" ({outcome.where})" if outcome.where else ""
        case = ET.SubElement(
            suite, "testcase", classname=_text(name), name=_text(outcome.name + place)
        )
        case.set("time", f"{outcome.seconds or 0:.6f}")
        if outcome.status == "skipped":
            ET.SubElement(case, "skipped", message=_text(outcome.message))
        elif outcome.status == "failed":
            first = outcome.message.partition("\n")[0]
            kind = ET.SubElement(case, "failure", message=_text(first), type=outcome.severity)
            parts = (outcome.message, outcome.fix, outcome.reproduce)
            kind.text = _text("\n".join(part for part in parts if part))


def _count(element: ET.Element, outcomes: list[Outcome]) -> None:
    element.set("tests", str(len(outcomes)))
    element.set("failures", str(sum(each.status == "failed" for each in outcomes)))
    element.set("errors", "0")
    element.set("skipped", str(sum(each.status == "skipped" for each in outcomes)))
    element.set("time", f"{sum(each.seconds or 0 for each in outcomes):.6f}")


def _text(text: str) -> str:
    """`text` without the characters that no XML may hold."""
    return _FORBIDDEN.sub("\ufffd", text)
