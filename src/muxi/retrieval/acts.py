"""What is to be done with a thing: read it, make it, change it, remove it. Called by `tool_index`.

The tools of one server differ in little but their verb, and people seldom use the verb of a tool's
name: they book, send or report what it would create. English verbs, and questions in any language.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from muxi.retrieval.words import only_asks, tokens

_BY_TOOLS: Final = {
    "read": "get show read fetch retrieve view describe list search find query lookup look check "
    "count browse inspect status info export download",
    "make": "create add insert new send post publish make write submit register schedule start run "
    "book reserve upload put generate execute",
    "change": "update edit modify change move rename patch set turn switch replace mark assign",
    "remove": "delete remove cancel drop erase clear stop close",
}
"""Verbs in names of tools."""

_BY_PEOPLE: Final = {
    "read": "show find search get tell look list check see read describe explain compare know "
    "which what who whose whom where when how why",
    "make": "create add make write send post publish book reserve order open start report submit "
    "draft note log enter register schedule plan propose buy pay transfer bill invite prepare "
    "build compile test run text mail call draw record ask say give upload put sign apply claim",
    "change": "change update move set turn switch edit rename mark adjust correct point raise "
    "lower replace modify assign reschedule",
    "remove": "delete remove cancel stop forget drop erase clear rid discard",
}
"""Words by which people ask for them."""

_ANY: Final = frozenset(_BY_TOOLS)
_NONE: Final[frozenset[str]] = frozenset()


def _acts(table: dict[str, str]) -> dict[str, frozenset[str]]:
    verbs = {verb for words in table.values() for verb in words.split()}
    return {
        verb: frozenset(act for act, words in table.items() if verb in words.split())
        for verb in verbs
    }


_OF_TOOLS: Final = _acts(_BY_TOOLS)
_OF_PEOPLE: Final = _acts(_BY_PEOPLE)


def acts_of_tool(name: Iterable[str]) -> frozenset[str]:
    """What a tool does, by the words of its name; nothing if none of them is a verb."""
    return next((acts for word in name if (acts := _OF_TOOLS.get(word))), _NONE)


def acts_asked(text: str) -> frozenset[str]:
    """What a request asks to be done; anything of them if it does not say."""
    found = _NONE.union(*(_OF_PEOPLE.get(word, ()) for word in tokens(text)))
    if only_asks(text):
        found |= {"read"}
    return found or _ANY
