from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from muxi.retrieval.candidates import Candidates, joined
from muxi.retrieval.question import Question
from muxi.retrieval.ranking import Similar, reranked
from muxi.retrieval.weights import Weights
from muxi.storage.passages import Glimpse

WEIGHTS = Weights(words=1, vector=1, window=1, who=0.3, when=0.2, latest=0.5, asks=0.1)
MAY = datetime(2023, 5, 7, tzinfo=UTC)


def seen(
    number: int, text: str = "It is so.", *, speaker: str = "Ana", at: datetime = MAY
) -> Glimpse:
    return Glimpse(number, f"mem_{number}", speaker, int(at.timestamp() * 1e6), text)


def similar(*pairs: tuple[int, float]) -> Similar:
    numbers, cosines = zip(*pairs, strict=True)
    return Similar(np.array(numbers), np.array(cosines, dtype=np.float32))


def ask(text: str = "tea?", **people: str) -> Question:
    return Question.read(text, people)


def test_scores_are_scaled_and_added() -> None:
    candidates = Candidates(WEIGHTS)
    candidates.add_scores("words", [(1, 8.0), (2, 4.0)], 1.0)
    candidates.add_similar("vector", similar((1, 0.0), (2, 0.5), (3, 1.0)), 0.5, most=10)
    hits = candidates.hits([seen(1), seen(2), seen(3)], ask())
    assert [(hit.number, round(hit.score, 6)) for hit in hits] == [(1, 1.0), (2, 0.75), (3, 0.5)]
    assert hits[1].signals == {"words": 0.5, "vector": 0.25}


def test_the_score_is_the_sum_of_the_signals() -> None:
    candidates = Candidates(WEIGHTS)
    candidates.add_scores("words", [(n, float(n)) for n in range(1, 9)], 1.0)
    question = ask("Where does Ana live now, in May 2023?", Ana="Ana")
    for hit in candidates.hits([seen(n, "Is it?") for n in range(1, 9)], question):
        assert hit.score == pytest.approx(sum(hit.signals.values()))
        assert {"who", "when", "latest", "asks"} < hit.signals.keys()


def test_only_the_nearest_become_candidates_and_others_get_their_share() -> None:
    candidates = Candidates(WEIGHTS)
    candidates.add_scores("words", [(5, 1.0)], 1.0)
    near = similar(*((n, n / 10) for n in range(1, 10)))
    candidates.add_similar("vector", near, 1.0, most=2)
    assert candidates.numbers.tolist() == [5, 8, 9]
    assert candidates.signals([5])[0]["vector"] == pytest.approx(0.5)


def test_what_has_no_vector_yet_counts_as_middling() -> None:
    candidates = Candidates(WEIGHTS)
    candidates.add_scores("words", [(99, 1.0)], 1.0)
    candidates.add_similar("vector", similar((1, 0.0), (2, 1.0)), 1.0, most=10)
    assert candidates.signals([99])[0]["vector"] == pytest.approx(0.5)


def test_nothing_compared_adds_nothing() -> None:
    candidates = Candidates(WEIGHTS)
    candidates.add_similar("vector", None, 1.0, most=10)
    candidates.add_scores("words", [(1, 0.0), (2, -1.0)], 1.0)
    assert candidates.numbers.tolist() == []
    assert candidates.worth_reading(ask(), limit=5, most=10) == []
    assert candidates.hits([], ask()) == []


def test_equal_cosines_are_no_signal_that_divides_by_nothing() -> None:
    candidates = Candidates(WEIGHTS)
    candidates.add_similar("vector", similar((1, 0.3), (2, 0.3)), 1.0, most=10)
    assert candidates.signals([1])[0]["vector"] == pytest.approx(0.3)


def test_only_what_can_still_win_is_read() -> None:
    candidates = Candidates(WEIGHTS)
    candidates.add_scores("words", [(n, n / 100) for n in range(1, 101)], 1.0)
    assert candidates.worth_reading(ask(), limit=10, most=50) == list(range(100, 80, -1))
    named = candidates.worth_reading(ask("Ana?", Ana="Ana"), limit=10, most=100)
    assert named == list(range(100, 50, -1))
    assert len(candidates.worth_reading(ask("Ana?", Ana="Ana"), limit=10, most=30)) == 30
    assert len(candidates.worth_reading(ask(), limit=60, most=30)) == 60


def test_the_named_speaker_comes_first_whatever_the_case() -> None:
    candidates = Candidates(WEIGHTS)
    candidates.add_scores("words", [(1, 1.0), (2, 1.0)], 1.0)
    rows = [seen(1, speaker="ANA"), seen(2, speaker="Tom")]
    assert candidates.hits(rows, ask("What about Ana?", Ana="ana"))[0].number == 1


def test_the_newest_is_preferred_only_when_the_present_is_asked_for() -> None:
    rows = [seen(1, at=datetime(2023, 9, 1, tzinfo=UTC)), seen(2)]
    for text, first in (("Where do they live?", 2), ("Where do they live now?", 1)):
        candidates = Candidates(WEIGHTS)
        candidates.add_scores("words", [(1, 0.9), (2, 1.0)], 1.0)
        assert candidates.hits(rows, ask(text))[0].number == first


def test_a_new_passage_that_answers_nothing_does_not_win_by_being_new() -> None:
    candidates = Candidates(WEIGHTS)
    candidates.add_scores("words", [(1, 0.1), (2, 1.0)], 1.0)
    rows = [seen(1, at=datetime(2023, 9, 1, tzinfo=UTC)), seen(2)]
    assert candidates.hits(rows, ask("Where now?"))[0].number == 2


def test_instants_beyond_the_calendar_are_no_error() -> None:
    candidates = Candidates(WEIGHTS)
    candidates.add_scores("words", [(1, 1.0), (2, 1.0)], 1.0)
    rows = [Glimpse(1, "a", None, 2**62, "x"), Glimpse(2, "b", None, -(2**62), "x")]
    assert len(candidates.hits(rows, ask("in May 2023"))) == 2


def test_several_owners_are_scaled_together() -> None:
    one = joined([similar((5, 0.9), (7, 0.1)), similar((2, 0.5), (6, 0.3))])
    assert one is not None
    assert one.numbers.tolist() == [2, 5, 6, 7]
    assert one.cosines.tolist() == pytest.approx([0.5, 0.9, 0.3, 0.1])
    few = joined([one], frozenset({7, 2, 100}))
    assert few is not None
    assert few.numbers.tolist() == [2, 7]
    assert joined([one], frozenset()) is None
    assert joined([]) is None


def test_a_reranker_orders_what_it_was_asked_about() -> None:
    candidates = Candidates(WEIGHTS)
    candidates.add_scores("words", [(1, 3.0), (2, 2.0), (3, 1.0)], 1.0)
    hits = candidates.hits([seen(1), seen(2), seen(3)], ask())
    ordered = reranked(hits, [0.1, 0.9], 2.0)
    assert [hit.number for hit in ordered] == [2, 1, 3]
    assert ordered[0].signals["rerank"] == 2.0
