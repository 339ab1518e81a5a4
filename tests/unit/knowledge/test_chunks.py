"""Pieces are bounded, of one place, and carry the headings above them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from muxi.knowledge.blocks import Block
from muxi.knowledge.chunks import MOST_HEADINGS, WHOLE, chunks, weigh


def test_a_piece_carries_the_headings_above_it() -> None:
    long = "word " * 60
    found = list(
        chunks(
            [
                Block("heading", "Guide", 1, None, 1, 1),
                Block("text", long, 0, None, 2, 2),
                Block("heading", "Install", 2, None, 3, 3),
                Block("text", long, 0, None, 4, 5),
                Block("heading", "Use", 2, None, 6, 6),
                Block("text", long, 0, None, 7, 7),
            ]
        )
    )
    assert [each.heading for each in found] == ["Guide", "Guide › Install", "Guide › Use"]
    assert found[1].text.startswith("Guide › Install\n\nword")
    assert (found[1].first_line, found[1].last_line) == (4, 5)


def test_of_headings_that_are_too_many_a_piece_carries_the_innermost() -> None:
    titles = [Block("heading", f"{'漢' * 40} {level}", level) for level in range(1, 7)]
    (found,) = chunks([*titles, Block("text", "What it is about.")])
    assert found.heading is not None
    assert weigh(found.heading) <= MOST_HEADINGS
    assert found.heading.endswith(" 6")


def test_short_sections_share_a_piece() -> None:
    blocks = [Block("heading", "Notes", 1)]
    for title in ("A", "B", "C"):
        blocks += [Block("heading", title, 2), Block("text", f"About {title}.")]
    (found,) = chunks(blocks)
    assert "About A.\n\nB\n\nAbout B." in found.text


def test_a_piece_never_crosses_a_page() -> None:
    found = list(chunks([Block("text", "one", page=1), Block("text", "two", page=2)]))
    assert [(each.page, each.text) for each in found] == [(1, "one"), (2, "two")]


def test_every_piece_of_a_table_has_the_names_of_the_columns() -> None:
    rows = [Block("row", f"bolt {n} | {n}", 0, None, n, n, "item | price") for n in range(2, 300)]
    found = list(chunks(rows))
    assert len(found) > 2
    assert all(each.text.startswith("item | price\nbolt") for each in found)
    assert [each.first_line for each in found[1:]] == [
        (each.last_line or 0) + 1 for each in found[:-1]
    ]


def test_rows_of_different_sheets_do_not_mix() -> None:
    blocks = [
        Block("heading", "One", 1),
        Block("row", "1", 0, None, 2, 2, "a"),
        Block("heading", "Two", 1),
        Block("row", "2", 0, None, 2, 2, "b"),
    ]
    assert [each.heading for each in chunks(blocks)] == ["One", "Two"]


def test_a_long_function_is_cut_between_lines() -> None:
    code = "\n".join(["def f():", *(f"    x{n} = {n}" for n in range(400))])
    found = list(chunks([Block("code", code, 0, None, 10, 410)]))
    assert found[0].first_line == 10
    assert found[-1].last_line == 410
    assert "\n".join(each.text for each in found) == code


_TEXT = st.builds(
    lambda unit, times: (unit * times)[:6_000],
    st.text("ab c.漢字\n|", min_size=1, max_size=12),
    st.integers(1, 900),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["text", "row", "code", "heading"]),
            _TEXT,
            st.none() | st.integers(1, 3),
            st.none() | _TEXT,
        ),
        max_size=6,
    )
)
def test_whatever_a_document_consists_of_its_pieces_are_bounded(
    parts: list[tuple[str, str, int | None, str | None]],
) -> None:
    blocks = [
        Block(kind, text, 1, page, header=header if kind == "row" else None)  # pyright: ignore[reportArgumentType] -- one of the four
        for kind, text, page, header in sorted(parts, key=lambda part: part[2] or 0)
    ]
    for each in chunks(blocks):
        assert each.text
        assert weigh(each.text) <= WHOLE + MOST_HEADINGS + len("\n\n")
