"""Rules decide which calls are made: the first that applies, and doubt never makes a call."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest

from muxi.config.approval_settings import ApprovalSettings
from muxi.core.context import RunContext
from muxi.core.messages import ToolCallPart
from muxi.core.ports import Verdict
from muxi.core.requests import ToolSpec
from muxi.core.usage import Usage
from muxi.runtime.policy import ApprovalPolicy
from muxi.storage.database import open_database


async def _decide(
    rules: list[dict[str, Any]],
    arguments: dict[str, Any] | None = None,
    *,
    tool: str = "pay",
    price: Decimal | None = Decimal(0),
    approve: tuple[str, ...] = (),
    approval: bool = False,
    **more: Any,
) -> Verdict:
    settings = {"rules": rules, "otherwise": more.pop("otherwise", "allow")}
    ctx: RunContext[None] = RunContext(deps=None, **{"user": "ann", "agent": "clerk", **more})
    database = await open_database("sqlite://")
    try:
        policy = ApprovalPolicy(
            settings=ApprovalSettings.model_validate(settings),
            approve=approve,
            kind={"read_file": "files"}.get,
            price=lambda _: price,
            database=database,
        )
        call = ToolCallPart(id="c", name=tool, arguments=arguments or {})
        return await policy.decide(ctx, call, ToolSpec(name=tool, approval=approval))
    finally:
        await database.close()


async def test_the_first_rule_that_applies_decides() -> None:
    rules = [
        {"tool": "pay*", "verdict": "ask", "reason": "Money."},
        {"tool": "pay", "verdict": "deny"},
    ]
    assert await _decide(rules) == Verdict("ask", "Money.")
    assert (await _decide(rules, tool="read")).verdict == "allow"


async def test_without_a_rule_tools_and_agents_speak_for_themselves() -> None:
    assert (await _decide([])).verdict == "allow"
    assert (await _decide([], approval=True)).verdict == "ask"
    assert (await _decide([], approve=("p*",))).verdict == "ask"
    trusted = [{"tool": "pay", "user": "ann", "verdict": "allow"}]
    assert (await _decide(trusted, approval=True)).verdict == "allow"
    assert (await _decide(trusted, approval=True, user="bob")).verdict == "ask"


@pytest.mark.parametrize("otherwise", ["ask", "deny"])
async def test_what_no_rule_names_can_be_asked_about_or_refused(otherwise: str) -> None:
    found = await _decide([{"tool": "read", "verdict": "allow"}], otherwise=otherwise)
    assert found.verdict == otherwise
    assert "no rule" in found.reason


@pytest.mark.parametrize("verdict", ["ask", "deny", "allow"])
async def test_a_text_that_keeps_a_pattern_busy_is_in_doubt(verdict: str) -> None:
    rules = [{"tool": "pay", "arguments": {"to": {"matches": "(x+x+)+y"}}, "verdict": verdict}]
    began = time.process_time()
    found = await _decide(rules, {"to": "x" * 20_000 + "yz"}, otherwise="ask")
    assert time.process_time() - began < 5
    assert found.verdict == ("deny" if verdict == "deny" else "ask")


async def test_a_kind_stands_for_its_functions() -> None:
    rules = [{"tool": "files", "verdict": "deny"}]
    assert (await _decide(rules, tool="read_file")).verdict == "deny"
    assert (await _decide(rules, tool="other")).verdict == "allow"


@pytest.mark.parametrize(
    ("conditions", "arguments", "applies"),
    [
        ({"path": "/etc/*"}, {"path": "/etc/passwd"}, True),
        ({"path": "/etc/*"}, {"path": "/home/x"}, False),
        ({"path": "/etc/*"}, {}, False),
        ({"path": "/etc/*"}, {"path": ["/home/x", "/etc/y"]}, True),
        ({"path": ["/a", "/b"]}, {"path": "/b"}, True),
        ({"command": {"matches": "rm .*"}}, {"command": "rm a\nb"}, True),
        ({"command": {"matches": "rm"}}, {"command": "farm"}, False),
        ({"amount": {"above": 100}}, {"amount": 100}, False),
        ({"amount": {"above": 100}}, {"amount": 100.01}, True),
        ({"amount": {"above": 100}}, {"amount": "500"}, True),
        ({"amount": {"above": 100}}, {"amount": "much"}, True),
        ({"amount": {"above": 100}}, {"amount": "9" * 5000}, True),
        ({"amount": {"above": 1, "below": 3}}, {"amount": 2}, True),
        ({"amount": {"above": 1, "below": 3}}, {"amount": 3}, False),
        ({"force": True}, {"force": True}, True),
        ({"force": True}, {"force": 1}, False),
        ({"count": [1, 2]}, {"count": 2}, True),
        ({"options.mode": "write"}, {"options": {"mode": "write"}}, True),
        ({"options.mode": "write"}, {"options.mode": "write"}, True),
        ({"items.name": "x*"}, {"items": [{"name": "a"}, {"name": "xy"}]}, True),
        ({"**": "*secret*"}, {"a": {"b": ["c", "my secret"]}}, True),
        ({"**": "*secret*"}, {"a": {"b": ["c"]}}, False),
        ({"options": "*write*"}, {"options": {"mode": "write"}}, True),
        ({"a": "1", "b": "2"}, {"a": "1", "b": "3"}, False),
    ],
)
async def test_conditions_hold_of_arguments(
    conditions: dict[str, Any], arguments: dict[str, Any], applies: bool
) -> None:
    found = await _decide([{"arguments": conditions, "verdict": "deny"}], arguments)
    assert found.verdict == ("deny" if applies else "allow")


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        ({"paths": ["/tmp/a", "/tmp/b"]}, True),
        ({"paths": ["/tmp/a", "/etc/b"]}, False),
        ({"paths": []}, False),
        ({}, False),
    ],
)
async def test_leave_needs_every_value_to_be_good(arguments: dict[str, Any], allowed: bool) -> None:
    rules = [{"arguments": {"paths": "/tmp/*"}, "verdict": "allow"}]
    found = await _decide(rules, arguments, otherwise="ask")
    assert found.verdict == ("allow" if allowed else "ask")


@pytest.mark.parametrize(
    ("spent", "price", "asked"),
    [("0.4", "0.05", False), ("0.4", "0.2", True), (None, "0", True), ("0", None, True)],
)
async def test_a_run_that_costs_much_or_nobody_knows_how_much_is_asked_about(
    spent: str | None, price: str | None, asked: bool
) -> None:
    usage = Usage(cost=None if spent is None else Decimal(spent))
    found = await _decide(
        [{"cost": {"above": 0.5}, "verdict": "ask"}],
        usage=usage,
        price=None if price is None else Decimal(price),
    )
    assert found.verdict == ("ask" if asked else "allow")


async def test_an_unknown_amount_or_cost_is_never_leave() -> None:
    cheap = [{"cost": {"below": 0.5}, "verdict": "allow"}]
    assert (await _decide(cheap, usage=Usage(cost=None), otherwise="ask")).verdict == "ask"
    small = [{"arguments": {"amount": {"below": 10}}, "verdict": "allow"}]
    for amount in ("some", None, True, {"n": 1}, "nan"):
        assert (await _decide(small, {"amount": amount}, otherwise="ask")).verdict == "ask"


async def test_a_rule_without_words_says_why_it_applies() -> None:
    rules = [
        {"tool": "other", "verdict": "deny"},
        {"tool": "pay", "arguments": {"amount": {"above": 100}, "to": "*@x"}, "verdict": "ask"},
    ]
    found = await _decide(rules, {"amount": 200, "to": "b@x"})
    assert found.reason == (
        "Rule 2 of the project's approvals asks about this call of pay, because `amount` is above "
        "100 and `to` is like *@x."
    )
