"""How the tools of the web name themselves to servers."""

from __future__ import annotations

from functools import cache
from importlib.metadata import metadata


@cache
def user_agent() -> str:
    """The value of the header User-Agent: program, version, and where to ask about it."""
    about = metadata("muxi")
    addresses = [entry.partition(", ")[2] for entry in about.get_all("Project-URL") or ()]
    contact = f" (+{addresses[0]})" if addresses else ""
    return f"muxi/{about['Version']}{contact}"
