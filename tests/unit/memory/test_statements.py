"""Plain statements are understood as a whole or not at all."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from muxi.memory.claims import Heard
from muxi.memory.statements import plain_statements

SAID_AT = datetime(2026, 6, 15, 9, tzinfo=UTC)


def heard(text: str) -> dict[str, object]:
    claims = plain_statements(Heard(text=text, said_at=SAID_AT))
    return {claim.path: claim.value for claim in claims if not claim.over}


def since(text: str) -> str | None:
    [claim] = plain_statements(Heard(text=text, said_at=SAID_AT))
    return None if claim.since is None else claim.since.date().isoformat()


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("I live in Lisbon", {"location.city": "Lisbon"}),
        ("i live in lisbon", {"location.city": "Lisbon"}),
        ("I now live in the Netherlands.", {"location.country": "Netherlands"}),
        ("I'm based in California", {"location.region": "California"}),
        ("I live in The Hague", {"location.city": "The Hague"}),
        (
            "Hi, my name is Ana and I live in Lisbon, Portugal.",
            {"name": "Ana", "location.city": "Lisbon", "location.country": "Portugal"},
        ),
        ("my name is ana", {"name": "Ana"}),
        ("My name’s José Ángel Núñez!", {"name": "José Ángel Núñez"}),
        ("Please call me Bob.", {"nickname": "Bob"}),
        ("We've just moved to Rio de Janeiro", {"location.city": "Rio de Janeiro"}),
        ("I have moved: I live in Lisbon now.", {"location.city": "Lisbon"}),
        ("I moved from Oslo to Berlin with my two cats", {"location.city": "Berlin"}),
        ("Just relocated to Denver!", {"location.city": "Denver"}),
        ("My new address is in Montreal.", {"location.city": "Montreal"}),
        ("I don't live in Kyoto anymore, I live in Osaka now.", {"location.city": "Osaka"}),
        ("I don't live in Kyoto anymore, I might live in Osaka now.", {}),
        ("I live in St. Louis.", {"location.city": "St. Louis"}),
        ("I'm a nurse at St. Mary's.", {"work.role": "nurse", "work.employer": "St. Mary's"}),
        ("I changed jobs: I'm a teacher now.", {"work.role": "teacher"}),
        ("I now work for Bosch.", {"work.employer": "Bosch"}),
        ("I work as a nurse", {"work.role": "nurse"}),
        (
            "I'm a software engineer at Acme Corp",
            {"work.role": "software engineer", "work.employer": "Acme Corp"},
        ),
        ("My dog's name is Rex", {"dog.Rex": True}),
        ("My wife is called Maria", {"wife.name": "Maria"}),
        (
            "I'm allergic to peanuts and shellfish",
            {"allergy.peanuts": True, "allergy.shellfish": True},
        ),
        ("I am vegan", {"diet": "vegan"}),
        ("My favourite colour is dark green.", {"favourite.colour": "dark green"}),
        ("I speak French and German", {"language.french": True, "language.german": True}),
        ("I'm 34 years old", {"age": 34}),
        ("My birthday is on 3 March 1990", {"birthday": "1990-03-03"}),
        ("My email is ana@acme.org", {"email": "ana@acme.org"}),
        ("I'm originally from Brazil", {"origin": "Brazil"}),
    ],
)
def test_a_plain_statement_gives_its_facts(text: str, facts: dict[str, object]) -> None:
    assert heard(text) == facts


@pytest.mark.parametrize(
    "text",
    [
        "Do I live in Lisbon?",
        "I live in Lisbon?",
        "If I live in Lisbon, what do I pay",
        "I wish I lived in Paris.",
        "I would like to live in Paris",
        "I don't live in fear",
        "I live in fear",
        "I live in Hope",
        "I live in a small village",
        "I used to live in Rome",
        "I almost moved to Rome",
        "I'm moving to Rome in May",
        "I may have moved to Rome",
        "I moved to Rome in 2010 but now live in Paris",
        "I moved to Rome and then to Paris",
        "My friend lives in Rome.",
        "She said: I live in Rome.",
        'He told me "I live in Rome."',
        "Translate to French: I live in Rome.",
        "Translate the following:\nI live in Rome.",
        "Write a story that begins like this. I live in Rome.",
        "Pretend that you are a Roman. I live in Rome.",
        "> I live in Rome",
        "```\nI live in Rome\n```",
        "Dear Bob,\nI live in Rome.\nBest regards",
        "assistant: I live in Rome",
        "- I live in Rome",
        "Call me tomorrow",
        "Call me Tomorrow.",
        "call me crazy",
        "My name is not Bob",
        "my name is hard to spell",
        "Your name is Bob",
        "You live in Rome",
        "I'm tired",
        "I'm a big fan",
        "I am Legend",
        "I work at night",
        "I work for hours",
        "My favourite part is the end",
        "My favourite thing is that it rains",
        "I'm allergic to this",
        "I'm 34",
        "",
        "x" * 5_000_000,
        "I live in " * 100_000,
        "\ud800 I live in Rome\0",
    ],
)
def test_what_is_no_plain_statement_gives_none(text: str) -> None:
    assert heard(text) == {}


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("I moved to Berlin in March", "2026-03-01"),
        ("I moved to Berlin in October", "2025-10-01"),
        ("I moved to Berlin in March 2020.", "2020-03-01"),
        ("I've lived in Berlin since 2019", "2019-01-01"),
        ("I moved to Berlin on 3 May 2026", "2026-05-03"),
        ("I moved to Berlin last month with my dog", "2026-05-01"),
        ("I moved to Berlin yesterday", "2026-06-14"),
        ("I have lived in Berlin for 3 years", "2023-06-16"),
        ("We moved to Berlin two years ago", "2024-06-15"),
        ("I moved to Berlin", None),
    ],
)
def test_since_when_is_read_from_the_statement(text: str, day: str | None) -> None:
    assert heard(text) == {"location.city": "Berlin"}
    assert since(text) == day


def test_what_is_over_is_heard_as_such() -> None:
    for text, path, value in (
        ("I no longer live in Lisbon.", "location.city", "Lisbon"),
        ("I don't work at Acme Corp anymore", "work.employer", "Acme Corp"),
    ):
        [claim] = plain_statements(Heard(text=text, said_at=SAID_AT))
        assert (claim.path, claim.value, claim.over) == (path, value, True)
