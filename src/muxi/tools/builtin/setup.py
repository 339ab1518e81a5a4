"""What the makers of built-in tools are given beside the settings. Filled by the runtime."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from muxi.core.imaging import Imaging
from muxi.core.voice import Voice


@dataclass(frozen=True, slots=True)
class DocumentPart:
    """A part of a document, such as a paragraph or a row, as Markdown."""

    text: str
    page: int | None
    """Where it stands, from 1; None in documents without pages."""


DocumentReader = Callable[[Path, str, str | None], Awaitable[Sequence[DocumentPart]]]
"""Reads the document in a file, given its name and what a server said it is.

Raises `DocumentUnreadable`.
"""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Where a tool is made, and with what."""

    folder: Path = field(default_factory=Path)
    """The project's folder: relative paths of the settings start there."""
    state: Path | None = None
    """Where the project keeps its state, which tools must not show; None without a project."""
    secrets: Mapping[str, str] = field(default_factory=dict[str, str])
    """Values of the secrets in the settings, by the place of the setting: `key`,
    `databases.sales.url`."""
    read_document: DocumentReader | None = None
    """Who reads documents; None where there is nobody."""
    imaging: Imaging | None = None
    """Who makes pictures and looks at them; None where there is nobody."""
    voice: Voice | None = None
    """Who writes down recordings and reads texts aloud; None where there is nobody."""
    exits: AsyncExitStack = field(default_factory=AsyncExitStack)
    """Closed with the project: what a tool holds open is pushed here."""
