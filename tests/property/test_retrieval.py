"""Whatever the text: reading it never fails, and a search never gives what is another's."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from muxi.core.errors import AccessDenied
from muxi.retrieval.question import Question
from muxi.retrieval.search import Searcher
from muxi.retrieval.words import asked_words, information, only_asks, words
from muxi.storage import passages
from muxi.storage.database import Scope, open_database
from muxi.storage.passages import PassageRow
from muxi.storage.transaction import Tx

ANY = st.text(st.characters(), max_size=80)  # lone surrogates among them
NOW = datetime(2024, 2, 29, tzinfo=UTC)


@settings(max_examples=300, deadline=None)
@given(text=ANY)
def test_words_are_what_an_index_takes(text: str) -> None:
    for found in (words(text), asked_words(text)):
        for word in found:
            assert word
            word.encode("utf-8")
            assert word.isascii() is False or word.isalnum()
            assert not any(letter.isspace() or letter in "\0\"'" for letter in word)
    assert words(text) == words(text)
    assert information(text) >= 0
    assert only_asks(text) in (True, False)


@settings(max_examples=150, deadline=None)
@given(text=ANY, people=st.dictionaries(ANY, ANY, max_size=4), me=ANY, you=ANY)
def test_any_text_is_a_question(text: str, people: dict[str, str], me: str, you: str) -> None:
    question = Question.read(text, people, me=me, you=you, now=NOW)
    assert set(question.who) <= {*people.values(), me, you}
    for when in question.when:
        assert 0 <= when.nearness(NOW.date()) <= 1
        assert when.month is None or 1 <= when.month <= 12


@settings(max_examples=100, deadline=None)
@given(text=st.text(st.characters(categories=["L", "N", "Zs"]), min_size=1, max_size=40))
def test_what_was_said_is_found_by_its_own_words(text: str) -> None:
    asked = {word for word in asked_words(text) if word}
    assert not asked or asked & set(words(text))


def test_near_identical_memories_never_leave_their_owner() -> None:
    asyncio.run(_mixed_owners())


async def _mixed_owners() -> None:
    rng = random.Random(7)
    database = await open_database("sqlite://")
    searcher = Searcher(database)
    users = ["a", "A", "a ", "a%", "user:a", "aa", "ａ", "\u0430", "a_", "*", "b"]
    belongs: dict[int, str] = {}
    texts = ["I live in Oslo", "I live in Oslo now", "My dog lives in Oslo", "Oslo is cold"]

    def add(user: str, text: str, number: int) -> Callable[[Tx], int]:
        def write(tx: Tx) -> int:
            row = PassageRow(
                id=f"mem_{number}",
                corpus="memory",
                kind="note",
                group_id="same",
                text=text,
                created_at=number,
            )
            (at,) = passages.add(tx, f"user:{user}", [row])
            passages.set_words(tx, f"user:{user}", at, words(text))
            return at

        return write

    for number in range(400):
        user, text = rng.choice(users), rng.choice(texts)
        if rng.random() < 0.4:
            at = await database.write(Scope("t", user), add(user, text, number))
            belongs[at] = user
            continue
        brought = {rng.randrange(1, 400): 1.0 for _ in range(3)}
        groups = rng.choice([None, ["same"]])
        question = Question.read(text)
        found = await searcher.search(
            Scope("t", user),
            [f"user:{user}"],
            question,
            corpus="memory",
            groups=groups,
            signals=brought,
        )
        assert all(belongs[hit.number] == user for hit in found.hits)
        other = rng.choice(users)
        if other != user:
            try:
                await searcher.search(
                    Scope("t", user), [f"user:{other}"], question, corpus="memory"
                )
            except AccessDenied:
                continue
            raise AssertionError("the memory of another user was searched")
    await database.close()
