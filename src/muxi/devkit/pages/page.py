"""A page of Markdown as HTML that needs nothing else: no script, no font, no network."""

from __future__ import annotations

import html
import re
from typing import Final

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 16px/1.6 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; }
pre, code { font: 0.875em/1.5 ui-monospace, monospace; background: var(--soft); }
code { padding: 0.1em 0.3em; } pre { padding: 0.8em; overflow-x: auto; } pre code { padding: 0; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border: 1px solid var(--line); padding: 0.3em 0.6em; text-align: left; }
blockquote { border-left: 3px solid var(--line); margin: 0; padding-left: 1em; }
nav ul { columns: 16rem; padding-left: 1.2em; }
"""
_HEADING: Final = re.compile(r"<h([23])>(.*?)</h\1>", re.DOTALL)
_TAG: Final = re.compile(r"<[^>]+>")


def page(text: str, title: str) -> str:
    """The page of a text."""
    from markdown_it import MarkdownIt

    # A picture would be fetched from wherever the server says, by everybody who reads the page.
    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    visible = re.sub(r"<!--.*?-->\n*", "", text, flags=re.DOTALL)
    body, contents = _linked(reader.render(visible))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<nav aria-label="Contents">\n<ul>\n{contents}</ul>\n</nav>\n<main>\n{body}</main>\n'
        "</body>\n</html>\n"
    )


def _linked(body: str) -> tuple[str, str]:
    """The body with a place to link to at each heading, and the list of those links."""
    contents: list[str] = []
    seen: dict[str, int] = {}

    def place(found: re.Match[str]) -> str:
        words = html.unescape(_TAG.sub("", found[2]))
        name = re.sub(r"[^\w]+", "-", words.lower()).strip("-") or "part"
        seen[name] = seen.get(name, 0) + 1
        anchor = name if seen[name] == 1 else f"{name}-{seen[name]}"
        contents.append(f'<li><a href="#{anchor}">{html.escape(words)}</a></li>\n')
        return f'<h{found[1]} id="{anchor}">{found[2]}</h{found[1]}>'

    linked = _HEADING.sub(place, body)
    return linked, "".join(contents)
