from __future__ import annotations

import threading
import time

import pytest

from muxi.retrieval.words import asked_words, information, only_asks, rarity, words


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("We were running along the beaches", "a run on the beach"),
        ("CAFÉ", "cafe"),
        ("Straße", "STRASSE"),
        ("ﬁsh and ｗｉｄｅ letters", "fish wide letter"),
        ("It cost 3,000 dollars", "3000 dollar"),
        ("on 07 May", "7 May"),
        ("Я купила новых собак", "новая собака"),
        ("Die Kinder spielten mit den Bällen", "Wo spielt das Kind mit dem Ball"),
        ("Compramos las bicicletas en Sevilla", "¿Dónde compraron la bicicleta?"),
        ("मुझे किताबें पसंद हैं", "किताब"),
        ("الكتابُ الجميل", "كتاب جميل"),
        ("我喜欢吃苹果", "苹果"),
        ("猫が好きです", "猫"),
        ("커피를 좋아해요", "커피"),
        ("ฉันชอบกินข้าวผัด", "ข้าวผัด"),
        ("٣٤ يوما", "34"),
    ],
)
def test_other_forms_of_a_word_are_found(said: str, asked: str) -> None:
    # A question in another language than English asks for the English stems besides.
    found = set(asked_words(asked)) & set(words(said))
    assert 2 * len(found) >= len(asked_words(asked)) > 0, (words(said), asked_words(asked))


@pytest.mark.parametrize("text", ["", " ", "the of and", "\ud800\udfff", "\0", "!?…", "\u0301"])
def test_text_that_says_nothing_has_no_words(text: str) -> None:
    assert words(text) == []
    assert asked_words(text) == []


def test_words_repeat_as_often_as_they_are_said_and_questions_ask_once() -> None:
    assert words("dog, dog and dogs") == ["dog", "dog", "dog"]
    assert asked_words("dog, dog and dogs") == ["dog"]


def test_a_language_is_told_by_its_function_words() -> None:
    assert "die" not in words("Die Katze ist auf dem Dach")
    assert "die" in words("Did the plant die in the frost?")


def test_endings_behind_an_apostrophe_are_no_words() -> None:
    assert words("Ana's dog won't bark; they've left") == ["ana", "dog", "bark", "left"]


def test_a_word_is_of_one_script() -> None:
    assert words("東京tower") == ["東京", "東", "京", "tower"]


def test_verbs_of_saying_are_not_asked_for() -> None:
    assert asked_words("What did he say about the garden?") == ["garden"]


BULKY = ("a", "word ", "日本", "ﷺ", "\u0301", "é", "1,000,", "'s", "\ud800")


@pytest.mark.parametrize("piece", BULKY, ids=range(len(BULKY)))
def test_five_megabytes_take_bounded_time(piece: str) -> None:
    text = piece * (5_000_000 // len(piece))
    start = time.process_time()
    words(text)
    assert time.process_time() - start < 4


def test_threads_do_not_share_stemmers() -> None:
    expected = words("Running quickly through generations of potteries")
    results: list[list[str]] = []

    def work() -> None:
        results.extend(words("Running quickly through generations of potteries") for _ in range(50))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert results == [expected] * 200


def test_information_prefers_statements_and_rare_words() -> None:
    known = rarity([words("we had tea"), words("we had cake"), words("we had tea in Marrakesh")])
    assert known["marrakesh"] > known["tea"]
    assert information("We had tea in Marrakesh.", known) > information("We had tea.", known)
    assert information("I moved to Lisbon.") > information("Did you move to Lisbon?")
    assert information("I moved in 2021.") > information("I moved in spring.")
    assert information("Hi!") < information("My sister Bea works as a vet.")
    assert information("") == 0


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("How are you?", True),
        ("你好吗？", True),
        ("I moved. And you?", False),
        ("I moved.", False),
        ("", False),
        ("Really?! ", False),
        ("?", True),
    ],
)
def test_what_only_asks_is_told_from_what_states(text: str, asks: bool) -> None:
    assert only_asks(text) is asks
