from __future__ import annotations

import time
from datetime import UTC, date, datetime

import pytest

from muxi.retrieval.dates import When
from muxi.retrieval.question import Question

NOW = datetime(2023, 9, 20, 12, tzinfo=UTC)
PEOPLE = {
    name: name
    for name in ("Ana Lucia", "Will", "May", "James", "Анна", "小丽", "Ali Khan", "Sara Khan")
}


def read(text: str) -> Question:
    return Question.read(text, PEOPLE, me="user", you="assistant", now=NOW)


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("Where does Ana Lucia work?", ("Ana Lucia",)),
        ("where does ana work", ("Ana Lucia",)),
        ("What is Ana's sister called?", ("Ana Lucia",)),
        ("What did LUCIA buy?", ("Ana Lucia",)),
        ("What does James' dog eat?", ("James",)),
        ("What did Khan cook?", ("Ali Khan", "Sara Khan")),
        ("What did Sara Khan cook?", ("Sara Khan",)),
        ("What did Ali and James cook?", ("Ali Khan", "James")),
        ("Wer ist Anas Hund?", ("Ana Lucia",)),
        ("Что купила Анна?", ("Анна",)),
        ("Какая собака у Анны?", ("Анна",)),
        ("小丽喜欢什么？", ("小丽",)),
        ("What did Will say?", ("Will",)),
        ("Will it rain in Paris?", ()),
        ("What happened in May?", ()),
        ("What did May cook?", ("May",)),
        ("What did Will's brother cook?", ("Will",)),
        ("What did Anastasia cook?", ()),
        ("Which music do I like?", ("user",)),
        ("What's my sister's name?", ("user",)),
        ("Which book did you recommend?", ("assistant",)),
        ("Can you remind me which film I liked?", ("user",)),
        ("Do you remember what you told me?", ("assistant",)),
        ("Wie heißt mein Hund?", ("user",)),
        ("¿Qué libro me gustó?", ("user",)),
        ("私の犬の名前は何？", ("user",)),
        ("我的狗叫什么？", ("user",)),
        ("The weather in Rome", ()),
    ],
)
def test_who_is_meant(text: str, who: tuple[str, ...]) -> None:
    assert read(text).who == who


def test_names_are_taken_out_of_what_is_searched() -> None:
    question = read("What is Ana Lucia's favourite tea?")
    assert question.words == ("favourit", "tea")
    assert "Ana" not in question.what
    assert "tea" in question.what
    assert question.asked == "What is Ana Lucia's favourite tea?"


def test_a_word_that_may_be_a_name_stays_when_it_is_written_small() -> None:
    people = {"Rose": "Rose"}
    question = Question.read("Which rose did Tom plant in Rome?", people)
    assert question.who == ("Rose",)
    assert "rose" in question.words


def span(first: date, last: date | None = None) -> When:
    return When(first, last or first)


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("What did we do in May?", [When(month=5)]),
        ("what did we do in may", [When(month=5)]),
        ("May I come?", []),
        ("What may happen?", []),
        ("the march to Rome", []),
        ("in March 2023", [span(date(2023, 3, 1), date(2023, 3, 31))]),
        ("on 3 June 2023", [span(date(2023, 6, 3))]),
        ("on June 3rd, 2023", [span(date(2023, 6, 3))]),
        ("the 3rd of June 2023", [span(date(2023, 6, 3))]),
        ("on 31 February 2023", [span(date(2023, 2, 1), date(2023, 2, 28))]),
        ("on 2023-06-03", [span(date(2023, 6, 3))]),
        ("in 2023-06", [span(date(2023, 6, 1), date(2023, 6, 30))]),
        ("in December 2022", [span(date(2022, 12, 1), date(2022, 12, 31))]),
        ("on 13.06.2023", [span(date(2023, 6, 13))]),
        ("on 3/6/2023", [span(date(2023, 6, 3)), span(date(2023, 3, 6))]),
        ("in 2022", [span(date(2022, 1, 1), date(2022, 12, 31))]),
        ("yesterday", [span(date(2023, 9, 19))]),
        ("last week", [span(date(2023, 9, 11), date(2023, 9, 17))]),
        ("last month", [span(date(2023, 8, 1), date(2023, 8, 31))]),
        ("last year", [span(date(2022, 1, 1), date(2022, 12, 31))]),
        ("two weeks ago", [span(date(2023, 9, 3), date(2023, 9, 9))]),
        ("3 days ago", [span(date(2023, 9, 17))]),
        ("last Monday", [span(date(2023, 9, 18))]),
        ("Was hat sie im März 2023 gekauft?", [span(date(2023, 3, 1), date(2023, 3, 31))]),
        ("Was war letzte Woche?", [span(date(2023, 9, 11), date(2023, 9, 17))]),
        ("¿Qué hizo en mayo de 2023?", [span(date(2023, 5, 1), date(2023, 5, 31))]),
        ("Qu'est-ce qu'on a fait le mois dernier ?", [span(date(2023, 8, 1), date(2023, 8, 31))]),
        ("Что было в мае?", [When(month=5)]),
        ("2023年5月去了哪里？", [span(date(2023, 5, 1), date(2023, 5, 31))]),
        ("上个月去了哪里？", [span(date(2023, 8, 1), date(2023, 8, 31))]),
        ("room 2050B", []),
        ("9999 days ago", []),
    ],
)
def test_when_is_read(text: str, when: list[When]) -> None:
    assert list(read(text).when) == when


def test_named_months_are_asked_for_as_lines_are_dated() -> None:
    assert {"may", "2023"} <= set(read("Was war im Mai 2023?").words)
    assert "week" not in read("What did I buy last week?").words


def test_without_a_present_nothing_is_counted_from_it() -> None:
    assert Question.read("What happened last week?").when == ()


@pytest.mark.parametrize(
    ("text", "latest"),
    [
        ("Where does Ana live now?", True),
        ("What's my current job?", True),
        ("Which is the latest plan?", True),
        ("Wo wohnt sie derzeit?", True),
        ("¿Dónde vive actualmente?", True),
        ("Где она живёт сейчас?", True),
        ("她现在住在哪里？", True),
        ("What happened last month?", False),
        ("Qu'a-t-il fait le mois dernier ?", False),
        ("Do you know snow?", False),
        ("Where did Ana live?", False),
    ],
)
def test_the_present_state_is_asked_for(text: str, latest: bool) -> None:
    assert read(text).latest is latest


def test_nearness_lessens_behind_the_time_and_is_none_before_it() -> None:
    june = When(date(2023, 6, 1), date(2023, 6, 30))
    assert june.nearness(date(2023, 6, 30)) == 1
    assert 0 < june.nearness(date(2023, 7, 5)) < 1
    assert june.nearness(date(2023, 5, 31)) == june.nearness(date(2023, 7, 15)) == 0
    assert When(month=6).nearness(date(1999, 6, 1)) == 1
    assert 0 < When(month=12).nearness(date(2024, 1, 5)) < 1


PIECES = ("\ud800", "\0", "?", "Ana ", "1/", "in may ", "ﷺ", "two weeks ago ", "'")


@pytest.mark.parametrize("piece", PIECES, ids=range(len(PIECES)))
def test_any_text_is_a_question_in_bounded_time(piece: str) -> None:
    text = piece * (5_000_000 // len(piece))
    start = time.process_time()
    question = read(text)
    assert time.process_time() - start < 1
    assert len(question.words) <= 64
    assert len(question.what) <= 4_000


def test_a_thousand_people_are_no_burden() -> None:
    people = {f"Person{number} Name{number}": f"p{number}" for number in range(3_000)}
    assert Question.read("What did Person77 say?", people).who == ("p77",)
    start = time.process_time()
    for _ in range(20):
        Question.read("What did Name5 say?", people)
    assert time.process_time() - start < 1


def test_empty_and_odd_names_are_passed_over() -> None:
    assert Question.read("What?", {"": "x", "?": "y", " ": "z", "\ud800": "w"}).who == ()
