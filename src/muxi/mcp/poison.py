"""What in the words of a server is meant for the model and hidden from people, or smells of it.

Called by `lock` before a definition is trusted, and by `devkit` when a server is validated. It
judges text only: that nothing was found is no proof of good faith.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise
from typing import Any, cast

from muxi.core.json_shapes import is_object
from muxi.core.lock_changes import Finding
from muxi.mcp.phrases import ERROR_PARAMETERS, PHRASES, WARNING_PARAMETERS, Severity

_EXCERPT = 80
"""Characters that an excerpt shows."""
_MOST_TEXT = 100_000
"""Characters of one text that are looked at; a longer one is a finding by itself."""


_INVISIBLE = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\ud800-\udfff]"
)
_JOINERS = "\u200c\u200d"
_EMOJI_STYLE = "\ufe0e\ufe0f"


def inspect(definition: Mapping[str, Any], *, foreign: Collection[str] = ()) -> list[Finding]:
    """What is suspicious in a tool, a prompt, a template or a server's instructions.

    Args:
        definition: In the protocol's own words.
        foreign: Names of the tools of other servers, which it has no business to speak of.
    """
    found: list[Finding] = []
    for where, text in _texts(definition, ""):
        found += inspect_text(text, where, foreign=foreign)
    found += _parameters(definition)
    return found


def inspect_text(text: str, where: str, *, foreign: Collection[str] = ()) -> list[Finding]:
    """What is suspicious in one text."""
    found: list[Finding] = []
    if len(text) > _MOST_TEXT:
        message = f"has {len(text):,} characters, more than anybody reads"
        found.append(Finding(rule="endless-text", severity="error", where=where, message=message))
        text = text[:_MOST_TEXT]
    if hidden := [match for match in _INVISIBLE.finditer(text) if not _harmless(text, match)]:
        found.append(
            Finding(
                rule="hidden-unicode",
                severity="error",
                where=where,
                message=f"holds {len(hidden)} characters that people cannot see",
                excerpt=_excerpt(text, hidden[0].start(), hidden[0].end()),
            )
        )
    plain = _made_plain(text)
    for phrase in PHRASES:
        if match := phrase.pattern.search(plain):
            found.append(
                Finding(
                    rule=phrase.rule,
                    severity=phrase.severity,
                    where=where,
                    message=phrase.message,
                    excerpt=_excerpt(plain, match.start(), match.end()),
                )
            )
    found += _mixed_scripts(text, where)
    found += _foreign_names(plain, where, foreign)
    rules = {finding.rule for finding in found}
    return [f for f in found if not (f.rule == "secret-place" and "secret-access" in rules)]


def visible(text: str) -> str:
    """`text` with every character that people cannot see written as its code point."""
    return _INVISIBLE.sub(
        lambda match: match[0] if _harmless(text, match) else f"<U+{ord(match[0]):04X}>", text
    )


def _texts(value: Any, where: str) -> Iterator[tuple[str, str]]:
    """Every text in a definition with its place, names of parameters among them."""
    stack: list[tuple[str, Any]] = [(where, value)]
    while stack:
        place, item = stack.pop()
        if isinstance(item, str):
            yield place, item
        elif isinstance(item, dict):
            for key, inner in cast("dict[str, Any]", item).items():
                below = f"{place}.{key}" if place else key
                yield f"{below} (its name)", key
                stack.append((below, inner))
        elif isinstance(item, list | tuple):
            inside = cast("list[Any]", item)
            stack += [(f"{place}[{index}]", inner) for index, inner in enumerate(inside)]


def _parameters(definition: Mapping[str, Any]) -> list[Finding]:
    found: list[Finding] = []
    for name in _members(_members(definition, "inputSchema"), "properties"):
        plain = re.sub(r"(?<=[a-z])(?=[A-Z])|-", "_", name).lower()
        severity: Severity | None = None
        if ERROR_PARAMETERS.fullmatch(plain):
            severity = "error"
        elif WARNING_PARAMETERS.fullmatch(plain):
            severity = "warning"
        if severity is not None:
            found.append(
                Finding(
                    rule="side-channel-parameter",
                    severity=severity,
                    where=f"inputSchema.properties.{name}",
                    message="is a parameter through which a model would tell what is not asked",
                    excerpt=visible(name),
                )
            )
    return found


def _members(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object under `name`, or an empty one."""
    inner: Any = value.get(name)
    return inner if is_object(inner) else {}


def _harmless(text: str, match: re.Match[str]) -> bool:
    """Whether an invisible character does what it is made for: join letters, or style an emoji."""
    here, char = match.start(), match[0]
    before = text[here - 1] if here else ""
    after = text[here + 1] if here + 1 < len(text) else ""
    if char in _EMOJI_STYLE:
        return unicodedata.category(before) in ("So", "Sm", "Po", "Nd", "Sk") if before else False
    if char in _JOINERS and before and after:
        if _is_emoji(after):
            return _is_emoji(before) or before == "\ufe0f"
        return _joins(before) and _joins(after)
    return False


def _is_emoji(char: str) -> bool:
    return unicodedata.category(char) in ("So", "Sk")


def _joins(char: str) -> bool:
    """Whether a letter is of a script that is written with joiners."""
    return "\u0600" <= char <= "\u109f" or "\u1780" <= char <= "\u18af"


def _made_plain(text: str) -> str:
    """`text` in one form whatever way it was written: compatible letters, small, none hidden."""
    return unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).lower().replace("\u2019", "'")


_WORD = re.compile(r"[^\W\d_]{2,60}")


def _mixed_scripts(text: str, where: str) -> list[Finding]:
    """Words of Latin letters and of others that look like them."""
    if text.isascii():
        return []
    for match in _WORD.finditer(text):
        word = match[0]
        if word.isascii():
            continue
        scripts = {unicodedata.name(char, "").partition(" ")[0] for char in word}
        if "LATIN" in scripts and scripts & {"CYRILLIC", "GREEK", "CHEROKEE", "ARMENIAN"}:
            return [
                Finding(
                    rule="mixed-scripts",
                    severity="error",
                    where=where,
                    message="writes one word with letters of two alphabets that look alike",
                    excerpt=word,
                )
            ]
    return []


def _foreign_names(plain: str, where: str, foreign: Collection[str]) -> list[Finding]:
    """Tools of other servers that are spoken of: nobody but the project knows of both."""
    spoken = set(re.findall(r"[\w.-]+", plain)) if foreign else set[str]()
    named = sorted(name for name in foreign if "_" in name and name.lower() in spoken)
    if not named:
        return []
    return [
        Finding(
            rule="foreign-tool",
            severity="error",
            where=where,
            message=f"speaks of the tool {named[0]} of another server",
            excerpt=named[0],
        )
    ]


def _excerpt(text: str, start: int, end: int) -> str:
    room = max(0, _EXCERPT - (end - start)) // 2
    piece = text[max(0, start - room) : min(len(text), max(end, start + 1) + room)][: _EXCERPT * 2]
    return " ".join(visible(piece).split())


def confusable(names: Collection[str]) -> Iterator[tuple[str, str]]:
    """Pairs of names that differ in case or separators only, which a model mixes up."""
    ordered = sorted(names, key=lambda name: (_folded(name), name))
    for one, other in pairwise(ordered):
        if _folded(one) == _folded(other):
            yield one, other


def _folded(name: str) -> str:
    return re.sub(r"[-_.]", "", name).lower()
