"""Rules of cost: the tokens that every conversation pays before anything is done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from muxi.devkit.exchange import Json
from muxi.devkit.rules.evidence import Evidence, named
from muxi.devkit.rules.rule import Complaint, Rule

ABOUT: Final = "cost"

TOOL = Rule(
    "tool-tokens-high",
    "warning",
    "A tool costs at most 1,000 tokens.",
    "It is sent with every turn of every conversation.",
    "Shorten the description; flatten the schema.",
)
SERVER = Rule(
    "server-tokens-high",
    "warning",
    "All tools together cost at most 10,000 tokens.",
    "With a few such servers nothing is left for the conversation.",
    "Split the server, or offer fewer tools that do more.",
)
MANY = Rule(
    "tools-many",
    "note",
    "A server has at most 40 tools.",
    "Models choose worse among many, and some clients show only the first 40.",
    "Group operations, or let parts be switched on.",
)

_TOOL: Final = 1_000
_SERVER: Final = 10_000
_MANY: Final = 40
_BYTES_PER_TOKEN: Final = 4
"""Of English and JSON, over the usual tokenizers."""


def tokens(tool: Json) -> int:
    """About how many tokens a model is sent for a tool."""
    sent = {key: tool.get(key) for key in ("name", "description", "inputSchema")}
    return len(json.dumps(sent, ensure_ascii=False).encode()) // _BYTES_PER_TOKEN


def check(evidence: Evidence) -> Iterator[Complaint]:
    """What breaks these rules."""
    costs = [(tool, tokens(tool)) for tool in evidence.tools]
    for tool, cost in costs:
        if cost > _TOOL:
            yield TOOL.at(named("tool", tool), f"it costs about {cost:,}")
    total = sum(cost for _, cost in costs)
    if total > _SERVER:
        yield SERVER.at("server", f"they cost about {total:,}")
    if len(costs) > _MANY:
        yield MANY.at("server", f"it has {len(costs)}")
