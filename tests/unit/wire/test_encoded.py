from __future__ import annotations

import gc

from muxi.core.messages import Message, user_message
from muxi.wire.encoded import Once, to_json
from muxi.wire.json_text import read_json, read_object


def test_a_message_is_encoded_once_while_it_lives():
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


def test_lone_surrogates_are_replaced_wherever_they_are():
    assert read_json(to_json({"a\ud800": ["\udfff", {"b": "\ud83d\ude00"}]})) == {
        "a\ufffd": ["\ufffd", {"b": "😀"}]
    }


def test_only_an_object_is_an_object():
    assert read_object('{"a": "\\ud800"}') == {"a": "\ufffd"}
    assert [read_object(text) for text in ("[]", "1", "{", "", '{"a": Infinity}')] == [None] * 5
