"""Every rule can be told apart, says what to do, and finds nothing where nothing is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from muxi.devkit.exchange import Json
from muxi.devkit.rules.evidence import Evidence, Visit
from muxi.devkit.rules.poisoning import FOUND
from muxi.devkit.rules.registry import CHECKS, RULES, every_rule
from muxi.devkit.session import Listing
from muxi.devkit.survey import Survey
from muxi.devkit.target import Target
from muxi.devkit.validation import judge
from muxi.mcp import poison
from muxi.mcp.phrases import PHRASES


def test_there_are_more_than_sixty_rules_and_each_says_what_why_and_what_to_do() -> None:
    rules = every_rule()
    assert len(rules) == sum(len(found) for found in RULES.values()) > 60
    for name, rule in rules.items():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", name)
        for text in (rule.what, rule.why, rule.fix):
            assert text.endswith("."), (name, text)


def test_every_suspicion_of_the_lock_has_a_rule() -> None:
    told = {phrase.rule for phrase in PHRASES}
    told |= set(re.findall(r'rule="([a-z-]+)"', Path(poison.__file__).read_text()))
    assert told <= FOUND.keys()


def evidence(**lists: list[Json]) -> Evidence:
    info = {"name": "x", "title": "X", "version": "1"}
    survey = Survey("2025-11-25", {}, info, {}, "", 0.1)
    survey.listings = {kind: Listing(items, [{kind: items}]) for kind, items in lists.items()}
    return Evidence(Target(text="x"), "stdio", {"2025-11-25": Visit(survey)})


WHOLE: Json = {
    "name": "find_notes",
    "title": "Find notes",
    "description": "Finds the notes that hold some words.",
    "inputSchema": {
        "type": "object",
        "properties": {"words": {"type": "string", "description": "The words."}},
        "additionalProperties": False,
    },
    "outputSchema": {"type": "object"},
    "annotations": {"readOnlyHint": True, "openWorldHint": False},
}


def parameter(**schema: object) -> Json:
    part = {"description": "The words.", **schema}
    return {**WHOLE, "inputSchema": {**WHOLE["inputSchema"], "properties": {"words": part}}}


TOOLS: list[tuple[str, Json]] = [
    ("tool-name-unportable", {**WHOLE, "name": "notes.find"}),
    ("tool-name-vague", {**WHOLE, "name": "run"}),
    ("name-missing", {**WHOLE, "name": None}),
    ("tool-description-short", {**WHOLE, "description": "Find notes"}),
    ("parameter-description-missing", parameter(type="string", description="")),
    ("description-placeholder", {**WHOLE, "description": "TBD: what this tool is for."}),
    ("title-missing", {**WHOLE, "title": None}),
    ("schema-required-unknown", {**WHOLE, "inputSchema": {"type": "object", "required": ["x"]}}),
    ("schema-pattern-invalid", parameter(type="string", pattern="(")),
    ("schema-default-misfit", parameter(type="string", default=4)),
    ("parameter-untyped", parameter()),
    ("schema-items-missing", parameter(type="array")),
    ("schema-open", {**WHOLE, "inputSchema": {"type": "object"}}),
    ("schema-root-combined", {**WHOLE, "inputSchema": {"type": "object", "oneOf": [{}]}}),
    ("schema-header-invalid", parameter(type="number", **{"x-mcp-header": "Words"})),
    ("output-schema-invalid", {**WHOLE, "outputSchema": {"type": "objekt"}}),
    ("output-schema-root", {**WHOLE, "outputSchema": {"type": "array", "items": {}}}),
    ("output-schema-missing", {k: v for k, v in WHOLE.items() if k != "outputSchema"}),
    ("annotations-invalid", {**WHOLE, "annotations": {"readOnlyHint": "true"}}),
    ("annotations-suspicious", {**WHOLE, "name": "delete_notes"}),
    ("annotations-destructive-missing", {**WHOLE, "annotations": {"readOnlyHint": False}}),
    ("annotations-open-world-missing", {**WHOLE, "annotations": {"readOnlyHint": True}}),
    ("secret-parameter", {**WHOLE, "inputSchema": {
        "type": "object", "properties": {"api_key": {"type": "string"}}}}),
    ("poison-side-channel-parameter", {**WHOLE, "inputSchema": {
        "type": "object", "properties": {"sidenote": {"type": "string"}}}}),
    ("poison-mixed-scripts", {**WHOLE, "description": "Finds n\u043etes that hold some words."}),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "tool"), TOOLS, ids=[rule for rule, _ in TOOLS])
def test_a_faulty_tool_breaks_its_rule(rule: str, tool: Json) -> None:
    assert rule not in failed(evidence(tools=[WHOLE]))
    assert rule in failed(evidence(tools=[tool]))


@pytest.mark.parametrize(
    ("rule", "kind", "items"),
    [
        ("tool-name-confusable", "tools", [WHOLE, {**WHOLE, "name": "findNotes"}]),
        ("tools-many", "tools", [{**WHOLE, "name": f"find_{i}"} for i in range(41)]),
        ("instructions-missing", "tools", [{**WHOLE, "name": f"find_{i}"} for i in range(9)]),
        ("prompt-name-duplicate", "prompts", [{"name": "a"}, {"name": "a"}]),
        ("prompt-argument-invalid", "prompts", [{"name": "a", "arguments": [{}]}]),
        ("prompt-description-missing", "prompts", [{"name": "a"}]),
        ("resource-uri-duplicate", "resources", [{"name": "a", "uri": "a:b"}] * 2),
        ("resource-mime-type-missing", "resources", [{"name": "a", "uri": "a:b"}]),
        ("resource-template-invalid", "templates", [{"name": "a", "uriTemplate": "a:{b"}]),
        ("resource-description-missing", "templates", [{"name": "a", "uriTemplate": "a:{b}"}]),
    ],
)
def test_a_faulty_list_breaks_its_rule(rule: str, kind: str, items: list[Json]) -> None:
    assert rule in failed(evidence(**{kind: items}))


@pytest.mark.parametrize("junk", [None, 1, "x", [], {}, [None], {"type": []}, {"properties": 4}])
@pytest.mark.parametrize("key", [*WHOLE, "arguments", "uri", "uriTemplate"])
def test_no_rule_fails_over_what_a_server_says(key: str, junk: object) -> None:
    items = [{**WHOLE, key: junk}]
    report = judge(evidence(tools=items, prompts=items, resources=items, templates=items))
    assert {outcome.group for outcome in report.outcomes} == set(CHECKS)


def failed(found: Evidence) -> set[str]:
    return {outcome.name for outcome in judge(found).failed()}
