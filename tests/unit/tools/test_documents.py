"""The built-in reader of documents, with the converter that a project gives it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from support import documents as make

from muxi.config.knowledge_settings import ConversionSettings
from muxi.config.service_tool_settings import DocumentsTool
from muxi.core.context import RunContext
from muxi.core.errors import (
    ToolArgumentsInvalid,
    ToolDenied,
    ToolError,
    ToolFailed,
)
from muxi.core.messages import TextPart
from muxi.runtime.document_reading import DocumentReading
from muxi.tools.builtin.catalogue import builtin_tools
from muxi.tools.builtin.setup import Setup

CTX: RunContext[Any] = RunContext(deps=None)


class Documents:
    """The reader for one folder, called as a model calls it."""

    def __init__(self, folder: Path, reading: DocumentReading, **options: Any) -> None:
        settings = DocumentsTool.model_validate({"root": ".", **options})
        setup = Setup(folder=folder, read_document=reading.read)
        (self.tool,) = builtin_tools("documents", settings, setup)

    async def __call__(self, source: str, **arguments: Any) -> str:
        (part,) = await self.tool.run({"source": source, **arguments}, CTX)
        assert isinstance(part, TextPart)
        return part.text


@pytest.fixture
async def reading() -> AsyncIterator[DocumentReading]:
    made = DocumentReading(ConversionSettings(seconds=20))
    yield made
    await made.close()


async def test_a_pdf_is_read_page_by_page(tmp_path: Path, reading: DocumentReading) -> None:
    (tmp_path / "a.pdf").write_bytes(make.pdf(["First words.", "Second words.", "Third words."]))
    read = Documents(tmp_path, reading)
    assert await read("a.pdf") == (
        "[page 1]\n\nFirst words.\n\n[page 2]\n\nSecond words.\n\n[page 3]\n\nThird words."
    )
    middle = await read("a.pdf", first_page=2, last_page=2)
    assert middle == "[page 2]\n\nSecond words."
    with pytest.raises(ToolArgumentsInvalid, match="has 3 pages"):
        await read("a.pdf", first_page=4)


async def test_office_files_and_text_are_read(tmp_path: Path, reading: DocumentReading) -> None:
    make.word(tmp_path / "a.docx", [(1, "Lease"), (0, "The rent is 900.")])
    rows = [["item", "price"], ["bolt", 2], ["nut", 1]]
    make.workbook(tmp_path / "b.xlsx", {"Parts": rows})
    (tmp_path / "c.md").write_text("# Notes\n\nBuy tea.")
    read = Documents(tmp_path, reading)
    assert await read("a.docx") == "# Lease\n\nThe rent is 900."
    sheet = await read("b.xlsx")
    assert sheet.index("Parts") < sheet.index("item | price") < sheet.index("bolt | 2")
    assert sheet.count("item | price") == 1
    assert "Buy tea." in await read("c.md")


async def test_what_does_not_fit_says_how_to_read_on(
    tmp_path: Path, reading: DocumentReading
) -> None:
    pages = [f"This is what stands on page {n}." for n in range(1, 60)]
    (tmp_path / "a.pdf").write_bytes(make.pdf(pages))
    read = Documents(tmp_path, reading, max_text=1_000)
    first = await read("a.pdf")
    assert len(first.encode()) < 2_000
    *_, notice = first.splitlines()
    assert notice.startswith("[Cut on page ")
    at = int(notice.split("first_page=")[1].rstrip(".]"))
    assert (await read("a.pdf", first_page=at)).startswith(f"[page {at}]\n\nThis is what")
    (tmp_path / "b.txt").write_text("one two three\n\n" * 500)
    assert (await read("b.txt")).endswith("[The document is longer; the rest does not fit.]")


async def test_nothing_outside_of_the_folder_is_read(
    tmp_path: Path, reading: DocumentReading
) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (inside / "link.txt").symlink_to(tmp_path / "secret.txt")
    (inside / ".env").write_text("KEY=1")
    read = Documents(inside, reading)
    for source in ("../secret.txt", "link.txt", str(tmp_path / "secret.txt"), ".env"):
        with pytest.raises((ToolDenied, ToolFailed)):
            await read(source)
    with pytest.raises(ToolFailed, match="no file"):
        await read("missing.pdf")


async def test_documents_of_the_web_are_read_but_not_of_private_networks(
    tmp_path: Path, reading: DocumentReading
) -> None:
    async def serve(request: web.Request) -> web.Response:
        return web.Response(body=make.pdf(["From the web."] * 9), content_type="application/pdf")

    app = web.Application()
    app.router.add_get("/{name:.*}", serve)
    async with TestServer(app) as server:
        url = str(server.make_url("/paper"))
        with pytest.raises(ToolDenied):
            await Documents(tmp_path, reading)(url)
        allowed = {"allow_hosts": ["127.0.0.1"]}
        read = Documents(tmp_path, reading, **allowed)
        assert await read(url, last_page=1) == "[page 1]\n\nFrom the web."
        with pytest.raises(ToolFailed, match="larger than"):
            await Documents(tmp_path, reading, max_bytes=1_000, **allowed)(url)
    with pytest.raises(ToolArgumentsInvalid, match="Only files"):
        await Documents(tmp_path, reading, web=False)("https://example.org/a.pdf")


async def test_broken_and_hostile_documents_are_told(
    tmp_path: Path, reading: DocumentReading
) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7 and nothing more")
    (tmp_path / "b.pdf").write_bytes(make.encrypted_pdf("x"))
    (tmp_path / "c.bin").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "d.txt").write_bytes(b"x" * 20_000)
    read = Documents(tmp_path, reading, max_bytes=10_000)
    for name, says in (
        ("a.pdf", "."),
        ("b.pdf", "password|encrypted"),
        ("c.bin", "."),
        ("d.txt", "larger"),
    ):
        with pytest.raises(ToolError, match=says):
            await read(name)


async def test_without_a_project_there_is_nobody_who_reads() -> None:
    (tool,) = builtin_tools("documents")
    with pytest.raises(ToolFailed, match="in a project only"):
        await tool.run({"source": "a.pdf"}, CTX)
