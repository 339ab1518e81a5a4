"""Values read off tokens by schema."""

from __future__ import annotations

from datetime import date

import pytest

from muxi.models.embedded import schemas, values
from muxi.models.embedded.tokens import tokenize


@pytest.mark.parametrize(
    ("spoken", "expected"),
    [("25", 25), ("1,200.5", 1200.5), ("two hundred", 200), ("three thousand twenty five", 3025)],
)
def test_numbers_are_read_in_figures_and_in_words(spoken: str, expected: float) -> None:
    assert values.number(tokenize(spoken)) == expected


def test_words_that_are_no_number_give_none() -> None:
    assert values.number(tokenize("a few")) is None


def test_an_address_without_a_scheme_gets_one_where_the_schema_wants_a_uri() -> None:
    schema = {"type": "string", "format": "uri"}
    assert values.cast("example.com/a", schema, ()) == "https://example.com/a"


def test_the_kind_of_the_examples_is_taken_for_the_format() -> None:
    assert values.token_kind({"type": "string"}, ["a@b.org", "c@d.net"]) == "email"


def test_a_choice_is_found_by_its_mention_and_the_longest_wins() -> None:
    assert values.choice("make it extra large please", ["large", "extra_large"]) == "extra_large"
    assert values.choice("any size", ["large", "small"]) is None


def test_a_switch_follows_the_words_of_the_parameter_and_their_negation() -> None:
    assert values.switch("book it with a projector", ["projector"], ()) is True
    assert values.switch("book it without a projector", ["projector"], ()) is False
    assert values.switch("book it", ["projector"], ()) is None


def test_a_time_zone_is_found_by_its_city() -> None:
    assert values.zone("when is it noon in New York?") == "America/New_York"
    assert values.zone("when is it noon?") is None


def test_relative_days_become_dates() -> None:
    today = date(2025, 3, 1)
    assert values.spoken_date(tokenize("see you tomorrow"), today=today) == "2025-03-02"


def test_optional_and_referenced_schemas_are_resolved() -> None:
    root = {"$defs": {"Size": {"enum": ["s", "l"]}}}
    schema = {"anyOf": [{"$ref": "#/$defs/Size"}, {"type": "null"}], "default": None}
    assert schemas.kind(schemas.resolve(schemas.resolve(schema, root), root)) == "choice"


def test_a_pattern_that_is_no_regular_expression_accepts_nothing_special() -> None:
    assert values.acceptor({"type": "string", "pattern": "(["}, ()) is None
