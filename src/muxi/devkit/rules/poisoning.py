"""Rules of good faith: words that are meant for the model and hidden from people.

`mcp.poison` finds them, for the lock as for these rules; here stands what they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from muxi.devkit.reports.report import Severity
from muxi.devkit.rules.evidence import Evidence, named
from muxi.devkit.rules.rule import Complaint, Rule
from muxi.mcp.poison import inspect, inspect_text

ABOUT: Final = "poisoning"

_WHY: Final = (
    "A model obeys what it reads in a description; the person who installed the server never "
    "agreed to it."
)
_FIX: Final = "Say what the tool does, in words that may be shown to everybody."


def _rule(name: str, severity: Severity, what: str, why: str = _WHY, fix: str = _FIX) -> Rule:
    return Rule(name, severity, what, why, fix)


FOUND: Final = {
    "hidden-unicode": _rule(
        "poison-hidden-unicode",
        "error",
        "No text holds characters that people cannot see.",
        "Tags, zero-width letters and overrides of direction carry orders that only a model reads.",
        "Remove them; joiners within words and emoji are no fault.",
    ),
    "override-instructions": _rule(
        "poison-override-instructions",
        "error",
        "No text tells a model to set its instructions aside.",
    ),
    "conceal-from-user": _rule(
        "poison-conceal-from-user", "error", "No text asks to keep something from the user."
    ),
    "instruction-tag": _rule(
        "poison-instruction-tag",
        "error",
        "No text imitates the marks by which a model's instructions are set apart.",
    ),
    "secret-access": _rule(
        "poison-secret-access", "error", "No text asks for a file in which secrets are kept."
    ),
    "secret-place": _rule(
        "poison-secret-place",
        "warning",
        "No text names a place in which secrets are kept.",
        "It may be a plain description, and is how attacks begin.",
        "Leave the place out, if people need not know it.",
    ),
    "exfiltration": _rule(
        "poison-exfiltration", "error", "No text asks to send private things away."
    ),
    "commandeering": _rule(
        "poison-commandeering",
        "error",
        "No tool claims a place in the use of others' tools.",
        "It changes what the tools of other servers do, to which it was given no right.",
        "Speak of this server's own tools only.",
    ),
    "pressure": _rule(
        "poison-pressure",
        "warning",
        "No text presses a model to act in an order of its own.",
        "It may be meant well, and crowds out what the user asked for.",
        "Tell when the tool is useful instead of when it must be called.",
    ),
    "hidden-markup": _rule(
        "poison-hidden-markup", "error", "No text holds markup that clients do not show to people."
    ),
    "pushed-out-of-sight": _rule(
        "poison-pushed-out-of-sight",
        "error",
        "No text goes on after a long stretch of blanks.",
        "Clients show its beginning; the model reads the rest too.",
        "Remove the blanks.",
    ),
    "encoded-text": _rule(
        "poison-encoded-text",
        "warning",
        "No text holds a long encoded part.",
        "A model can read base64; people do not.",
        "Write it out, or move it into a resource.",
    ),
    "side-channel-parameter": _rule(
        "poison-side-channel-parameter",
        "error",
        "No parameter is there for a model to tell what the task does not need.",
        "A parameter called `sidenote` is filled with whatever the conversation holds.",
        "Take only what the tool works with.",
    ),
    "mixed-scripts": _rule(
        "poison-mixed-scripts",
        "error",
        "No word mixes letters of alphabets that look alike.",
        "`pаypal` with a Cyrillic letter passes for another name.",
        "Write the word in one alphabet.",
    ),
    "foreign-tool": _rule(
        "poison-foreign-tool",
        "error",
        "No text speaks of the tools of other servers.",
        "A server knows only its own tools; speaking of others redirects them.",
        "Remove the name.",
    ),
    "endless-text": _rule(
        "poison-endless-text",
        "error",
        "No text is longer than anybody reads.",
        "What stands in it cannot be judged, and fills the model's context.",
        "Cut it to what helps.",
    ),
}


def check(evidence: Evidence) -> Iterator[Complaint]:
    """What breaks these rules."""
    kinds = {"tool": evidence.tools, "prompt": evidence.prompts, "resource": evidence.resources}
    kinds["template"] = evidence.templates
    for kind, every in kinds.items():
        for item in every:
            for found in inspect(item):
                where = f"{named(kind, item)}, {found.where}"
                yield _complaint(found.rule, found.severity, where, found.message, found.excerpt)
    instructions = evidence.main.survey.instructions
    for found in inspect_text(instructions, "instructions") if instructions else ():
        yield _complaint(found.rule, found.severity, found.where, found.message, found.excerpt)


def _complaint(name: str, severity: Severity, where: str, message: str, excerpt: str) -> Complaint:
    rule = FOUND[name]
    if rule.severity != severity:
        rule = Rule(rule.id, severity, rule.what, rule.why, rule.fix)
    return rule.at(where, f"it {message}" + (f": {excerpt}" if excerpt else ""))
