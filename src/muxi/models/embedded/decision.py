"""Whether a request is answered by a tool, and by which call. Called by `model`, off the loop."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from muxi.core.requests import NamedTool, ToolChoice, ToolSpec
from muxi.models.embedded.arguments import Filled, fill
from muxi.models.embedded.router import Router
from muxi.models.embedded.word_likeness import WordLikeness

_GOES_ON: Final = re.compile(
    r"^\W*(?:ok\w*\W+)?(?:and|or|then|also|now|same|again|what about|how about|what if)\b",
    re.IGNORECASE,
)
_SHORT: Final = 9
"""Words of a request that may go on from the one before without saying so in full."""
_CONTINUATION: Final = 3.0
"""Log odds that such a request wants the same tool again."""


@dataclass(slots=True, frozen=True)
class Decision:
    """A tool to call, with the arguments that the request gives."""

    spec: ToolSpec
    filled: Filled


def decide(
    request: str,
    tools: Sequence[ToolSpec],
    choice: ToolChoice,
    *,
    router: Router,
    likeness: WordLikeness,
    before: str | None = None,
) -> Decision | None:
    """The call that answers `request`, or None for plain words.

    Args:
        request: What the user asked.
        tools: The tools that may be called.
        choice: Whether one must, may or must not be called.
        router: Judges the tools.
        likeness: Compares words.
        before: The tool that the turn before this one used.
    """
    if not tools or choice == "none":
        return None
    if isinstance(choice, NamedTool):
        spec = next((spec for spec in tools if spec.name == choice.name), None)
        return Decision(spec, fill(request, spec, likeness)) if spec else None
    goes_on = len(request.split()) <= _SHORT and _GOES_ON.match(request) is not None
    ranked = [
        (scored.score + _CONTINUATION * (goes_on and scored.spec.name == before), scored.spec)
        for scored in router.rank(request, tools)
    ]
    score, spec = max(ranked, key=lambda pair: pair[0])
    if score <= 0 and choice != "required":
        return None
    return Decision(spec, fill(request, spec, likeness))
