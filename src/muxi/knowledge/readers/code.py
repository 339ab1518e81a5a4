"""Source code and settings: what belongs together stays together, with its lines.

No language is parsed: in nearly all of them, what stands at the left edge after a blank line, or
begins with a word that defines something, begins something new.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from muxi.knowledge.blocks import Block, Task
from muxi.knowledge.readers.encoding import text_of

_DEFINITION = re.compile(
    r"(?:(?:export|default|pub(?:\([a-z]+\))?|public|private|protected|internal|static|async|"
    r"abstract|final|sealed|override|inline|extern|unsafe|virtual|open|data)\s+)*"
    r"(?:def|class|function|func|fn|fun|struct|enum|interface|trait|impl|module|namespace|record|"
    r"object|protocol|extension|macro_rules!|type|sub|create\s+(?:table|view|index|function))\b"
    r"|\[[\w.\"-]+\]\s*$",
    re.IGNORECASE,
)
_CLOSING = re.compile(r"[)\]}]|end\b|else\b|elif\b|except\b|finally\b|catch\b", re.IGNORECASE)


def read(task: Task) -> Iterator[Block]:
    """The parts of a file that stand at its left edge."""
    return parts(text_of(task.path))


def parts(text: str) -> Iterator[Block]:
    """The parts of `text`; what precedes a definition without a blank line belongs to it."""
    held: list[str] = []
    first = 1
    for number, line in enumerate(text.split("\n"), 1):
        if held and _begins(line, held):
            yield from _block(held, first)
            held, first = [], number
        if held or line.strip():
            if not held:
                first = number
            held.append(line.rstrip())
    yield from _block(held, first)


def _begins(line: str, held: list[str]) -> bool:
    """Whether `line` begins another part than the one that is held."""
    if not line.strip() or line[0].isspace() or _CLOSING.match(line):
        return False
    if not held[-1]:
        return True
    # A comment or a decorator above a definition is of the definition.
    return bool(_DEFINITION.match(line)) and held[-1][:1].isspace()


def _block(held: list[str], first: int) -> Iterator[Block]:
    while held and not held[-1]:
        held.pop()
    if held:
        yield Block("code", "\n".join(held), 0, None, first, first + len(held) - 1)
