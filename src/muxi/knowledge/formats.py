"""Which format a document has: by its name, by what a server says of it, or by its first bytes.

Called before a document is converted. It must never open anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

SNIFFED = 4096
"""First bytes of a document that tell its format."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format of documents and who reads it."""

    reader: str
    """Module in `readers`."""
    media_type: str


PDF = Format("pdf", "application/pdf")
WORD = Format("word", "application/vnd.openxmlformats-officedocument.wordprocessingml.document")
SLIDES = Format(
    "slides", "application/vnd.openxmlformats-officedocument.presentationml.presentation"
)
SHEETS = Format("sheets", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
HTML = Format("html", "text/html")
MARKDOWN = Format("markdown", "text/markdown")
CSV = Format("table", "text/csv")
CODE = Format("code", "text/x-code")
TEXT = Format("text", "text/plain")

_CODE = """
    py pyi js mjs cjs jsx ts tsx java kt kts scala go rs c h cc cpp cxx hpp hh cs fs swift m mm rb
    php pl pm lua r jl dart ex exs erl hrl hs ml mli clj cljs lisp el scm sh bash zsh fish ps1 bat
    sql graphql proto thrift vue svelte css scss sass less tf hcl nix zig nim groovy gradle cmake
    toml yaml yml json jsonl ini cfg conf properties xml xsd dockerfile makefile
"""
_SUFFIXES: dict[str, Format] = {
    **dict.fromkeys(_CODE.split(), CODE),
    "pdf": PDF,
    **dict.fromkeys(("docx", "docm", "dotx"), WORD),
    **dict.fromkeys(("pptx", "pptm", "ppsx"), SLIDES),
    **dict.fromkeys(("xlsx", "xlsm", "xlsb", "xls", "ods"), SHEETS),
    **dict.fromkeys(("html", "htm", "xhtml"), HTML),
    **dict.fromkeys(("md", "markdown", "mdx"), MARKDOWN),
    **dict.fromkeys(("csv", "tsv"), CSV),
    **dict.fromkeys(("txt", "text", "rst", "adoc", "org", "tex", "log", "srt", "vtt"), TEXT),
}
_MEDIA_TYPES: dict[str, Format] = {
    **{each.media_type: each for each in (PDF, WORD, SLIDES, SHEETS, HTML, MARKDOWN, CSV, TEXT)},
    "application/xhtml+xml": HTML,
    "application/vnd.ms-excel": SHEETS,
    "application/vnd.oasis.opendocument.spreadsheet": SHEETS,
    "text/tab-separated-values": CSV,
    "text/x-markdown": MARKDOWN,
    "application/json": CODE,
    "application/xml": CODE,
    "text/xml": CODE,
    "application/yaml": CODE,
    "application/javascript": CODE,
}
_PACKED = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""What office files begin with, new and old; the name tells which of them it is."""


def is_known(name: str) -> bool:
    """Whether files called so are taken from a folder without a look into them."""
    return _by_name(name) is not None


def format_of(name: str, head: bytes, media_type: str | None = None) -> Format | None:
    """The format of a document; None if none of muxi's readers can read it.

    Args:
        name: Of the file, or the last part of its address.
        head: Its first bytes, `SNIFFED` of them if there are so many.
        media_type: What a server called it.
    """
    told = _MEDIA_TYPES.get((media_type or "").partition(";")[0].strip().lower())
    named = _by_name(name)
    # A server calls much "plain text" that has a better name.
    known = named if told in (None, TEXT) and named is not None else told
    if head.startswith(b"%PDF-"):
        return PDF
    if head.startswith(_PACKED):
        return known if known in (WORD, SLIDES, SHEETS) else None
    if known is not None:
        return known
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None
    start = head.lstrip()[:200].lower()
    return HTML if start.startswith((b"<!doctype html", b"<html")) else TEXT


def _by_name(name: str) -> Format | None:
    path = PurePath(name.lower())
    suffix = path.suffix.removeprefix(".") or path.name
    return _SUFFIXES.get(suffix)
