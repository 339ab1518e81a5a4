"""How much a call is granted: never more than is left, and no less than it can use."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import example, given, settings
from hypothesis import strategies as st

from muxi.core.budgets import Budget
from muxi.core.ports import Estimate
from muxi.identity.granting import Amounts, Balance, Held, Key, Line, Short, grant

AMOUNTS = st.integers(0, 100_000)
DOLLARS = st.decimals(0, 5, places=4)


def _line(**limits: object) -> Line:
    budget = Budget.model_validate({"per": "tenant", "every": "day", **limits})
    return Line.of("b", budget, Key("tenant", "day", 0), 1)


def _estimate(prompt: int, answer: int, dollars: tuple[Decimal, Decimal]) -> Estimate:
    return Estimate(
        input_tokens=prompt, output_tokens=answer, input_cost=dollars[0], output_cost=dollars[1]
    )


@settings(deadline=None)
@example([(0, Decimal("0.0035"), 1, 0)], 0, 0, (Decimal(0), Decimal(1)))
@given(
    st.lists(st.tuples(AMOUNTS, DOLLARS, AMOUNTS, AMOUNTS), min_size=1, max_size=4),
    AMOUNTS,
    AMOUNTS,
    st.tuples(DOLLARS, DOLLARS),
)
def test_no_line_is_ever_exceeded(
    lines: list[tuple[int, Decimal, int, int]],
    prompt: int,
    answer: int,
    dollars: tuple[Decimal, Decimal],
) -> None:
    pairs = [
        (
            _line(tokens=tokens, cost=cost, seconds=seconds),
            Balance(Amounts(spent, spent * 1000, 0, spent), Amounts(spent // 2, spent * 500, 0, 0)),
        )
        for tokens, cost, seconds, spent in lines
    ]
    taken = grant(pairs, _estimate(prompt, answer, dollars))
    if isinstance(taken, Short):
        assert taken.line in [line for line, _ in pairs]
        return
    for line, balance in pairs:
        assert line.tokens is not None
        assert line.nano_dollars is not None
        assert line.microseconds is not None
        balance.spent.add(balance.held)
        balance.spent.add(taken.amounts)
        if prompt + answer:
            assert balance.spent.tokens <= line.tokens
        if dollars != (0, 0):
            assert balance.spent.nano_dollars <= line.nano_dollars
        assert balance.spent.microseconds <= line.microseconds


def test_a_call_gets_all_that_it_wants_where_there_is_plenty() -> None:
    wanted = _estimate(100, 1000, (Decimal("0.1"), Decimal("1")))
    taken = grant([(_line(tokens=10**6, cost=100), Balance(Amounts(), Amounts()))], wanted)
    assert isinstance(taken, Held)
    assert (taken.output_tokens, taken.seconds, taken.narrowest) == (None, None, None)
    assert taken.amounts == Amounts(1100, 1_100_000_000, 0, 0)


def test_a_call_gets_a_shorter_answer_rather_than_none() -> None:
    wanted = _estimate(100, 1000, (Decimal("0.1"), Decimal("1")))
    taken = grant([(_line(cost=Decimal("0.35")), Balance(Amounts(), Amounts()))], wanted)
    assert isinstance(taken, Held)
    assert taken.output_tokens == 250
    assert taken.amounts.nano_dollars == 350_000_000


def test_a_long_answer_leaves_room_for_others() -> None:
    wanted = _estimate(0, 100_000, (Decimal(0), Decimal(0)))
    taken = grant([(_line(tokens=100_000), Balance(Amounts(), Amounts()))], wanted)
    assert isinstance(taken, Held)
    assert taken.output_tokens == 25_000


def test_what_others_hold_may_be_waited_for_and_what_is_spent_may_not() -> None:
    wanted = _estimate(100, 100, (Decimal(0), Decimal(0)))
    line = _line(tokens=250)
    held = grant([(line, Balance(Amounts(), Amounts(tokens=200)))], wanted)
    spent = grant([(line, Balance(Amounts(tokens=200), Amounts()))], wanted)
    assert held == Short(line, "tokens", waits=True)
    assert spent == Short(line, "tokens", waits=False)


def test_a_call_that_costs_nothing_needs_no_money() -> None:
    taken = grant(
        [(_line(cost=0), Balance(Amounts(), Amounts()))], _estimate(5, 5, (Decimal(0), Decimal(0)))
    )
    assert isinstance(taken, Held)
