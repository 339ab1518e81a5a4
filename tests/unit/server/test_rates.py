"""How often one may ask: counted by subject, told in headers, and in constant memory."""

from __future__ import annotations

import tracemalloc

import pytest

from muxi.config.rate_settings import RateLimit, RateLimits
from muxi.core.caller import LOCAL_CALLER, Caller, Credential
from muxi.server import rates
from muxi.server.arrivals import Arrivals
from muxi.server.problems import Refused
from muxi.server.rates import Rates


def _caller(user: str, key: str = "k1", tenant: str = "default") -> Caller:
    return Caller(tenant, user, Credential("key", key))


def _rates(**limits: RateLimit) -> Rates:
    return Rates(RateLimits(**limits))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that limits see, to be moved by the test."""
    at = [1000.0]
    monkeypatch.setattr(rates.time, "monotonic", lambda: at[0])
    return at


async def test_all_may_come_at_once_and_then_come_back_bit_by_bit(clock: list[float]) -> None:
    limits = _rates(user=RateLimit(requests=6, per="minute"))
    for left in (5, 4, 3, 2, 1, 0):
        headers = dict(await limits.admit(_caller("ann")))
        assert headers[b"ratelimit-policy"] == b'"user";q=6;w=60'
        assert headers[b"ratelimit"].startswith(b'"user";r=%d;t=' % left)
    with pytest.raises(Refused) as caught:
        await limits.admit(_caller("ann"))
    assert caught.value.status == 429
    assert caught.value.error.details["retry_after"] == 10
    assert dict(caught.value.headers)[b"ratelimit"].startswith(b'"user";r=0;t=')
    await limits.admit(_caller("bob"))
    clock[0] += 10
    await limits.admit(_caller("ann"))
    with pytest.raises(Refused):
        await limits.admit(_caller("ann"))


async def test_what_one_limit_refuses_is_not_counted_by_the_others(clock: list[float]) -> None:
    limits = _rates(key=RateLimit(requests=2), tenant=RateLimit(requests=4))
    for key in ("k1", "k1", "k2"):
        await limits.admit(_caller("ann", key))
    for _ in range(5):
        with pytest.raises(Refused) as caught:
            await limits.admit(_caller("ann", "k1"))
        assert caught.value.error.details["limit"] == "key"
    await limits.admit(_caller("ann", "k2"))
    with pytest.raises(Refused) as caught:
        await limits.admit(_caller("eve", "k3"))
    assert caught.value.error.details["limit"] == "tenant"
    await limits.admit(_caller("ann", "k1", tenant="other"))


async def test_the_person_at_this_machine_is_not_counted() -> None:
    limits = _rates(user=RateLimit(requests=1), tenant=RateLimit(requests=1))
    assert [await limits.admit(LOCAL_CALLER) for _ in range(5)] == [()] * 5


def test_an_address_of_ipv6_is_its_whole_network(clock: list[float]) -> None:
    limits = _rates(address=RateLimit(requests=2))
    limits.admit_stranger("2001:db8::1")
    limits.admit_stranger("2001:db8::2")
    with pytest.raises(Refused):
        limits.admit_stranger("2001:db8::ffff:3")
    limits.admit_stranger("2001:db8:0:1::1")
    for address in ("192.0.2.1", "::ffff:192.0.2.1"):
        limits.admit_stranger(address)
    with pytest.raises(Refused):
        limits.admit_stranger("192.0.2.1")
    assert limits.admit_stranger("") == ()


def test_a_flood_from_everywhere_takes_no_more_memory_than_what_is_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rates, "_MOST", 500)
    limits = _rates(address=RateLimit(requests=1, per="hour"))

    def flood(start: int, count: int) -> int:
        for number in range(start, start + count):
            limits.admit_stranger(f"198.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}")
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        first = flood(0, 2_000)
        assert flood(2_000, 10_000) < first * 2
    finally:
        tracemalloc.stop()


def test_silent_connections_of_one_address_are_bounded_and_those_of_proxies_are_not() -> None:
    arrivals = Arrivals(2, ["10.0.0.0/8", "::1"])
    assert [arrivals.come("192.0.2.1") for _ in range(3)] == [True, True, False]
    assert arrivals.come("192.0.2.2")
    arrivals.leave("192.0.2.1")
    assert arrivals.come("192.0.2.1")
    assert all(arrivals.come("10.1.2.3") for _ in range(100))
