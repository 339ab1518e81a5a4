"""Checks signed tokens (JWT, RFC 7519 and 8725): signature, algorithm, issuer, audience, times.

Used for tokens that programs send, and by `provider` for ID tokens. A token says nothing about how
it is to be checked: what it claims of its algorithm, its key and its address only narrows what the
project allows.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from json import loads
from typing import Any, Final

from muxi.core.errors import AccessDenied
from muxi.core.json_shapes import is_object
from muxi.identity.federation.key_set import KeySet

LONGEST: Final = 16_384
"""Characters of the longest token that is looked at."""
_FORM: Final = re.compile(r"[\w-]+\.[\w-]+\.[\w-]*", re.ASCII)
_REMEMBERED: Final = 4_096
"""Tokens that were found good and are not computed again."""
_LONGEST_SUBJECT: Final = 255
_EPOCH_END: Final = 253_402_300_800
"""A time that no honest token bears, so that arithmetic with it cannot fail."""

Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a token of one issuer must be."""

    issuer: str
    audience: Sequence[str]
    """It must be for one of them."""
    algorithms: Sequence[str]
    leeway: float = 60.0
    """Seconds by which the clocks may differ."""
    max_age: float | None = None
    """Seconds after its issue at which it ends, if it does not before."""
    types: Sequence[str | None] = (None, "jwt", "at+jwt", "application/at+jwt")
    """What its header may say that it is, in lower case."""


@dataclass(slots=True)
class _Good:
    claims: Claims
    generation: int


@dataclass(slots=True)
class Checker:
    """Checks tokens of one issuer.

    Args:
        rules: What they must be.
        keys: The issuer's keys.
    """

    rules: Rules
    keys: KeySet
    _good: OrderedDict[bytes, _Good] = field(default_factory=OrderedDict[bytes, _Good])

    async def check(self, token: str) -> Claims:
        """What a token says, if it is good.

        Raises:
            AccessDenied: It is not; the message says why, and is for the log only.
            IdentityProviderUnavailable: The issuer's keys cannot be had.
        """
        digest = hashlib.sha256(token.encode()).digest()
        known = self._good.get(digest)
        if known is not None and known.generation == self.keys.generation and not self.keys.due:
            self._check_times(known.claims)
            return known.claims
        header = header_of(token)
        algorithm, kid = header["alg"], header.get("kid")
        if algorithm not in self.rules.algorithms:
            raise AccessDenied(f"Its algorithm {str(algorithm)[:20]!r} is not allowed.")
        kind = header.get("typ")
        if (kind.lower() if isinstance(kind, str) else kind) not in self.rules.types:
            raise AccessDenied(f"It is a token of another kind: {str(kind)[:40]!r}.")
        key = await self.keys.find(kid if isinstance(kid, str) else None, algorithm)
        claims = self._decoded(token, key, algorithm)
        self._check_times(claims)
        self._remember(digest, claims)
        return claims

    def _decoded(self, token: str, key: Any, algorithm: str) -> Claims:
        import jwt

        try:
            claims: Claims = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=list(self.rules.audience),
                issuer=self.rules.issuer,
                options={
                    "require": ["iss", "sub", "aud", "exp", "iat"],
                    # Times are checked by `_check_times`, also for tokens that were seen before.
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except jwt.PyJWTError as error:
            raise AccessDenied(f"{str(error)[:200] or type(error).__name__}.") from None
        except (ValueError, TypeError, RecursionError, OverflowError):
            raise AccessDenied("It cannot be read.") from None
        subject = claims["sub"]
        if not subject or len(subject) > _LONGEST_SUBJECT:
            raise AccessDenied("Its subject is empty or too long.")
        return claims

    def _check_times(self, claims: Claims) -> None:
        """Raise `AccessDenied` unless the token is good now, by the clock on the wall."""
        rules, now = self.rules, time.time()
        issued, ends = _seconds(claims, "iat"), _seconds(claims, "exp")
        if rules.max_age is not None:
            ends = min(ends, issued + rules.max_age)
        if now >= ends + rules.leeway:
            raise AccessDenied("It has expired.")
        begins = max(issued, _seconds(claims, "nbf") if "nbf" in claims else issued)
        if now < begins - rules.leeway:
            raise AccessDenied("It is not good yet: its issuer's clock is ahead of this one.")

    def _remember(self, digest: bytes, claims: Claims) -> None:
        self._good[digest] = _Good(claims, self.keys.generation)
        self._good.move_to_end(digest)
        if len(self._good) > _REMEMBERED:
            self._good.popitem(last=False)


def is_token(text: str) -> bool:
    """Whether `text` has the form of a signed token, whatever is in it."""
    return len(text) <= LONGEST and _FORM.fullmatch(text) is not None


def header_of(token: str) -> dict[str, Any]:
    """What a token says of how it was signed. Nothing of it is proven.

    Raises:
        AccessDenied: It is no token, or asks for what is not understood.
    """
    header = _part(token, 0)
    if not isinstance(header.get("alg"), str):
        raise AccessDenied("It names no algorithm.")
    if "crit" in header:
        raise AccessDenied("It asks for extensions that are not known here.")
    return header


def issuer_of(token: str) -> str | None:
    """Who a token says has issued it. Nothing of it is proven.

    Raises:
        AccessDenied: It is no token.
    """
    issuer = _part(token, 1).get("iss")
    return issuer if isinstance(issuer, str) else None


def half_hash(value: str, algorithm: str) -> str:
    """What an ID token holds of a value that came with it (OpenID Connect Core, 3.1.3.6)."""
    bits = {"384": hashlib.sha384, "512": hashlib.sha512}.get(algorithm[-3:], hashlib.sha256)
    if algorithm == "EdDSA":
        bits = hashlib.sha512
    digest = bits(value.encode()).digest()
    return urlsafe_b64encode(digest[: len(digest) // 2]).decode().rstrip("=")


def equal(one: object, other: str) -> bool:
    """Whether both are the same text, without telling by the time it takes how much of it is."""
    return isinstance(one, str) and hmac.compare_digest(one.encode(), other.encode())


def _part(token: str, place: int) -> dict[str, Any]:
    if not is_token(token):
        raise AccessDenied("It is no signed token.")
    text = token.split(".")[place]
    try:
        value = loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (Base64Error, ValueError, RecursionError):
        raise AccessDenied("It is no signed token.") from None
    if not is_object(value):
        raise AccessDenied("It is no signed token.")
    return value


def _seconds(claims: Claims, name: str) -> float:
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise AccessDenied(f"Its `{name}` is no time.")
    if not -_EPOCH_END < value < _EPOCH_END:
        raise AccessDenied(f"Its `{name}` is no time.")
    return value
