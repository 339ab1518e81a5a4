"""Semantic versions and their ranges."""

from __future__ import annotations

import pytest

from muxi.core.errors import InvalidInput
from muxi.core.versions import Range, Version, named_range


def test_versions_are_ordered_as_the_standard_says():
    order = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2"]
    order += ["1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.1.0", "1.10.0", "2.0.0"]
    versions = [Version.parse(text) for text in order]
    mixed = versions[1::2] + versions[::2]
    assert sorted(mixed) == versions
    assert [str(version) for version in versions] == order


def test_what_follows_a_plus_counts_for_nothing_and_is_kept():
    assert Version.parse("1.2.3+linux") == Version.parse("1.2.3")
    assert str(Version.parse("1.2.3-rc.1+linux.5")) == "1.2.3-rc.1+linux.5"


@pytest.mark.parametrize(
    "text", ["1", "1.2", "v1.2.3", "01.2.3", "1.2.3-01", "1.2.3-", "", "a" * 999]
)
def test_what_is_no_version_is_refused(text: str):
    with pytest.raises(InvalidInput, match="no semantic version"):
        Version.parse(text)


@pytest.mark.parametrize(
    ("text", "fitting", "others"),
    [
        ("1.4.0", "1.4.0", "1.4.1 2.0.0"),
        ("1", "1.0.0 1.9.9", "0.9.0 2.0.0 1.0.0-rc.1"),
        ("1.4", "1.4.0 1.4.7", "1.3.9 1.5.0"),
        ("1.x", "1.0.0 1.9.9", "2.0.0"),
        ("^1.2.3", "1.2.3 1.9.0", "1.2.2 2.0.0 2.0.0-rc.1"),
        ("^0.2.3", "0.2.3 0.2.9", "0.3.0"),
        ("^0.0.3", "0.0.3", "0.0.4"),
        ("~1.2.3", "1.2.3 1.2.9", "1.3.0"),
        ("~1", "1.0.0 1.9.0", "2.0.0"),
        (">=1.2 <2", "1.2.0 1.9.9", "1.1.9 2.0.0"),
        (">=1.2, <2", "1.2.0", "2.0.0"),
        (">1", "2.0.0", "1.9.9"),
        ("<=1.2", "1.2.9", "1.3.0"),
        ("1.4.0 || ^2", "1.4.0 2.5.0", "1.4.1 3.0.0"),
        (">=2.0.0-rc.1", "2.0.0-rc.2 2.0.0 2.1.0", "2.1.0-rc.1"),
        ("*", "0.0.1 9.9.9", "1.0.0-rc.1"),
    ],
)
def test_a_range_admits_what_it_says(text: str, fitting: str, others: str):
    wanted = Range.parse(text)
    assert all(Version.parse(each) in wanted for each in fitting.split())
    assert not any(Version.parse(each) in wanted for each in others.split())


@pytest.mark.parametrize(
    "text", ["", " ", "latest", "^", "1.2.3.4", "1..2", "1 ||", "^^1", "1.2.3x", "1" * 300]
)
def test_what_is_no_range_is_refused(text: str):
    with pytest.raises(InvalidInput, match="no range of versions"):
        Range.parse(text)


def test_the_highest_version_that_fits_is_the_best():
    versions = [Version.parse(each) for each in ("1.0.0", "1.4.0", "2.0.0")]
    assert Range.parse("^1").best(versions) == Version.parse("1.4.0")
    assert Range.parse("3").best(versions) is None


def test_a_name_may_come_with_a_range():
    assert named_range("search") == ("search", None)
    name, wanted = named_range("search@^1.2")
    assert name == "search"
    assert wanted is not None
    assert wanted.text == "^1.2"
    with pytest.raises(InvalidInput):
        named_range("search@")
