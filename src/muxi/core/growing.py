"""A text that comes in many small pieces, kept in little more room than it says.

Used by whoever hears a model. Pieces kept one by one, as `io.StringIO` keeps them before Python
3.12 too, weigh ten times as much: most have five letters, and a string of its own takes 60 bytes.
"""

from __future__ import annotations


class GrowingText:
    """What has come so far; `str` gives it whole."""

    __slots__ = ("_bytes",)

    def __init__(self) -> None:
        self._bytes = bytearray()

    def add(self, piece: str) -> None:
        """Put `piece` behind the rest."""
        # Half of a pair of surrogates may come by itself, and keeps its place.
        self._bytes += piece.encode("utf-8", "surrogatepass")

    def __bool__(self) -> bool:
        return bool(self._bytes)

    def __str__(self) -> str:
        return self._bytes.decode("utf-8", "surrogatepass")
