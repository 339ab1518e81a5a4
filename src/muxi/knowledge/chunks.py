"""Blocks into pieces: each of one place, of bounded size, with the headings that stand above it.

Called by `indexing`. A piece never crosses a page, so that its citation is right; what is too long
is cut between rows, paragraphs, sentences, lines or words, in this order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from muxi.knowledge.blocks import Block

WHOLE = 1_400
"""Weight that a piece should have: about 350 tokens, of which several fit into any context."""
_GAP = 2
"""Weight of what parts two blocks of a piece."""
_SMALL = 200
"""Weight below which a section is not a piece of its own."""
_MOST_TITLE = 160
"""Weight of one heading, the rest of which is cut off."""
MOST_HEADINGS = 400
"""Weight of the line of headings above a piece: the innermost ones that fit."""
_WIDE = re.compile(r"[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef]")
_SENTENCE = re.compile(r"(?<=[.!?…。！？])[\"'”’)\]]*\s+|(?<=[。！？])")


@dataclass(frozen=True, slots=True)
class Chunk:
    """The text of one piece and where it stands."""

    text: str
    """With the headings above it in the first line, since one who finds it sees nothing else."""
    page: int | None
    first_line: int | None
    last_line: int | None
    heading: str | None


def weigh(text: str) -> int:
    """Characters, those counted threefold that are words by themselves."""
    return len(text) + (0 if text.isascii() else 2 * len(_WIDE.findall(text)))


def chunks(blocks: Iterable[Block], *, whole: int = WHOLE) -> Iterator[Chunk]:
    """The pieces of a document in their order.

    Args:
        blocks: What it consists of.
        whole: Weight that none exceeds, the line of its headings (`MOST_HEADINGS`) excepted.
    """
    cutter = _Cutter(whole)
    for block in blocks:
        if block.kind == "heading":
            yield from cutter.heading(block)
        else:
            for part in _parts(block, whole):
                yield from cutter.add(part)
    yield from cutter.close()


@dataclass(slots=True)
class _Cutter:
    """The piece that is being filled."""

    whole: int
    path: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    """The headings in force, with their levels."""
    shown: list[str] = field(default_factory=list[str])
    """Those in force where the piece began."""
    held: list[Block] = field(default_factory=list[Block])
    weight: int = 0

    def heading(self, block: Block) -> Iterator[Chunk]:
        # A section of a line or two is found better together with the one that follows it.
        joins = 0 < self.weight < _SMALL and self._same_place(block) and not self._leaves(block)
        joins = joins and self.held[-1].kind != "row"
        if not joins:
            yield from self.close()
        while self.path and self.path[-1][0] >= block.level:
            self.path.pop()
        self.path.append((block.level, _clipped(block.text, _MOST_TITLE)))
        if joins:
            self.held.append(block)
            self.weight += weigh(block.text) + _GAP

    def add(self, block: Block) -> Iterator[Chunk]:
        weight = _GAP + weigh(block.text) + self._header_weight(block)
        if self.held and (self.weight + weight > self.whole or not self._same_place(block)):
            yield from self.close()
        if not self.held:
            self.shown = [title for _, title in self.path]
            # Nothing stands before the first block of a piece.
            weight = weigh(block.text) + self._header_weight(block)
        self.held.append(block)
        self.weight += weight

    def close(self) -> Iterator[Chunk]:
        """The piece, if there is anything in it."""
        held, self.held, self.weight = self.held, [], 0
        # A heading without a text belongs to what follows.
        while held and held[-1].kind == "heading":
            held.pop()
        if not any(block.text.strip() for block in held):
            return
        heading = _line_of(self.shown)
        lines = [block.first_line for block in held if block.first_line is not None]
        ends = [block.last_line for block in held if block.last_line is not None]
        text = "".join(_joined(held))
        yield Chunk(
            text=f"{heading}\n\n{text}" if heading else text,
            page=held[0].page,
            first_line=min(lines, default=None),
            last_line=max(ends, default=None),
            heading=heading or None,
        )

    def _same_place(self, block: Block) -> bool:
        return not self.held or self.held[0].page == block.page

    def _leaves(self, block: Block) -> bool:
        """Whether `block` begins something larger than the section that the piece began in."""
        return bool(self.shown) and block.level < len(self.shown) and len(self.path) > 1

    def _header_weight(self, block: Block) -> int:
        if block.header is None or (self.held and self.held[-1].header == block.header):
            return 0
        return min(weigh(block.header), self.whole // 2) + 1


def _line_of(titles: list[str]) -> str:
    """The innermost of `titles` that fit into one line."""
    line = ""
    for title in reversed(titles):
        longer = f"{title} › {line}" if line else title
        if weigh(longer) > MOST_HEADINGS:
            break
        line = longer
    return line


def _clipped(text: str, room: int) -> str:
    """As much of the beginning of `text` as weighs at most `room`."""
    text = text[:room]
    while weigh(text) > room:
        text = text[: -max(1, (weigh(text) - room) // 3)]
    return text


def _joined(held: list[Block]) -> Iterator[str]:
    """The texts of blocks: rows one below the other with their header above, else parted."""
    before: Block | None = None
    for block in held:
        if before is not None:
            together = block.kind == before.kind == "row" and block.header == before.header
            yield "\n" if together or _split(before, block) else "\n\n"
        if block.header is not None and (before is None or before.header != block.header):
            yield f"{block.header}\n"
        yield block.text
        before = block


def _split(before: Block, block: Block) -> bool:
    """Whether both are parts of one block that was too long."""
    return (
        block.kind == "code"
        and before.last_line is not None
        and (block.first_line == before.last_line + 1)
    )


def _parts(block: Block, whole: int) -> Iterator[Block]:
    """`block`, or what it must be cut into."""
    header = block.header
    if header is not None and weigh(header) > whole // 2:
        header = next(iter(_cut(header, whole // 2)), None)
    room = whole - (weigh(header) + 1 if header is not None else 0)
    if weigh(block.text) <= room:
        yield block if header is block.header else _with(block, block.text, header=header)
        return
    if block.first_line is None or "\n" not in block.text:
        for text in _cut(block.text, room):
            yield _with(block, text, header=header)
        return
    yield from _lines(block, room)


def _lines(block: Block, room: int) -> Iterator[Block]:
    """Parts of some lines each, so that each has its own place."""
    assert block.first_line is not None
    held: list[str] = []
    first = number = block.first_line
    weight = 0
    for line in block.text.split("\n"):
        # Code is cut rather before a blank line than behind it.
        full = weight + weigh(line) + 1 > room or (not line and weight > room * 2 // 3)
        if held and full:
            yield _with(block, "\n".join(held), first, number - 1)
            held, first, weight = [], number, 0
        if weigh(line) > room:
            for text in _cut(line, room):
                yield _with(block, text, number, number)
            first = number + 1
        else:
            held.append(line)
            weight += weigh(line) + 1
        number += 1
    if any(held):
        yield _with(block, "\n".join(held), first, number - 1)


def _with(
    block: Block,
    text: str,
    first_line: int | None = None,
    last_line: int | None = None,
    *,
    header: str | None = None,
) -> Block:
    return Block(
        block.kind,
        text,
        0,
        block.page,
        first_line if first_line is not None else block.first_line,
        last_line if last_line is not None else block.last_line,
        header,
    )


def _cut(text: str, room: int) -> list[str]:
    """`text` in parts of at most `room`, between sentences, else words, else anywhere."""
    found: list[str] = []
    held = ""
    for sentence in _SENTENCE.split(text):
        for part in [sentence] if weigh(sentence) <= room else _words(sentence, room):
            if held and weigh(held) + weigh(part) + 1 > room:
                found.append(held)
                held = ""
            held = f"{held} {part}" if held else part
    return [*found, held] if held.strip() else found


def _words(text: str, room: int) -> list[str]:
    found: list[str] = []
    at = 0
    while at < len(text):
        # A wide character weighs three, so that a third of the room holds whatever comes.
        step = room if text[at : at + room].isascii() else max(1, room // 3)
        end = at + step
        if end < len(text):
            blank = text.rfind(" ", at + step // 2, end)
            end = blank + 1 if blank >= 0 else end
        if part := text[at:end].strip():
            found.append(part)
        at = end
    return found
