"""What differs between models that speak the Messages format.

Asked by `request`. The facts are those of the pages on thinking, preserved thinking, effort,
structured outputs and mid-conversation system messages under
https://platform.claude.com/docs/en/build-with-claude/, and of the models' migration guides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_VERSION = re.compile(r"claude-(?:([a-z]+)-)?(\d)(?:[-.](\d{1,2}))?(?!\d)")
_NEWEST = 9900
"""Versions are numbers of four digits: 4.5 is 405."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Dialect:
    """What one model takes."""

    adaptive: bool
    """Thinking is asked for by effort; else by a budget of tokens."""
    bound: bool
    """Thoughts are refused when anything before them has changed, unless asked to be dropped."""
    can_rest: bool
    """Thinking may be switched off."""
    forced: bool
    """A tool call may be demanded; else demanding one is refused."""
    sampling: bool
    """Temperature and top_p are taken; else any value but the default is refused."""
    schemas: bool
    """Answers and arguments can be held to a JSON Schema."""
    system_turns: bool
    """System messages may stand in the middle of a conversation."""


_OTHERS = Dialect(
    adaptive=False,
    bound=False,
    can_rest=True,
    forced=True,
    sampling=True,
    schemas=False,
    system_turns=False,
)
"""Models of other makers behind an address that speaks this format: the oldest common form."""


@lru_cache(maxsize=256)
def dialect_of(model: str) -> Dialect:
    """The dialect of the model of this name, such as `claude-sonnet-4-5`.

    A Claude without a version in its name is taken for the newest.
    """
    name = model.lower()
    if "claude" not in name:
        return _OTHERS
    found = _VERSION.search(name)
    family = found[1] if found else ""
    version = int(found[2]) * 100 + int(found[3] or 0) if found else _NEWEST
    return Dialect(
        adaptive=version >= 406,
        bound=version > 500,
        can_rest=version <= 500 and "fable" not in name and "mythos" not in name,
        forced=version <= 500,
        sampling=version < 407,
        schemas=version >= 405 or (family, version) == ("opus", 401),
        system_turns=version >= 408 and (family, version) != ("sonnet", 500),
    )
