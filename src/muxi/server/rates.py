"""How often the server may be asked: by key, user and tenant, and by address without credentials.

Asked by the doors once the caller is known. Each limit is one number a subject (the generic cell
rate algorithm), and the number of subjects is bounded, so that no flood makes it grow. Processes
that share a database use up what callers may ask together; see `identity.allowances`. Addresses
are counted by each for itself: no stranger is to make it write.
"""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from dataclasses import dataclass
from math import ceil
from typing import Final

from muxi.config.rate_settings import RateLimit, RateLimits
from muxi.core.caller import Caller
from muxi.core.errors import RateLimited
from muxi.identity.allowances import Allowance, Limit, SharedAllowances
from muxi.server.problems import Refused

Header = tuple[bytes, bytes]

_MOST: Final = 50_000
"""Subjects of one limit that are remembered; the one that asked longest ago is forgotten first."""

_NAMES: Final = {
    "key": "this key",
    "user": "this user",
    "tenant": "this tenant",
    "address": "this address, without credentials",
}


@dataclass(slots=True)
class _Bucket:
    """One limit, for all its subjects."""

    limit: Limit
    per: str
    policy: bytes
    known: OrderedDict[str, Allowance]

    @classmethod
    def of(cls, name: str, declared: RateLimit | None) -> _Bucket | None:
        if declared is None:
            return None
        policy = f'"{name}";q={declared.requests};w={declared.seconds}'.encode()
        limit = Limit(name, declared.requests, declared.seconds)
        return cls(limit, declared.per, policy, OrderedDict())

    def find(self, subject: str) -> Allowance:
        """What a subject has used; kept only once it uses something."""
        return self.known.get(subject) or Allowance()

    def take(self, subject: str, allowance: Allowance, full_at: float) -> None:
        allowance.full_at = full_at
        self.known[subject] = allowance
        self.known.move_to_end(subject)
        if len(self.known) > _MOST:
            self.known.popitem(last=False)

    def state(self, after: float) -> bytes:
        left = max(0, int((self.limit.seconds - after) / self.limit.step + 1e-9))
        return f'"{self.limit.name}";r={left};t={ceil(after)}'.encode()


@dataclass(slots=True)
class _Asked:
    """One limit of one request."""

    bucket: _Bucket
    subject: str
    allowance: Allowance
    after: float
    """Seconds until all that is used has come back, this request included."""


class Rates:
    """The limits of one server.

    Args:
        limits: As they are declared.
        shared: What other processes use of them too; None if there is no other.
    """

    def __init__(self, limits: RateLimits, shared: SharedAllowances | None = None) -> None:
        self._key = _Bucket.of("key", limits.key)
        self._user = _Bucket.of("user", limits.user)
        self._tenant = _Bucket.of("tenant", limits.tenant)
        self._address = _Bucket.of("address", limits.address)
        self._counts = any((self._key, self._user, self._tenant))
        self._shared = shared

    async def admit(self, caller: Caller) -> tuple[Header, ...]:
        """Count a request of somebody who is known; gives the headers that tell what is left.

        The person at this machine is never counted. It waits only for what other processes use:
        see `SharedAllowances`.

        Raises:
            Refused: They ask too often.
        """
        credential = caller.credential
        if not self._counts or credential.kind == "local":
            return ()
        user = f"{caller.tenant}\0{caller.user}"
        named: list[tuple[_Bucket, str]] = []
        if self._key is not None and credential.kind in ("key", "jwt"):
            named.append((self._key, f"{user}\0{credential.id}"))
        if self._user is not None:
            named.append((self._user, user))
        if self._tenant is not None:
            named.append((self._tenant, caller.tenant))
        shared, tenant = self._shared, caller.tenant
        if shared is None:
            return _take(*_looked(named))
        now, asked = _looked(named)
        while any(shared.owes(tenant, each.bucket.limit, each.allowance) for each in asked):
            await shared.wait(tenant)
            now, asked = _looked(named)
        headers = _take(now, asked)
        for each in asked:
            shared.use(tenant, each.subject, each.bucket.limit, each.allowance, now)
        return headers

    def admit_stranger(self, address: str) -> tuple[Header, ...]:
        """Count a request without valid credentials.

        Args:
            address: Where it came from; empty for a socket of this machine, which is not counted.

        Raises:
            Refused: Too many come from there.
        """
        if self._address is None or not address:
            return ()
        return _take(*_looked([(self._address, _network(address))]))


def _looked(named: list[tuple[_Bucket, str]]) -> tuple[float, list[_Asked]]:
    """What one request would use of these limits, and when that was looked at.

    Raises:
        Refused: It is too much for one of them.
    """
    now = time.monotonic()
    found: list[_Asked] = []
    for bucket, subject in named:
        allowance, limit = bucket.find(subject), bucket.limit
        after = max(allowance.full_at, now) - now + limit.step
        if after - limit.seconds > 1e-9:
            raise _too_often(bucket, after - limit.seconds)
        found.append(_Asked(bucket, subject, allowance, after))
    return now, found


def _take(now: float, asked: list[_Asked]) -> tuple[Header, ...]:
    """Count one request with all of these."""
    for each in asked:
        each.bucket.take(each.subject, each.allowance, now + each.after)
    return _headers([(each.bucket, each.after) for each in asked])


def _headers(found: list[tuple[_Bucket, float]]) -> tuple[Header, ...]:
    """The fields of the IETF's draft "RateLimit header fields for HTTP"."""
    if not found:
        return ()
    return (
        (b"ratelimit-policy", b", ".join([bucket.policy for bucket, _ in found])),
        (b"ratelimit", b", ".join([bucket.state(after) for bucket, after in found])),
    )


def _too_often(bucket: _Bucket, over: float) -> Refused:
    """A refusal that says what is left in its headers too."""
    limit = bucket.limit
    error = RateLimited(
        f"There were too many requests of {_NAMES[limit.name]}: {limit.requests} in a "
        f"{bucket.per} are allowed.",
        limit=limit.name,
        retry_after=max(1, ceil(over)),
    )
    # As it is now: nothing is left, and the first request that is allowed again is the next step.
    headers = _headers([(bucket, limit.seconds + over)])
    if limit.name == "address":
        headers = (*headers, (b"connection", b"close"))
    return Refused(429, error, headers)


def _network(address: str) -> str:
    """What is counted as one address: whoever has one of IPv6 has a whole /64."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if known.version == 4:
        return address
    mapped = known.ipv4_mapped
    if mapped is not None:
        return str(mapped)
    return str(ipaddress.ip_network((known, 64), strict=False))
