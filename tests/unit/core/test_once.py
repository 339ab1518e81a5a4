from __future__ import annotations

import gc

from muxi.core.messages import Message, user_message
from muxi.core.once import Once


def test_a_message_is_made_into_something_once_while_it_lives():
    made: list[str] = []

    def write(message: Message) -> str:
        made.append(message.text)
        return message.text.upper()

    once = Once(write)
    first, twin = user_message("a"), user_message("a")
    assert [once(first), once(first), once(twin)] == ["A", "A", "A"]
    assert made == ["a", "a"]


def test_what_was_kept_goes_with_the_message():
    once = Once[Message, str](lambda message: message.text)
    for number in range(100):
        assert once(user_message(str(number))) == str(number)
    gc.collect()
    assert not once._results
    assert not once._alive


def test_many_records_are_told_in_their_order_and_made_once():
    made: list[str] = []

    def write(message: Message) -> str:
        made.append(message.text)
        return message.text.upper()

    once = Once(write)
    messages = [user_message(letter) for letter in "abca"]
    once(messages[2])
    assert once.each(messages) == ["A", "B", "C", "A"]
    assert once.each([*messages, messages[0]]) == ["A", "B", "C", "A", "A"]
    assert sorted(made) == ["a", "a", "b", "c"]


def test_a_record_at_the_place_of_one_that_is_gone_is_made_anew():
    once = Once[Message, str](lambda message: message.text)
    places: set[int] = set()
    again = 0
    for number in range(1_000):
        message = user_message(str(number))
        again += id(message) in places
        places.add(id(message))
        assert once.each([message]) == [str(number)]
        del message
    assert again, "no place was used twice"
