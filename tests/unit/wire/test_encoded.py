from __future__ import annotations

from muxi.wire.encoded import to_json
from muxi.wire.json_text import read_json, read_object


def test_lone_surrogates_are_replaced_wherever_they_are():
    assert read_json(to_json({"a\ud800": ["\udfff", {"b": "\ud83d\ude00"}]})) == {
        "a\ufffd": ["\ufffd", {"b": "😀"}]
    }


def test_only_an_object_is_an_object():
    assert read_object('{"a": "\\ud800"}') == {"a": "\ufffd"}
    assert [read_object(text) for text in ("[]", "1", "{", "", '{"a": Infinity}')] == [None] * 5
