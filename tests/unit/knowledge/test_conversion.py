"""Documents of every format become blocks, and hostile ones become errors that say why."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from support import documents as make

from muxi.core.errors import DocumentUnreadable
from muxi.knowledge.conversion import Bounds, Converted, Converter
from muxi.knowledge.formats import Format, format_of


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def converter() -> AsyncIterator[Converter]:
    made = Converter(Bounds(seconds=20, text=4 << 20))
    yield made
    await made.close()


@pytest_asyncio.fixture(loop_scope="module")
async def bounded() -> AsyncIterator[Converter]:
    made = Converter(Bounds(seconds=20, text=1 << 20, memory=256 << 20))
    yield made
    await made.close()


def _format(path: Path) -> Format:
    found = format_of(path.name, path.read_bytes()[:4096])
    assert found is not None
    return found


async def _read(converter: Converter, path: Path) -> Converted:
    return await converter.convert(path, _format(path))


async def _refusal(converter: Converter, path: Path) -> DocumentUnreadable:
    with pytest.raises(DocumentUnreadable) as caught:
        await _read(converter, path)
    return caught.value


def _texts(found: Converted) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in found.blocks]


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_pdf_gives_its_pages_and_its_table_of_contents(
    converter: Converter, tmp_path: Path
) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(
        make.pdf(["Welcome (all).", "27 days\nof leave."], titles=[("Intro", 1), ("Leave", 2)])
    )
    found = await _read(converter, path)
    assert found.pages == 2
    assert [(block.kind, block.page, block.text) for block in found.blocks] == [
        ("heading", 1, "Intro"),
        ("text", 1, "Welcome (all)."),
        ("heading", 2, "Leave"),
        ("text", 2, "27 days\nof leave."),
    ]


async def test_word_gives_headings_paragraphs_and_tables(
    converter: Converter, tmp_path: Path
) -> None:
    path = tmp_path / "a.docx"
    make.word(path, [(1, "Contract"), (0, "Between A and B.")], [["Item", "Price"], ["Bolt", "3"]])
    found = await _read(converter, path)
    assert _texts(found) == [
        ("heading", "Contract"),
        ("text", "Between A and B."),
        ("row", "Bolt | 3"),
    ]
    assert found.blocks[2].header == "Item | Price"


async def test_slides_are_pages_with_their_notes(converter: Converter, tmp_path: Path) -> None:
    path = tmp_path / "a.pptx"
    make.slides(path, [("Plan", "Step one", "Say hello"), ("Budget", "40,000 euros", "")])
    found = await _read(converter, path)
    assert [(block.page, block.text) for block in found.blocks] == [
        (1, "Plan"),
        (1, "Step one"),
        (1, "Say hello"),
        (2, "Budget"),
        (2, "40,000 euros"),
    ]


async def test_rows_of_a_workbook_know_their_sheet_and_their_columns(
    converter: Converter, tmp_path: Path
) -> None:
    path = tmp_path / "a.xlsx"
    make.workbook(path, {"Prices": [["item", "price"], ["bolt", 3], ["nut", 2.5]], "Empty": []})
    found = await _read(converter, path)
    assert _texts(found) == [
        ("heading", "Prices"),
        ("row", "bolt | 3"),
        ("row", "nut | 2.5"),
        ("heading", "Empty"),
    ]
    row = found.blocks[2]
    assert (row.header, row.first_line) == ("item | price", 3)


async def test_html_gives_what_is_to_be_read(converter: Converter, tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text(
        "<html><head><title>Manual</title><script>steal()</script></head><body><nav>menu</nav>"
        "<h1>Manual</h1><p>The pump runs at <b>3 bar</b>.</p><table><tr><th>a</th><th>b</th></tr>"
        "<tr><td>1</td><td>2</td></tr></table></body></html>"
    )
    assert _texts(await _read(converter, path)) == [
        ("heading", "Manual"),
        ("text", "The pump runs at 3 bar."),
        ("row", "1 | 2"),
    ]


async def test_markdown_keeps_its_lines(converter: Converter, tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("---\ntitle: x\n---\n# One\n\nText\nmore.\n\n```py\na = 1\n\nb = 2\n```\n")
    blocks = (await _read(converter, path)).blocks
    assert [(block.kind, block.first_line, block.last_line) for block in blocks] == [
        ("heading", 4, 4),
        ("text", 6, 7),
        ("code", 9, 13),
    ]


async def test_csv_of_any_dialect_gives_rows_with_lines(
    converter: Converter, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text('name;city\nAnna;Berlin\n"Bo\nb";Paris\n')
    blocks = (await _read(converter, path)).blocks
    assert [(block.text, block.first_line, block.last_line) for block in blocks] == [
        ("Anna | Berlin", 2, 2),
        ("Bo b | Paris", 3, 4),
    ]


async def test_code_is_parted_where_definitions_begin(converter: Converter, tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("import os\n\n\n# why\n@once\ndef f():\n    x\n\n    return x\ndef g(): ...\n")
    blocks = (await _read(converter, path)).blocks
    assert [(block.first_line, block.last_line) for block in blocks] == [(1, 1), (4, 9), (10, 10)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
async def test_text_of_any_encoding_is_read(
    converter: Converter, tmp_path: Path, encoding: str
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("Grüße aus Köln.\r\n\r\nZweiter Absatz.".encode(encoding))
    assert _texts(await _read(converter, path)) == [
        ("text", "Grüße aus Köln."),
        ("text", "Zweiter Absatz."),
    ]


async def test_an_encrypted_pdf_says_so(converter: Converter, tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(make.encrypted_pdf("secret"))
    error = await _refusal(converter, path)
    assert "encrypted" in error.message
    assert error.hint == "Save it without a password."


@pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a.pptx", "a.xlsx"])
async def test_a_file_that_breaks_off_is_refused(
    converter: Converter, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    if name == "a.pdf":
        path.write_bytes(make.pdf(["x" * 3_000]))
    elif name == "a.docx":
        make.word(path, [(0, "x")])
    elif name == "a.pptx":
        make.slides(path, [("x", "y", "")])
    else:
        make.workbook(path, {"x": [["y"]]})
    path.write_bytes(path.read_bytes()[:300])
    assert "broken" in (await _refusal(converter, path)).message


@pytest.mark.parametrize(
    ("name", "inner"),
    [("a.docx", "word/document.xml"), ("a.xlsx", "xl/workbook.xml"), ("a.pptx", "ppt/x.xml")],
)
async def test_a_zip_bomb_is_refused_before_it_is_unpacked(
    converter: Converter, tmp_path: Path, name: str, inner: str
) -> None:
    path = tmp_path / name
    make.zip_bomb(path, inner, 48 << 20)
    assert "unpack to 48 MB" in (await _refusal(converter, path)).message


async def test_a_pdf_bomb_ends_its_process_and_no_other(bounded: Converter, tmp_path: Path) -> None:
    bomb, good = tmp_path / "bomb.pdf", tmp_path / "good.pdf"
    bomb.write_bytes(make.pdf_bomb(300 << 20))
    good.write_bytes(make.pdf(["Still here."]))
    refusal, found = await asyncio.gather(_refusal(bounded, bomb), _read(bounded, good))
    assert "memory" in refusal.message or "processor time" in refusal.message
    assert found.blocks[0].text == "Still here."
    assert (await _read(bounded, good)).blocks[0].text == "Still here."


async def test_a_document_with_more_text_than_may_be_is_refused(
    bounded: Converter, tmp_path: Path
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("many words\n\n" * 200_000)
    assert "more than 1 MB of text" in (await _refusal(bounded, path)).message


async def test_a_process_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    path = tmp_path / "pipe.txt"
    os.mkfifo(path)
    converter = Converter(Bounds(seconds=0))
    with pytest.raises(DocumentUnreadable, match="longer than"):
        await converter.convert(path, Format("text", "text/plain"))
    await converter.close()
