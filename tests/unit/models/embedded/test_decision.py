"""Tools chosen and arguments filled, with the static table alone; no weights are fetched."""

from __future__ import annotations

from typing import Any

import pytest

from muxi.core.requests import NamedTool, ToolExample, ToolSpec
from muxi.models.embedded.arguments import fill
from muxi.models.embedded.decision import decide
from muxi.models.embedded.router import Router
from muxi.models.embedded.static import StaticEmbedder
from muxi.models.embedded.word_likeness import WordLikeness

_TABLE = StaticEmbedder()
LIKENESS = WordLikeness(_TABLE)


def _spec(name: str, description: str, properties: dict[str, Any], *required: str) -> ToolSpec:
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return ToolSpec(name=name, description=description, parameters=schema)


WEATHER = _spec("weather", "Get the weather for a city.", {"city": {"type": "string"}}, "city")
ORDER = _spec("order_status", "Status of an order.", {"order_id": {"type": "integer"}}, "order_id")
EMAIL = _spec(
    "send_email",
    "Send an email.",
    {
        "to": {"type": "string", "format": "email"},
        "body": {"type": "string", "description": "Text of the message"},
    },
    "to",
    "body",
)
SUM = _spec(
    "work_out", "Work out arithmetic.", {"expression": {"type": "string"}}, "expression"
).model_copy(
    update={
        "examples": (
            ToolExample(request="What is 4*5?", arguments={"expression": "4*5"}),
            ToolExample(request="how much is 9 plus 3", arguments={"expression": "9 plus 3"}),
        )
    }
)
TOOLS = (WEATHER, ORDER, EMAIL, SUM)


@pytest.fixture(scope="module")
def router() -> Router:
    return Router(_TABLE)


@pytest.mark.parametrize(
    ("request_", "tool", "arguments"),
    [
        ("What's the weather in Paris?", "weather", {"city": "Paris"}),
        ("What is 17*23?", "work_out", {"expression": "17*23"}),
        ("where is my order 4711?", "order_status", {"order_id": 4711}),
        (
            "Send an email to ann@example.com saying I am late",
            "send_email",
            {"to": "ann@example.com", "body": "I am late"},
        ),
    ],
)
def test_a_clear_request_gets_its_tool_and_arguments(
    router: Router, request_: str, tool: str, arguments: dict[str, Any]
) -> None:
    decision = decide(request_, TOOLS, "auto", router=router, likeness=LIKENESS)
    assert decision is not None
    assert (decision.spec.name, decision.filled.arguments) == (tool, arguments)


@pytest.mark.parametrize("request_", ["Hello!", "Write a haiku about autumn", "who are you?"])
def test_plain_talk_gets_no_tool(router: Router, request_: str) -> None:
    assert decide(request_, TOOLS, "auto", router=router, likeness=LIKENESS) is None


def test_none_forbids_and_required_demands_a_call(router: Router) -> None:
    def asked(choice: Any) -> Any:
        return decide("Hello!", TOOLS, choice, router=router, likeness=LIKENESS)

    assert asked("none") is None
    assert asked("required") is not None
    assert asked(NamedTool(name="weather")).spec is WEATHER
    assert asked(NamedTool(name="unknown")) is None


def test_a_short_request_that_goes_on_keeps_the_tool(router: Router) -> None:
    decision = decide(
        "and in Oslo?", TOOLS, "auto", router=router, likeness=LIKENESS, before="weather"
    )
    assert decision is not None
    assert decision.filled.arguments == {"city": "Oslo"}


def test_what_the_request_does_not_hold_is_reported_as_missing() -> None:
    filled = fill("where is my order?", ORDER, LIKENESS)
    assert (filled.arguments, filled.missing) == ({}, ["order_id"])


def test_optional_parameters_are_left_out_unless_asked_for() -> None:
    spec = _spec(
        "book_room",
        "Book a meeting room.",
        {
            "room": {"type": "string", "enum": ["atlas", "cosmos"]},
            "projector": {"type": "boolean"},
            "people": {"type": "integer", "description": "How many people"},
        },
        "room",
    )
    assert fill("I need the cosmos room", spec, LIKENESS).arguments == {"room": "cosmos"}
    assert fill("atlas for 8 people with a projector", spec, LIKENESS).arguments == {
        "room": "atlas",
        "projector": True,
        "people": 8,
    }


def test_lists_take_every_fitting_token() -> None:
    spec = _spec(
        "add", "Add.", {"numbers": {"type": "array", "items": {"type": "integer"}}}, "numbers"
    )
    assert fill("add 4, 5 and 6", spec, LIKENESS).arguments == {"numbers": [4, 5, 6]}
