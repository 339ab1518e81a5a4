"""Markdown that is shown while it is being written. Used by the chat's screen.

A block that can no longer change is handed out to be printed for good; only the last one, which may
still grow, has to be drawn again. So a long answer costs no more than a short one, and it never
scrolls out of a region that must be redrawn.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from markdown_it import MarkdownIt


class MarkdownStream:
    """Text in, finished blocks out."""

    def __init__(self) -> None:
        # The same dialect as rich's own renderer, so that both see the same blocks.
        self._parser = MarkdownIt().enable("strikethrough").enable("table")
        self.tail = ""
        """The text of the block that may still grow."""

    def feed(self, text: str) -> None:
        """Add a piece of the text, cut anywhere."""
        self.tail += text

    def settled(self) -> list[str]:
        """The blocks that were completed since the last call."""
        if "\n" not in self.tail:
            return []
        tokens: list[Any] = self._parser.parse(self.tail)
        # A closing token stands at level 0 too, but it begins no block and has no lines.
        starts = [token.map[0] for token in tokens if token.level == 0 and token.map]
        if len(starts) < 2:
            return []
        lines = self.tail.split("\n")
        self.tail = "\n".join(lines[starts[-1] :])
        # Whatever stands before the first block, such as the address of a link, belongs to it.
        return ["\n".join(lines[a:b]) for a, b in pairwise([0, *starts[1:]])]

    def finish(self) -> list[str]:
        """The blocks that are left; the stream is then empty."""
        blocks = [*self.settled(), self.tail]
        self.tail = ""
        return [block for block in blocks if block.strip()]
