"""Rules of the words that people and models read: titles, descriptions, instructions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, cast

from muxi.devkit.exchange import Json
from muxi.devkit.rules.evidence import Evidence, items, mapping, named, parameters, words
from muxi.devkit.rules.rule import Complaint, Rule

ABOUT: Final = "descriptions"

MISSING = Rule(
    "tool-description-missing",
    "warning",
    "Every tool has a description.",
    "A model chooses tools by their descriptions; one without is used by chance or not at all.",
    "Say in one or two sentences what it does, and when to use it.",
)
SHORT = Rule(
    "tool-description-short",
    "note",
    "A description says more than the name.",
    "`Gets data` leaves a model to guess what, in which form, and when.",
    "Add what it gives back and when to prefer it over its neighbours.",
)
LONG = Rule(
    "tool-description-long",
    "warning",
    "A tool's description has at most 1,024 characters.",
    "Some APIs refuse longer ones, and every turn of every conversation pays for it.",
    "Keep what helps to choose; move the manual into a resource or a prompt.",
)
PARAMETER_MISSING = Rule(
    "parameter-description-missing",
    "warning",
    "Every parameter has a description.",
    "Without one a model guesses units, formats and identifiers.",
    "Describe it with an example of a value.",
)
PLACEHOLDER = Rule(
    "description-placeholder",
    "warning",
    "No description is a placeholder.",
    "A model reads it like anything else, and learns nothing.",
    "Write the description.",
)
TITLE = Rule(
    "title-missing",
    "note",
    "Every tool has a title.",
    "Clients show it to the person who is asked for consent; the name is for programs.",
    "Set `title` to a few words with capitals and spaces.",
)
PROMPT_MISSING = Rule(
    "prompt-description-missing",
    "note",
    "Every prompt, and each of its arguments, has a description.",
    "People pick prompts from a menu that shows it.",
    "Describe what the prompt is for and what each argument stands for.",
)
RESOURCE_MISSING = Rule(
    "resource-description-missing",
    "note",
    "Every resource and template has a description.",
    "A client's user, or its model, chooses by it what to read.",
    "Say what is in it.",
)
MIME_MISSING = Rule(
    "resource-mime-type-missing",
    "note",
    "Every resource says its MIME type.",
    "Clients cannot tell text from pictures before they read it.",
    "Set `mimeType`, such as `text/markdown`.",
)
INSTRUCTIONS_MISSING = Rule(
    "instructions-missing",
    "note",
    "A server with many tools has instructions.",
    "They tell a model how its tools work together, which no single description can.",
    "Set `instructions` to a short paragraph.",
)
INSTRUCTIONS_LONG = Rule(
    "instructions-long",
    "warning",
    "Instructions have at most 2,000 characters.",
    "They are put before every conversation with any client.",
    "Keep to what all tools share.",
)

_MOST_DESCRIPTION: Final = 1_024
_MOST_INSTRUCTIONS: Final = 2_000
_MANY_TOOLS: Final = 8
_LEAST: Final = 20
_PLACEHOLDER: Final = re.compile(
    # Brackets keep the words from being marks of this file itself.
    r"\b(?:TO[D]O|FIX[M]E|TBD|XX[X]|lorem ipsum|placeholder|insert description|description here"
    r"|your description|change me)\b",
    re.IGNORECASE,
)


def check(evidence: Evidence) -> Iterator[Complaint]:
    """What breaks these rules."""
    for tool in evidence.tools:
        yield from _tool(tool)
    for prompt in evidence.prompts:
        if not words(prompt, "description") or not _all_described(prompt):
            yield PROMPT_MISSING.at(named("prompt", prompt), "a description is missing")
    for kind, every in (("resource", evidence.resources), ("template", evidence.templates)):
        for item in every:
            if not words(item, "description"):
                yield RESOURCE_MISSING.at(named(kind, item), "it has none")
            if kind == "resource" and not words(item, "mimeType"):
                yield MIME_MISSING.at(named(kind, item), "it has none")
    yield from _instructions(evidence)


def _tool(tool: Json) -> Iterator[Complaint]:
    where, text = named("tool", tool), words(tool, "description").strip()
    if not text:
        yield MISSING.at(where, "it has none")
    elif len(text) < _LEAST or _plain(text) == _plain(words(tool, "name")):
        yield SHORT.at(where, f"it is all of {text!r}")
    if len(text) > _MOST_DESCRIPTION:
        yield LONG.at(where, f"it has {len(text):,} characters")
    if not words(tool, "title") and not words(mapping(tool, "annotations"), "title"):
        yield TITLE.at(where, "it has none")
    if found := _PLACEHOLDER.search(text):
        yield PLACEHOLDER.at(where, f"it says {found[0]!r}")
    bare: list[str] = []
    for name, part in parameters(tool):
        described = words(part, "description")
        if not described.strip() and "$ref" not in part:
            bare.append(name)
        elif found := _PLACEHOLDER.search(described):
            yield PLACEHOLDER.at(f"{where}, {name}", f"it says {found[0]!r}")
    if bare:
        yield PARAMETER_MISSING.at(where, f"of {', '.join(bare)}")


def _instructions(evidence: Evidence) -> Iterator[Complaint]:
    text = evidence.main.survey.instructions
    if not text and len(evidence.tools) >= _MANY_TOOLS:
        yield INSTRUCTIONS_MISSING.at("server", f"it has {len(evidence.tools)} tools")
    if len(text) > _MOST_INSTRUCTIONS:
        yield INSTRUCTIONS_LONG.at("instructions", f"they have {len(text):,} characters")


def _all_described(prompt: Json) -> bool:
    return all(
        isinstance(each, dict) and words(cast("Json", each), "description")
        for each in items(prompt, "arguments")
    )


def _plain(text: str) -> str:
    return re.sub(r"\W|_", "", text).lower()
