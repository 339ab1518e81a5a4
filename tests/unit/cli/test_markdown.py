"""A block of markdown is handed out once it can no longer change."""

from __future__ import annotations

import pytest

from muxi.cli.chat.markdown import MarkdownStream

DOCUMENT = """\
# Title

A paragraph
of two lines.

- one
- two

```python
# no heading

x = 1
```

| a | b |
|---|---|
| 1 | 2 |

> quoted

The end."""


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_every_character_is_handed_out_once_and_in_order(size: int) -> None:
    stream = MarkdownStream()
    blocks: list[str] = []
    for start in range(0, len(DOCUMENT), size):
        stream.feed(DOCUMENT[start : start + size])
        blocks += stream.settled()
    blocks += stream.finish()

    assert "".join("".join(block.split()) for block in blocks) == "".join(DOCUMENT.split())
    assert [block.strip().splitlines()[0] for block in blocks] == [
        "# Title",
        "A paragraph",
        "- one",
        "```python",
        "| a | b |",
        "> quoted",
        "The end.",
    ]


def test_an_open_fence_stays_in_the_tail() -> None:
    stream = MarkdownStream()
    stream.feed("Look:\n\n```\none\n\n# two\n")
    assert stream.settled() == ["Look:\n"]
    assert stream.tail == "```\none\n\n# two\n"


def test_a_line_that_may_still_become_a_heading_is_not_handed_out() -> None:
    stream = MarkdownStream()
    stream.feed("Title\n")
    assert stream.settled() == []
    stream.feed("===\n\nText")
    assert stream.settled() == ["Title\n===\n"]


def test_a_finished_stream_is_empty() -> None:
    stream = MarkdownStream()
    stream.feed("one\n\ntwo")
    assert [block.strip() for block in stream.finish()] == ["one", "two"]
    assert stream.finish() == []
