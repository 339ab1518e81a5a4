"""Names and sentences from people: what is refused, and what is proposed instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxi.core.errors import InvalidInput
from muxi.devkit.create.answers import Given, completed
from muxi.devkit.create.names import (
    checked_description,
    checked_namespace,
    part_name,
    proposed_name,
    server_names,
)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("../evil", "`evil`"),
        ("/etc/passwd", "`etc-passwd`"),
        ("My Server", "`my-server`"),
        ("größe", "`groe`"),
        ("日本", "lower-case letters"),
        ("a--b", "`a-b`"),
        ("-a", "`a`"),
        ("1st", "lower-case letters"),
        ("", "lower-case letters"),
        ("a" * 41, "40 characters"),
        ("a\n", "`a`"),
        ("a\0b", "`a-b`"),
        ("class", "`class-server`"),
        ("match", "`match-server`"),
        ("json", "`json-server`"),
        ("mcp", "`mcp-server`"),
        ("tests", "`tests-server`"),
    ],
)
def test_what_cannot_be_a_name_is_refused_with_a_proposal(name: str, hint: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        server_names(name)
    assert hint in str(caught.value.hint)


@given(st.text(max_size=60))
def test_what_is_proposed_is_a_name_unless_it_is_taken(text: str) -> None:
    name = proposed_name(text)
    if name is not None:
        try:
            server_names(name)
        except InvalidInput as error:
            assert "cannot be called" in error.message  # noqa: PT017 -- most texts raise nothing


@pytest.mark.parametrize("name", ["", "Tool", "a b", "../x", "class", "ünï", "_a", "a" * 41])
def test_what_cannot_be_a_part_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        part_name(name)


def test_a_part_may_be_written_with_hyphens() -> None:
    assert part_name("find-parcel") == "find_parcel"


@pytest.mark.parametrize("text", ["", "  ", "x" * 101, "a\nb", "a\u202eb", "a\u200bb", "\x1b[2J"])
def test_a_description_is_one_line_that_can_be_seen(text: str) -> None:
    with pytest.raises(InvalidInput):
        checked_description(text)


@pytest.mark.parametrize("text", ["example", "Com.Example", "com..example", "com.example/x", ""])
def test_a_namespace_is_a_domain_in_reverse(text: str) -> None:
    with pytest.raises(InvalidInput):
        checked_namespace(text)


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (Given(template="weather"), "no template"),
        (Given(language="cobol"), "no language"),
        (Given(auth="oauth", transport="stdio"), "needs HTTP"),
        (Given(template="oauth", auth="none"), "about OAuth"),
        (Given(template="database", language="typescript"), "no template database"),
        (Given(tags=("x",)), "for the template openapi"),
        (Given(license="GPL"), "no license"),
        (Given(python="2.7"), "no python"),
    ],
)
def test_answers_that_do_not_go_together_are_refused(answers: Given, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        completed(answers)
