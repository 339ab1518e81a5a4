"""How often the server may be asked: by key, user and tenant, and by address without credentials.

Asked by the doors once the caller is known. Each limit is one number a subject (the generic cell
rate algorithm), and the number of subjects is bounded, so that no flood makes it grow.
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

    name: str
    limit: RateLimit
    full_at: OrderedDict[str, float]
    """When a subject may again ask all at once, by `time.monotonic`."""
    policy: bytes

    @classmethod
    def of(cls, name: str, limit: RateLimit | None) -> _Bucket | None:
        if limit is None:
            return None
        policy = f'"{name}";q={limit.requests};w={limit.seconds}'.encode()
        return cls(name, limit, OrderedDict(), policy)

    def after(self, subject: str, now: float) -> float:
        """Seconds until all that is used up has come back, if one more is asked now."""
        step = self.limit.seconds / self.limit.requests
        return max(self.full_at.get(subject, 0.0), now) - now + step

    def take(self, subject: str, now: float, after: float) -> None:
        self.full_at[subject] = now + after
        self.full_at.move_to_end(subject)
        if len(self.full_at) > _MOST:
            self.full_at.popitem(last=False)

    def state(self, after: float) -> bytes:
        step = self.limit.seconds / self.limit.requests
        left = max(0, int((self.limit.seconds - after) / step + 1e-9))
        return f'"{self.name}";r={left};t={ceil(after)}'.encode()


class Rates:
    """The limits of one server."""

    def __init__(self, limits: RateLimits) -> None:
        self._key = _Bucket.of("key", limits.key)
        self._user = _Bucket.of("user", limits.user)
        self._tenant = _Bucket.of("tenant", limits.tenant)
        self._address = _Bucket.of("address", limits.address)
        self._counts = any((self._key, self._user, self._tenant))

    def admit(self, caller: Caller) -> tuple[Header, ...]:
        """Count a request of somebody who is known; gives the headers that tell what is left.

        The person at this machine is never counted.

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
        return _take(named)

    def admit_stranger(self, address: str) -> tuple[Header, ...]:
        """Count a request without valid credentials.

        Args:
            address: Where it came from; empty for a socket of this machine, which is not counted.

        Raises:
            Refused: Too many come from there.
        """
        if self._address is None or not address:
            return ()
        return _take([(self._address, _network(address))])


def _take(named: list[tuple[_Bucket, str]]) -> tuple[Header, ...]:
    """Count one request with all of these, or with none of them."""
    now = time.monotonic()
    found = [(bucket, subject, bucket.after(subject, now)) for bucket, subject in named]
    for bucket, _, after in found:
        over = after - bucket.limit.seconds
        if over > 1e-9:
            raise _too_often(bucket, over)
    for bucket, subject, after in found:
        bucket.take(subject, now, after)
    return _headers(found)


def _headers(found: list[tuple[_Bucket, str, float]]) -> tuple[Header, ...]:
    """The fields of the IETF's draft "RateLimit header fields for HTTP"."""
    if not found:
        return ()
    return (
        (b"ratelimit-policy", b", ".join([bucket.policy for bucket, _, _ in found])),
        (b"ratelimit", b", ".join([bucket.state(after) for bucket, _, after in found])),
    )


def _too_often(bucket: _Bucket, over: float) -> Refused:
    """A refusal that says what is left in its headers too."""
    limit = bucket.limit
    error = RateLimited(
        f"There were too many requests of {_NAMES[bucket.name]}: {limit.requests} in a "
        f"{limit.per} are allowed.",
        limit=bucket.name,
        retry_after=max(1, ceil(over)),
    )
    # As it is now: nothing is left, and the first request that is allowed again is the next step.
    headers = _headers([(bucket, "", limit.seconds + over)])
    if bucket.name == "address":
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
