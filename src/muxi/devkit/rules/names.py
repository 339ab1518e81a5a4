"""Rules of names: what tools, prompts and resources are called."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final, cast

from muxi.devkit.exchange import Json
from muxi.devkit.rules.evidence import Evidence, items, named, words
from muxi.devkit.rules.rule import Complaint, Rule
from muxi.mcp.poison import confusable

ABOUT: Final = "names"

INVALID = Rule(
    "tool-name-invalid",
    "error",
    "A tool's name has 1 to 128 of the characters A-Z, a-z, 0-9, `_`, `-` and `.`.",
    "The protocol allows no others, and clients refuse the tool or fail to call it.",
    "Rename the tool, with `_` between its words.",
)
UNPORTABLE = Rule(
    "tool-name-unportable",
    "warning",
    "A tool's name has at most 64 of the characters A-Z, a-z, 0-9, `_` and `-`.",
    "The APIs of OpenAI, Anthropic and Google accept no others, so clients must rename the tool.",
    "Replace `.` by `_`, and shorten the name; clients add a prefix of their own to it.",
)
DUPLICATE = Rule(
    "tool-name-duplicate",
    "error",
    "No two tools have one name.",
    "A client can call only one of them, and nobody knows which.",
    "Rename or remove one.",
)
CONFUSABLE = Rule(
    "tool-name-confusable",
    "warning",
    "No two names of tools differ only in case or separators.",
    "A model mixes `get_user` and `getUser` up.",
    "Name them by what they do differently.",
)
VAGUE = Rule(
    "tool-name-vague",
    "note",
    "A tool's name says what it does.",
    "A model chooses by the name first; `run` or `tool1` says nothing beside other servers' tools.",
    "Use a verb and its object, such as `search_orders`.",
)
MISSING = Rule(
    "name-missing",
    "error",
    "Every tool, prompt, resource and template has a name.",
    "Without one it cannot be called, shown or told apart.",
    "Give it a `name`.",
)
PROMPT_DUPLICATE = Rule(
    "prompt-name-duplicate",
    "error",
    "No two prompts have one name.",
    "A client can get only one of them.",
    "Rename or remove one.",
)
PROMPT_ARGUMENT = Rule(
    "prompt-argument-invalid",
    "error",
    "Each argument of a prompt has a name of its own.",
    "A client cannot fill in an argument without a name, nor two of one name.",
    "Name each argument once.",
)
URI_INVALID = Rule(
    "resource-uri-invalid",
    "error",
    "A resource's URI is absolute: it begins with a scheme.",
    "Clients refuse relative URIs, since they are read without any base.",
    "Use a scheme of your own, such as `notes://42`, or `file://` and `https://`.",
)
URI_DUPLICATE = Rule(
    "resource-uri-duplicate",
    "error",
    "No two resources have one URI.",
    "The URI is what a client reads by.",
    "Give each its own.",
)
TEMPLATE_INVALID = Rule(
    "resource-template-invalid",
    "error",
    "A resource template is a URI template of RFC 6570 with at least one variable.",
    "Clients cannot fill in anything else; one without a variable is a resource.",
    "Close every brace, name every variable, or list it as a resource.",
)

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_PORTABLE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_VAGUE: Final = re.compile(
    r"(?:tool|function|func|command|action|test|foo|bar|method|op)_?\d*|run|do|execute|call|handle"
    r"|process|main|helper|util|utils|misc|stuff|thing|data|get|set",
    re.IGNORECASE,
)
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:.+", re.DOTALL)
_VARIABLE: Final = re.compile(
    r"\{[+#./;?&]?[A-Za-z0-9_.%]+(?:\*|:\d{1,4})?(?:,[A-Za-z0-9_.%]+(?:\*|:\d{1,4})?)*\}"
)


def check(evidence: Evidence) -> Iterator[Complaint]:
    """What breaks these rules."""
    yield from _tools(evidence.tools)
    yield from _unnamed(evidence)
    yield from _twice(evidence.prompts, "prompt", "name", PROMPT_DUPLICATE)
    yield from _twice(evidence.resources, "resource", "uri", URI_DUPLICATE)
    for prompt in evidence.prompts:
        yield from _arguments(prompt)
    for resource in evidence.resources:
        if not _SCHEME.fullmatch(words(resource, "uri")):
            yield URI_INVALID.at(named("resource", resource), f"its URI is {resource.get('uri')!r}")
    for template in evidence.templates:
        text = words(template, "uriTemplate")
        rest, count = _VARIABLE.subn("", text)
        if not count or "{" in rest or "}" in rest:
            yield TEMPLATE_INVALID.at(named("template", template), f"it reads {text!r}")


def _tools(tools: list[Json]) -> Iterator[Complaint]:
    names = [words(tool, "name") for tool in tools]
    for name in dict.fromkeys(filter(None, names)):
        where = f"tool {name}"
        if not _NAME.fullmatch(name):
            yield INVALID.at(where, f"its name is {name!r}")
        elif not _PORTABLE.fullmatch(name):
            yield UNPORTABLE.at(where, f"its name has {len(name)} characters, or a `.`")
        if _VAGUE.fullmatch(name):
            yield VAGUE.at(where, f"`{name}` could be anything")
    for name, count in Counter(names).items():
        if count > 1:
            yield DUPLICATE.at(f"tool {name}", f"{count} tools have this name")
    for one, other in confusable(set(names)):
        yield CONFUSABLE.at(f"tool {one}", f"there is also `{other}`")


def _unnamed(evidence: Evidence) -> Iterator[Complaint]:
    kinds = {
        "tool": evidence.tools,
        "prompt": evidence.prompts,
        "resource": evidence.resources,
        "template": evidence.templates,
    }
    for kind, every in kinds.items():
        for item in every:
            if not words(item, "name"):
                yield MISSING.at(named(kind, item), f"its name is {item.get('name')!r}")


def _twice(every: list[Json], kind: str, key: str, rule: Rule) -> Iterator[Complaint]:
    for name, count in Counter(words(item, key) for item in every).items():
        if count > 1:
            yield rule.at(f"{kind} {name}", f"{count} have it")


def _arguments(prompt: Json) -> Iterator[Complaint]:
    arguments = items(prompt, "arguments")
    names = [
        cast("Json", each).get("name") if isinstance(each, dict) else None for each in arguments
    ]
    for name, count in Counter(map(str, names)).items():
        if name in ("None", "") or count > 1:
            yield PROMPT_ARGUMENT.at(named("prompt", prompt), f"an argument is called {name!r}")
