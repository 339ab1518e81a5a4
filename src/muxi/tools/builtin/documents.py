"""The tool `read_document`: what a document says, whatever its format, from a folder or the web."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Final
from urllib.parse import unquote, urlsplit

from pydantic import Field

from muxi.config.service_tool_settings import DocumentsTool
from muxi.core.errors import DocumentUnreadable, ToolArgumentsInvalid, ToolFailed
from muxi.core.manifests import Permissions, ToolManifest
from muxi.tools.builtin.rooted import Root, root_of, shown
from muxi.tools.builtin.setup import DocumentPart, DocumentReader, Setup
from muxi.tools.function import Examples, FunctionTool, tool
from muxi.tools.worker import run_in_thread

MANIFEST = ToolManifest(
    name="documents",
    version="1.0.0",
    summary="Reads PDF, Word, PowerPoint, Excel, HTML and text files of a folder or of the web.",
    tools=DocumentsTool.functions,
    permissions=Permissions(files="read", network=("*",), processes=True),
    notes=(
        "Documents are read by a process of their own, with bounds on its memory and time (see"
        " `knowledge: conversion`). Text in pictures is not read. To search many documents,"
        " use knowledge."
    ),
)

_EXAMPLES: Examples = (
    ("What does report.pdf say?", {"source": "report.pdf"}),
    ("Summarize contracts/lease.docx", {"source": "contracts/lease.docx"}),
    (
        "Read pages 10 to 12 of manual.pdf",
        {
            "source": "manual.pdf",
            "first_page": 10,
            "last_page": 12,
        },
    ),
    ("What is in https://example.org/paper.pdf?", {"source": "https://example.org/paper.pdf"}),
)
_PIECE: Final = 1 << 20

Page = Annotated[int, Field(ge=1, le=1_000_000)]


def documents_tools(settings: DocumentsTool, setup: Setup) -> list[FunctionTool[..., Any]]:
    """The reader of documents of a project."""
    root = root_of(settings.root, setup)
    made = _make(settings, root, setup.read_document)
    return [made.changed(timeout=settings.timeout + 15, max_bytes=settings.max_text + 1_000)]


def _make(
    settings: DocumentsTool, root: Root, read: DocumentReader | None
) -> FunctionTool[..., Any]:
    @tool(
        title="Read a document",
        read_only=True,
        destructive=False,
        open_world=settings.web,
        idempotent=True,
        examples=_EXAMPLES,
    )
    async def read_document(
        source: Annotated[str, Field(min_length=1, max_length=4_000)],
        first_page: Page = 1,
        last_page: Page | None = None,
    ) -> str:
        """Read a document: PDF, Word, PowerPoint, Excel, HTML, Markdown, CSV or text.

        Args:
            source: A file such as `report.pdf`, or an address such as `https://example.org/a.pdf`.
            first_page: The page, slide or sheet to begin with.
            last_page: The last one to read; all that follow if left out.
        """
        if read is None:
            raise ToolFailed("Documents can be read in a project only.")
        with tempfile.TemporaryDirectory(prefix="muxi-document-") as folder:
            copy = Path(folder) / "document"
            if "://" in source:
                name, media_type = await _download(settings, source, copy)
            else:
                name = await run_in_thread(_copy, root, source, copy, settings.max_bytes)
                media_type = None
            try:
                parts = await read(copy, name, media_type)
            except DocumentUnreadable as error:
                raise ToolFailed(error.message, hint=error.hint) from error
        return _text(parts, first_page, last_page, settings.max_text)

    return read_document


async def _download(settings: DocumentsTool, source: str, copy: Path) -> tuple[str, str | None]:
    """Put a document of the web into a file; its name, and what the server says of it."""
    if not settings.web:
        raise ToolArgumentsInvalid("Only files can be read here, not addresses of the web.")
    from muxi.tools.builtin.download import download

    found = await download(
        source,
        headers={"Accept": "*/*"},
        allow_hosts=settings.allow_hosts,
        seconds=settings.timeout,
        max_bytes=settings.max_bytes,
    )
    if found.cut:
        raise ToolFailed(f"The document is larger than {settings.max_bytes:,} bytes.")
    await run_in_thread(copy.write_bytes, found.body)
    name = unquote(PurePosixPath(urlsplit(found.url).path).name)
    return name or "document", found.media_type or None


def _copy(root: Root, source: str, copy: Path, most: int) -> str:
    """Copy a file of the root, so that nobody exchanges it while it is read; its name."""
    with root.at(source) as spot, spot.opened() as descriptor, copy.open("wb") as target:
        if os.fstat(descriptor).st_size > most:
            raise ToolFailed(f"`{shown(source)}` is larger than {most:,} bytes.")
        done = 0
        while piece := os.read(descriptor, _PIECE):
            done += len(piece)
            if done > most:
                raise ToolFailed(f"`{shown(source)}` is larger than {most:,} bytes.")
            target.write(piece)
        return PurePosixPath(spot.path).name


def _text(parts: Sequence[DocumentPart], first: int, last: int | None, most: int) -> str:
    """The parts of the pages that are wanted, as far as they fit, and how to read on."""
    pages = max((part.page for part in parts if part.page is not None), default=None)
    if pages is not None and first > pages:
        raise ToolArgumentsInvalid(f"The document has {pages} pages.")
    lines: list[str] = []
    used, page = 0, None
    for part in parts:
        if part.page is not None:
            if part.page < first or (last is not None and part.page > last):
                continue
            if part.page != page:
                page = part.page
                lines.append(f"[page {page}]")
        size = len(part.text.encode()) + 2
        if used + size > most:
            lines.append(_cut(part, most - used, page, begun=first))
            break
        lines.append(part.text)
        used += size
    return "\n\n".join(lines) or "The document has no text."


def _cut(part: DocumentPart, room: int, page: int | None, *, begun: int) -> str:
    """What of the part that does not fit still does, and a notice."""
    words = part.text.encode()[: max(0, room)].decode(errors="ignore")
    if page is None:
        notice = "[The document is longer; the rest does not fit.]"
    elif page == begun:
        notice = f"[Page {page} is longer; its rest does not fit. Next: first_page={page + 1}.]"
    else:
        notice = f"[Cut on page {page}. Read on with first_page={page}.]"
    return f"{words}\n{notice}".lstrip()
