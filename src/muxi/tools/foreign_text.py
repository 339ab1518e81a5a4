"""Words of strangers as part of a line: of mails, events, parameters. Used by tools of services."""

from __future__ import annotations

import re
from typing import Final

from muxi.core.record import clean

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def without_control(text: str) -> str:
    """`text` with blanks for line breaks and the like, which could begin another command."""
    return _CONTROL.sub(" ", text)


def one_line(text: str, most: int = 300) -> str:
    """`text` in one line of at most `most` characters, that can be shown and stored."""
    line = clean(" ".join(without_control(text).split()))
    return f"{line[:most]}…" if len(line) > most else line
