"""How the tools of the web name themselves to servers."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version


@cache
def user_agent() -> str:
    """The value of the header User-Agent: program, version and where to ask about it."""
    return f"muxi/{version('muxi')} (https://github.com/ranaroussi/muxi)"
