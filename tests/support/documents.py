"""Documents of every format, whole and hostile, made on the spot."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path


def pdf(pages: Sequence[str], *, titles: Sequence[tuple[str, int]] = ()) -> bytes:
    """A PDF with the text of each page, and a table of contents of titles and pages from 1."""
    objects: list[bytes] = [b"", b""]
    kids: list[int] = []
    for text in pages:
        lines = [_escaped(line) for line in text.split("\n")]
        content = b"BT /F1 12 Tf 72 720 Td 16 TL " + b" T* ".join(b"(%s) Tj" % x for x in lines)
        objects += [_stream(content + b" ET"), b""]
        kids.append(len(objects))
        objects[-1] = (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R /Resources "
            b"<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>"
        ) % (len(objects) - 1)
    objects[1] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (
        len(kids),
        b" ".join(b"%d 0 R" % kid for kid in kids),
    )
    outline = b""
    if titles:
        root = len(objects) + 1
        outline = b" /Outlines %d 0 R" % root
        last = root + len(titles)
        objects.append(b"<< /Type /Outlines /First %d 0 R /Last %d 0 R >>" % (root + 1, last))
        for number, (title, page) in enumerate(titles, root + 1):
            after = b" /Next %d 0 R" % (number + 1) if number < last else b""
            objects.append(
                b"<< /Title (%s) /Parent %d 0 R /Dest [%d 0 R /Fit]%s >>"
                % (_escaped(title), root, kids[page - 1], after)
            )
    objects[0] = b"<< /Type /Catalog /Pages 2 0 R%s >>" % outline
    return _file(objects)


def encrypted_pdf(text: str) -> bytes:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf([text]))))
    writer.encrypt("open sesame", algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def pdf_bomb(size: int) -> bytes:
    """A page whose content becomes `size` bytes of drawing out of very few."""
    packer = zlib.compressobj(6)
    piece = b"0 0 m 9 9 l S " * 70_000
    packed = b"".join(packer.compress(piece) for _ in range(size // len(piece)))
    packed += packer.flush()
    stream = b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(packed), packed)
    return _file(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R >>",
            stream,
        ]
    )


def zip_bomb(path: Path, inner: str, size: int) -> None:
    """An office file with one member of `size` zeros."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive,
        archive.open(inner, "w", force_zip64=True) as member,
    ):
        zeros = bytes(1 << 20)
        for _ in range(size >> 20):
            member.write(zeros)


def word(path: Path, parts: Sequence[tuple[int, str]], rows: Sequence[Sequence[str]] = ()) -> None:
    """Parts are headings of a level from 1, or paragraphs of level 0; the rows are a table."""
    import docx

    document = docx.Document()
    for level, text in parts:
        if level:
            document.add_heading(text, level)
        else:
            document.add_paragraph(text)
    if rows:
        table = document.add_table(0, len(rows[0]))
        for row in rows:
            for cell, text in zip(table.add_row().cells, row, strict=True):
                cell.text = text
    document.save(str(path))


def slides(path: Path, pages: Sequence[tuple[str, str, str]]) -> None:
    """Each slide has a title, a text and notes."""
    import pptx

    show = pptx.Presentation()
    for title, text, notes in pages:
        slide = show.slides.add_slide(show.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = text
        slide.notes_slide.notes_text_frame.text = notes
    show.save(str(path))


def workbook(path: Path, sheets: dict[str, Sequence[Sequence[object]]]) -> None:
    import xlsxwriter

    with xlsxwriter.Workbook(str(path)) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)


def _escaped(text: str) -> bytes:
    plain = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    return plain.encode("latin-1")


def _stream(content: bytes) -> bytes:
    return b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content)


def _file(objects: Sequence[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.7\n")
    places: list[int] = []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        start,
    )
    return bytes(out)
