"""How often somebody may guess a password. Asked by `sessions` before and after each try.

Failures are rows, so that all processes of a database count together and a restart forgets
nothing. Names and addresses are stored as digests only, for some minutes.
"""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Final

from muxi.core.caller import DEFAULT_TENANT
from muxi.core.errors import AccessDenied
from muxi.core.scope import Scope
from muxi.storage import limits
from muxi.storage.transaction import Database, Tx

_SPAN: Final = 300_000_000
"""Microseconds after which failures are forgotten."""
_PROJECT: Final = Scope(DEFAULT_TENANT, None)
"""An address may try its luck in one tenant after the other."""

OF_PAIR: Final = 5
"""Failures of one address at one user."""
OF_ADDRESS: Final = 30
"""Failures of one address at any user."""
OF_USER: Final = 100
"""Failures at one user from anywhere: many, or a stranger could lock the user out."""


class Attempts:
    """Failures of the last minutes, by user, by address and by both."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counted = False

    async def check(self, user: str, address: str) -> None:
        """Raises `AccessDenied` if there were too many failures."""
        check = partial(_check, bounds=_bounds(user, address))
        await self._database.read(_PROJECT, check, tiny=True)

    async def tried(self, user: str, address: str, *, right: bool) -> None:
        """Count a try, or forget the failures of this address at this user if it was right.

        Raises:
            AccessDenied: There were too many failures meanwhile, of guesses that were tried at the
                same time; so that nothing is to be said of this one.
        """
        bounds = _bounds(user, address)
        count = partial(_succeed if right else _fail, bounds=bounds)
        await self._database.write(_PROJECT, count, tiny=True)
        self._counted = True

    async def sweep(self) -> None:
        """Remove what is forgotten from the database."""
        if self._counted:
            gone = partial(limits.sweep_guesses, span=_SPAN)
            await self._database.write(_PROJECT, gone, tiny=True)


_Bounds = list[tuple[str, int]]


def _bounds(user: str, address: str) -> _Bounds:
    """Each subject and how often it may fail: in one order, and of both first."""
    named = (("pair", OF_PAIR, user, address), ("address", OF_ADDRESS, address))
    return [
        (hashlib.sha256("\0".join((kind, *of)).encode("utf-8", "surrogatepass")).hexdigest(), most)
        for kind, most, *of in (*named, ("user", OF_USER, user))
    ]


def _check(tx: Tx, bounds: _Bounds) -> None:
    if any(limits.failures(tx, subject, span=_SPAN) >= most for subject, most in bounds):
        raise _too_many()


def _succeed(tx: Tx, bounds: _Bounds) -> None:
    _check(tx, bounds)
    limits.succeed(tx, bounds[0][0])


def _fail(tx: Tx, bounds: _Bounds) -> None:
    # Raised, so that the transaction is undone and what is refused not counted.
    if any(limits.fail(tx, subject, span=_SPAN) > most for subject, most in sorted(bounds)):
        raise _too_many()


def _too_many() -> AccessDenied:
    return AccessDenied("There were too many attempts to sign in.", hint="Wait some minutes.")
