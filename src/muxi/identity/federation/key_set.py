"""The public keys of an issuer: fetched when needed, kept for a while, fetched again on rotation.

Used by `tokens`. A token that names an unknown key makes it look again, but a flood of such tokens
does not make it look more often than every few seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from muxi.core.errors import AccessDenied, IdentityProviderUnavailable
from muxi.core.json_shapes import is_array, is_object
from muxi.identity.federation import fetching
from muxi.identity.federation.fetching import Document

if TYPE_CHECKING:
    from jwt import PyJWK

SHORTEST: Final = 60.0
LIFETIME: Final = 600.0
LONGEST: Final = 86_400.0
"""Seconds for which keys are kept: at least, if the issuer does not say, and at most."""
STALE: Final = 3_600.0
"""Seconds for which keys are used beyond that, while the issuer cannot be reached."""
PATIENCE: Final = 10.0
"""Seconds between two fetches that tokens with unknown keys can cause."""
_MOST: Final = 100
"""Keys of one issuer that are looked at."""
_PRIVATE: Final = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
"""Members of a JWK that make it a private or a shared key."""
_FAMILIES: Final = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
_CURVES: Final = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519"}
_SMALLEST_RSA: Final = 2_048
"""Bits."""


@dataclass(slots=True)
class _Keys:
    """The keys as they were fetched."""

    entries: Sequence[Mapping[str, Any]]
    until: float
    """When they should be fetched again, by the clock."""
    made: dict[tuple[int, str], PyJWK] = field(default_factory=dict[tuple[int, str], "PyJWK"])
    """Keys that were parsed, by place and algorithm."""


class KeySet:
    """The keys of one issuer.

    Args:
        where: Gives the address of its key set.
        get: Gives a document.
        clock: Seconds of a clock that nobody sets.
    """

    def __init__(
        self,
        where: Callable[[], Awaitable[str]],
        *,
        get: Callable[[str], Awaitable[Document]] = fetching.get,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._where = where
        self._get = get
        self._clock = clock
        self._keys: _Keys | None = None
        self._tried = -PATIENCE
        self._failure: IdentityProviderUnavailable | None = None
        """Why the last attempt failed, if it did."""
        self._lock = asyncio.Lock()
        self.generation = 0
        """Another number whenever there are other keys."""

    async def find(self, kid: str | None, algorithm: str) -> PyJWK:
        """The key with which a token of that header was signed.

        Raises:
            AccessDenied: There is no such key.
            IdentityProviderUnavailable: The issuer's keys cannot be had.
        """
        keys = await self._current()
        found = _find(keys, kid, algorithm)
        if found is None and self._clock() - self._tried >= PATIENCE:
            keys = await self._refreshed(keys)
            found = _find(keys, kid, algorithm)
        if found is None:
            raise AccessDenied("The issuer has no key that this token could be signed with.")
        return found

    @property
    def due(self) -> bool:
        """Whether the keys should be fetched again."""
        return self._keys is None or self._clock() >= self._keys.until

    async def _current(self) -> _Keys:
        keys = self._keys
        if keys is not None and self._clock() < keys.until:
            return keys
        return await self._refreshed(keys)

    async def _refreshed(self, before: _Keys | None) -> _Keys:
        """The keys, fetched again unless somebody else has done so since `before`."""
        async with self._lock:
            if self._keys is not None and self._keys is not before:
                return self._keys
            now = self._clock()
            usable = before if before is not None and now < before.until + STALE else None
            if self._failure is None or now - self._tried >= PATIENCE:
                self._tried, self._failure = now, None
                try:
                    return await self._fetched(before, now)
                except IdentityProviderUnavailable as error:
                    self._failure = error
            if usable is None:
                raise self._failure.with_traceback(None)
            return usable

    async def _fetched(self, before: _Keys | None, now: float) -> _Keys:
        document = await self._get(await self._where())
        fetched = _Keys(_entries(document.body), now + _lifetime(document.max_age))
        if before is None or list(before.entries) != list(fetched.entries):
            self.generation += 1
        self._keys = fetched
        return fetched


def _lifetime(max_age: float | None) -> float:
    return LIFETIME if max_age is None else min(max(max_age, SHORTEST), LONGEST)


def _entries(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    keys = body.get("keys")
    if not is_array(keys):
        raise IdentityProviderUnavailable("The issuer's key set has no list `keys`.")
    return [each for each in keys[:_MOST] if is_object(each)]


def _find(keys: _Keys, kid: str | None, algorithm: str) -> PyJWK | None:
    """The one key that fits; of several without a name none, since that would be guessing."""
    places = [
        place
        for place, entry in enumerate(keys.entries)
        if (kid is None or entry.get("kid") == kid) and _fits(entry, algorithm)
    ]
    return _made(keys, places[0], algorithm) if len(places) == 1 else None


def _fits(entry: Mapping[str, Any], algorithm: str) -> bool:
    """Whether a key may verify signatures of `algorithm`: what it says of itself must agree."""
    operations: Any = entry.get("key_ops")
    return (
        entry.get("kty") == _FAMILIES.get(algorithm[:2])
        and entry.get("crv") == _CURVES.get(algorithm)
        and entry.get("alg") in (None, algorithm)
        and entry.get("use") in (None, "sig")
        and (operations is None or (isinstance(operations, list) and "verify" in operations))
        and not any(name in entry for name in _PRIVATE)
    )


def _made(keys: _Keys, place: int, algorithm: str) -> PyJWK | None:
    known = keys.made.get((place, algorithm))
    if known is not None:
        return known
    from jwt import PyJWK
    from jwt.exceptions import PyJWTError

    try:
        made = PyJWK(dict(keys.entries[place]), algorithm)
    except PyJWTError:
        return None
    if getattr(made.key, "key_size", _SMALLEST_RSA) < _SMALLEST_RSA and algorithm[0] in "RP":
        return None
    keys.made[place, algorithm] = made
    return made
