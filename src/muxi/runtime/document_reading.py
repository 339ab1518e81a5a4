"""Documents to text for the tool that reads them: `knowledge`'s converter behind a port of `tools`.

Made by `tools` when a document is first read. What knows formats lives in `knowledge`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from muxi.config.knowledge_settings import ConversionSettings
from muxi.core.errors import DocumentUnreadable
from muxi.knowledge.blocks import Block
from muxi.knowledge.conversion import Bounds, Converter
from muxi.knowledge.formats import SNIFFED, format_of
from muxi.tools.builtin.setup import DocumentPart


def converter_of(settings: ConversionSettings) -> Converter:
    """A converter within the bounds that a project sets."""
    bounds = Bounds(
        bytes=settings.megabytes << 20,
        memory=settings.memory_megabytes << 20,
        seconds=settings.seconds,
        text=settings.text_megabytes << 20,
    )
    return Converter(bounds, settings.at_once)


class DocumentReading:
    """Reads documents, within the bounds of the project.

    Args:
        settings: What one document may take.
    """

    def __init__(self, settings: ConversionSettings) -> None:
        self._converter = converter_of(settings)

    async def read(self, file: Path, name: str, media_type: str | None) -> list[DocumentPart]:
        """See `tools.builtin.setup.DocumentReader`."""
        with file.open("rb") as opened:
            head = opened.read(SNIFFED)
        found = format_of(name, head, media_type)
        if found is None:
            raise DocumentUnreadable(
                f"{name} has a format that muxi does not read.",
                hint="It reads PDF, Word, PowerPoint, Excel, HTML, Markdown, CSV and text.",
            )
        converted = await self._converter.convert(file, found, name=name)
        return list(_parts(converted.blocks))

    async def close(self) -> None:
        """Let the converting processes go."""
        await self._converter.close()


def _parts(blocks: Sequence[Block]) -> Iterator[DocumentPart]:
    """Blocks as Markdown; the names of a table's columns stand above its first row."""
    header: str | None = None
    for block in blocks:
        if block.kind == "heading":
            yield DocumentPart(f"{'#' * min(max(block.level, 1), 6)} {block.text}", block.page)
        elif block.kind == "row" and block.header is not None and block.header != header:
            yield DocumentPart(f"{block.header}\n{block.text}", block.page)
        else:
            yield DocumentPart(block.text, block.page)
        header = block.header if block.kind == "row" else None
