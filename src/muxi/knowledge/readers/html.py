"""HTML: what is to be read of a page, without its menus and advertisements."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from muxi.knowledge.blocks import Block, Task
from muxi.knowledge.readers import markdown
from muxi.knowledge.readers.table import row

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_PARAGRAPHS = ("p", "li", "dt", "dd", "pre", "blockquote", "figcaption", "td", "th", "div")
_SHORT = 1_000
"""Characters of a page without a main text, such as a notice or a list: all of it is taken."""
_LEFT_OUT = "//script|//style|//nav|//aside|//form|//noscript|//template|//footer"


def read(task: Task) -> Iterator[Block]:
    """The blocks of a page; its title is the first heading."""
    import trafilatura

    data = Path(task.path).read_bytes()
    tree = cast("Any", trafilatura.load_html(data))
    if tree is None:
        return
    title = " ".join(str(tree.findtext(".//title") or "").split())
    text = trafilatura.extract(
        tree,
        output_format="markdown",
        include_tables=True,
        include_comments=False,
        favor_recall=True,
        # On large pages the second opinion of its other extractors takes seconds.
        fast=len(data) > 200_000,
    )
    if text is None or len(text) < _SHORT:
        found = list(_all(cast("Any", trafilatura.load_html(data))))
    else:
        found = list(markdown.blocks(text, lines=False))
    if title and not any(block.kind == "heading" and block.text == title for block in found[:2]):
        yield Block("heading", title, 1)
    yield from found


def _all(tree: Any) -> Iterator[Block]:
    """The blocks of a whole page in their order."""
    body = tree.find(".//body")
    for each in tree.xpath(_LEFT_OUT):
        each.drop_tree()
    header: str | None = None
    for element in tree.iter() if body is None else body.iter():
        name = element.tag
        if name == "table":
            header = None
        elif name == "tr":
            line = row(cell.text_content() for cell in element.iter("td", "th"))
            if line and header is not None:
                yield Block("row", line, header=header)
            header = header or line
        elif name in _HEADINGS or (name in _PARAGRAPHS and _is_leaf(element)):
            text = " ".join(element.text_content().split())
            if text and name in _HEADINGS:
                yield Block("heading", text, int(name[1]))
            elif text:
                yield Block("text", text)


def _is_leaf(element: Any) -> bool:
    """Whether no part of the element is taken by itself."""
    inner = next(element.iterdescendants(*_HEADINGS, *_PARAGRAPHS, "table"), None)
    return inner is None and not any(True for _ in element.iterancestors("tr", *_HEADINGS))
