"""The nouns that cross doors: JSON both ways, nothing lost, ids in order."""

from __future__ import annotations

import json
import threading
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from muxi.core.definitions import AgentDefinition
from muxi.core.errors import ModelRateLimited, MuxiError, summarize
from muxi.core.events import KINDS, Problem, TextDelta, parse_event
from muxi.core.ids import new_id
from muxi.core.messages import ImagePart, Message, TextPart, UnknownPart, user_message
from muxi.core.problems import error_of, problem_of
from muxi.core.record import clean
from muxi.core.requests import ToolSpec
from muxi.core.usage import Usage


def test_ids_sort_by_the_time_they_were_made_across_threads() -> None:
    made: list[list[str]] = [[] for _ in range(4)]

    def make(into: list[str]) -> None:
        into.extend(new_id("x") for _ in range(2000))

    threads = [threading.Thread(target=make, args=(into,)) for into in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(ids == sorted(ids) for ids in made)
    assert len({i for ids in made for i in ids}) == 8000
    assert all(len(i) == 34 and i.startswith("x_") for i in made[0])


def test_unknown_fields_and_parts_are_written_back() -> None:
    text = json.dumps(
        {
            "id": "msg_1",
            "role": "user",
            "mood": "curious",
            "parts": [
                {"type": "text", "text": "hi", "tone": 3},
                {"type": "hologram", "rays": [1, 2]},
            ],
        }
    )
    message = Message.model_validate_json(text)
    assert isinstance(message.parts[1], UnknownPart)
    back = json.loads(message.model_dump_json())
    assert back["mood"] == "curious"
    assert back["parts"][0]["tone"] == 3
    assert back["parts"][1] == {"type": "hologram", "rays": [1, 2], "provider": None}


def test_bytes_travel_as_base64() -> None:
    message = user_message([ImagePart(media_type="image/png", data=b"\x89\x00\xff")])
    again = Message.model_validate_json(message.model_dump_json())
    assert isinstance(again.parts[0], ImagePart)
    assert again.parts[0].data == b"\x89\x00\xff"


@given(st.text(st.characters(exclude_categories=[])))
def test_any_text_can_be_put_into_a_message_and_encoded(text: str) -> None:
    message = user_message(text)
    assert Message.model_validate_json(message.model_dump_json()).text == clean(text)
    clean(text).encode()


def test_an_event_of_a_later_version_is_kept_whole() -> None:
    event = parse_event('{"type": "moon.rose", "seq": 3, "phase": "full"}')
    assert event.type == "moon.rose"
    assert json.loads(event.model_dump_json())["phase"] == "full"


def test_every_kind_of_event_is_found_by_its_type() -> None:
    delta = TextDelta(text="x", seq=7, run_id="run_1")
    assert parse_event(delta.model_dump_json()) == delta
    assert all(name == kind.model_fields["type"].default for name, kind in KINDS.items())


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"type": 3}', '{"type": "text.delta"}'])
def test_what_is_no_event_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        parse_event(text)


def test_an_unknown_cost_makes_the_sum_unknown_and_never_zero() -> None:
    total = Usage(cost=Decimal("0.5"))
    total.add(Usage(requests=1, input_tokens=3, output_tokens=4, cost=None))
    total.add(Usage(cost=Decimal(1)))
    assert total.cost is None
    assert total.total_tokens == 7


def test_an_error_becomes_a_problem_and_the_same_error_again() -> None:
    error = ModelRateLimited("slow down", provider="x", retry_after=3.5)
    again = error_of(problem_of(error))
    assert type(again) is ModelRateLimited
    assert (again.message, again.details) == ("slow down", {"provider": "x", "retry_after": 3.5})
    assert again.hint == error.hint


def test_a_problem_of_a_later_version_is_still_an_error() -> None:
    error = error_of(Problem(code="comet", message="A comet.", details={"message": "x", "a": 1}))
    assert type(error) is MuxiError
    assert (error.message, error.details) == ("A comet.", {"a": 1})


def test_the_default_message_of_an_error_is_its_docstring() -> None:
    assert ModelRateLimited().message == "The provider says that there were too many requests."
    assert summarize(ModelRateLimited("Slow.")).startswith("Slow. Wait,")


def test_a_definition_has_one_hash_for_one_content() -> None:
    one = AgentDefinition(name="a", instructions="x")
    same = AgentDefinition.model_validate_json(one.model_dump_json())
    assert one.hash == same.hash
    assert one.hash != AgentDefinition(name="a", instructions="y").hash


@pytest.mark.parametrize("name", ["", "1a", "a b", "a" * 65, "ä"])
def test_an_agent_name_is_a_plain_word(name: str) -> None:
    with pytest.raises(ValidationError):
        AgentDefinition(name=name)


def test_part_text_is_joined_without_media() -> None:
    parts = [TextPart(text="a"), ImagePart(media_type="image/png", url="x"), TextPart(text="b")]
    assert user_message(parts).text == "ab"


def test_a_changed_copy_of_a_tool_s_spec_is_told_and_hashed_anew():
    spec = ToolSpec(name="a", description="Do it.")
    before = (spec.text, spec.digest)
    copied = spec.model_copy(update={"description": "Do something else."})
    assert "something else" in copied.text
    assert copied.digest != before[1]
    assert (spec.text, spec.digest) == before


def test_the_order_of_keys_does_not_change_the_hash_of_a_tool():
    properties = {"a": {"type": "string"}, "b": {"type": "integer"}}
    one = ToolSpec(name="t", parameters={"type": "object", "properties": properties})
    turned = dict(reversed(properties.items()))
    other = ToolSpec(name="t", parameters={"properties": turned, "type": "object"})
    assert one.digest == other.digest
    assert one.digest != ToolSpec(name="t", parameters={"type": "object"}).digest
