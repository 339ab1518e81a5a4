"""Doubt never makes a call: whatever the arguments are, an allowed call fits, an unfit one asks."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from muxi.config.approval_settings import ApprovalSettings
from muxi.core.context import RunContext
from muxi.core.messages import ToolCallPart
from muxi.core.requests import ToolSpec
from muxi.runtime.policy import ApprovalPolicy
from muxi.storage.transaction import Database

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
ARGUMENTS = st.dictionaries(st.sampled_from(["amount", "path", "x"]), JSON, max_size=3)


class _NoDatabase:
    """Nobody has been asked anything yet."""

    async def read(self, *_: Any, **__: Any) -> list[Any]:
        return []


def _decide(rule: dict[str, Any], arguments: dict[str, Any], *, otherwise: str) -> str:
    policy = ApprovalPolicy(
        settings=ApprovalSettings.model_validate({"rules": [rule], "otherwise": otherwise}),
        kind=lambda _: None,
        price=lambda _: Decimal(0),
        database=_no_database(),
    )
    call = ToolCallPart(id="c", name="pay", arguments=arguments)
    ctx: RunContext[None] = RunContext(deps=None)
    return asyncio.run(policy.decide(ctx, call, ToolSpec(name="pay"))).verdict


def _no_database() -> Database:
    return _NoDatabase()  # pyright: ignore[reportReturnType] -- only `read` is called


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    return [value]


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value  # noqa: PLR0124 -- not for NaN


@given(ARGUMENTS)
def test_what_may_be_too_much_is_asked_about(arguments: dict[str, Any]) -> None:
    rule = {"arguments": {"amount": {"above": 100}}, "verdict": "ask"}
    leaves = _leaves(arguments["amount"]) if "amount" in arguments else []
    small = [leaf for leaf in leaves if _number(leaf) and leaf <= 100]
    if _decide(rule, arguments, otherwise="allow") == "allow":
        assert all(_number(leaf) or isinstance(leaf, str) for leaf in leaves)
        assert [leaf for leaf in leaves if not isinstance(leaf, str)] == small


@given(ARGUMENTS)
def test_only_what_is_surely_small_is_allowed(arguments: dict[str, Any]) -> None:
    rule = {"arguments": {"amount": {"below": 100}}, "verdict": "allow"}
    if _decide(rule, arguments, otherwise="deny") == "allow":
        leaves = _leaves(arguments["amount"])
        assert leaves
        assert all(float(leaf) < 100 for leaf in leaves)
