"""Hashes of passwords: argon2id (RFC 9106), as OWASP's cheat sheet on storing passwords sets it.

Called by `users` and `sessions`. It works in a thread, one hash after the other: each takes 46 MiB
and some 50 ms on purpose, and a crowd that guesses must not take the machine.
"""

from __future__ import annotations

import asyncio
import unicodedata
from typing import Final

from muxi.core.errors import InvalidInput

LONGEST: Final = 1_024
"""Characters: enough for any phrase, and no work for who sends a megabyte."""
_AT_ONCE: Final = 1
_KIBIBYTES: Final = 47_104
_PASSES: Final = 1
_LANES: Final = 1


class Passwords:
    """Makes and checks hashes of passwords.

    Args:
        length: The fewest characters of a new one.
    """

    def __init__(self, *, length: int) -> None:
        self._length = length
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def hash(self, password: str, *, user: str) -> str:
        """The hash of a new password of `user`, with its parameters and its salt.

        Raises:
            InvalidInput: It is too short, too long, or the user's own name.
        """
        plain = _normal(password)
        if len(plain) < self._length:
            raise InvalidInput(f"A password has at least {self._length} characters.")
        if len(plain) > LONGEST:
            raise InvalidInput(f"A password has at most {LONGEST} characters.")
        if plain.casefold() == user.casefold() or len(set(plain)) < 4:
            raise InvalidInput("This password is too easy to guess.")
        async with self._turns:
            return await asyncio.to_thread(_hash, plain)

    async def verify(self, hashed: str | None, password: str) -> bool:
        """Whether `password` is the one of `hashed`.

        Without a hash it takes the same time, so that nobody learns which users there are.
        """
        if len(password) > LONGEST:
            return False
        async with self._turns:
            return await asyncio.to_thread(_verify, hashed, _normal(password))


def _normal(password: str) -> str:
    # Keyboards differ in how they compose an é; see RFC 8265, OpaqueString.
    return unicodedata.normalize("NFC", password)


def _hash(password: str) -> str:
    from argon2 import PasswordHasher

    return PasswordHasher(_PASSES, _KIBIBYTES, _LANES).hash(
        password.encode("utf-8", "surrogatepass")
    )


def _verify(hashed: str | None, password: str) -> bool:
    from argon2 import PasswordHasher
    from argon2.exceptions import InvalidHashError, VerificationError

    if hashed is None:
        _hash(password)
        return False
    try:
        return PasswordHasher().verify(hashed, password.encode("utf-8", "surrogatepass"))
    except (VerificationError, InvalidHashError):
        return False
