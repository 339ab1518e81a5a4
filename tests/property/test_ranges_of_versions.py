"""Our ranges against those of the library `semantic-version`, which follows npm."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import assume, given
from hypothesis import strategies as st
from semantic_version import NpmSpec
from semantic_version import Version as Theirs

from muxi.core.errors import InvalidInput
from muxi.core.versions import Range, Version

NUMBER = st.integers(0, 3)
TAGS = st.sampled_from(["", "", "", "-0", "-1", "-alpha", "-alpha.1", "-beta", "-rc.1"])
VERSION = st.builds(lambda a, b, c, tag: f"{a}.{b}.{c}{tag}", NUMBER, NUMBER, NUMBER, TAGS)
PART = st.one_of(
    VERSION,
    st.builds(lambda a, b: f"{a}.{b}", NUMBER, NUMBER),
    st.builds(str, NUMBER),
)
TERM = st.builds(
    lambda sign, part: f"{sign}{part}",
    st.sampled_from(["", "^", "~", ">", ">=", "<", "<=", "="]),
    PART,
)
RANGE = st.lists(st.lists(TERM, min_size=1, max_size=2).map(" ".join), min_size=1, max_size=2).map(
    " || ".join
)


@given(VERSION, VERSION)
def test_precedence_is_the_library_s(one: str, other: str):
    assert (Version.parse(one) < Version.parse(other)) == (Theirs(one) < Theirs(other))


@given(RANGE, VERSION)
def test_a_range_admits_what_the_library_s_admits(text: str, version: str):
    # To the library, and not to npm, `<0` admits prereleases of the lowest version.
    assume(not version.startswith("0.0.0-"))
    assert (Version.parse(version) in Range.parse(text)) == NpmSpec(text).match(Theirs(version))


@given(st.text(max_size=30))
def test_any_text_is_a_range_or_a_clear_refusal(text: str):
    with suppress(InvalidInput):
        assert Range.parse(text).text == text
