"""What is wrong in a project file, and how it is told: all of it at once, each with its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from muxi.core.errors import ConfigError

_MAX_SHOWN = 50


@dataclass(slots=True, frozen=True)
class Mistake:
    """One mistake. Lines and columns count from 1."""

    file: str
    line: int
    column: int
    where: str
    """The place in words, such as `agents.assistant.tools[1]`; empty for the whole file."""
    words: str
    """What was found and what was expected."""

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        return f"{self.file}:{self.line}:{self.column}: {where}{self.words}"


def config_error(mistakes: Sequence[Mistake]) -> ConfigError:
    """The error for these mistakes, in the order of the file."""
    ordered = sorted(dict.fromkeys(mistakes), key=lambda m: (m.line, m.column, m.where))
    count = "a mistake" if len(ordered) == 1 else f"{len(ordered)} mistakes"
    lines = [f"  {mistake}" for mistake in ordered[:_MAX_SHOWN]]
    if len(ordered) > _MAX_SHOWN:
        lines.append(f"  and {len(ordered) - _MAX_SHOWN} more")
    return ConfigError(
        "\n".join([f"{ordered[0].file} has {count}:", *lines]),
        mistakes=[asdict(mistake) for mistake in ordered],
    )
