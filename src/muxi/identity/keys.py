"""Keys of the API: made, listed, rotated and revoked. Called by doors, as `runtime.identity.keys`.

A key does no more than its scopes and its user allow; only a digest of it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

from muxi.core.errors import Conflict, InvalidInput
from muxi.core.identities import Key, NewKey
from muxi.core.pages import Page
from muxi.identity import tokens
from muxi.identity.audit.log import tell
from muxi.identity.callers import standing_of
from muxi.identity.directory import Directory
from muxi.storage import credentials
from muxi.storage.credentials import Stored
from muxi.storage.records import DAY, SECOND, instant, micros, now_micros
from muxi.storage.transaction import Tx

_SHOWN_FOR: Final = 30 * DAY
"""How long an expired key is still listed."""


class Keys:
    """The keys of each tenant's users.

    Args:
        directory: Where they are kept.
        days: The most days that a key may be good for; None for no bound.
    """

    def __init__(
        self,
        directory: Directory,
        *,
        days: int | None,
        clock: Callable[[], int] = now_micros,
    ) -> None:
        self._directory = directory
        self._longest = None if days is None else days * DAY
        self._clock = clock

    async def create(
        self,
        tenant: str,
        user: str,
        *,
        name: str = "",
        scopes: Sequence[str] | None = None,
        expires_at: datetime | None = None,
    ) -> NewKey:
        """A new key of a user.

        Args:
            tenant: The user's.
            user: Whose rights it has.
            name: What it is for.
            scopes: Patterns of actions; None for all that its user may do.
            expires_at: When it ends to be good; None for never, or as late as keys may be.

        Raises:
            AccessDenied: There is no such user, or they are disabled.
            InvalidInput: It would have expired already, or live longer than keys may.
        """
        now = self._clock()
        expiry = self._expiry(now, None if expires_at is None else micros(expires_at))
        token = tokens.fresh("key", tenant)
        new = Stored(
            id=token.id,
            kind="key",
            user=user,
            digest=token.digest,
            created_at=now,
            expires_at=expiry,
            scopes=None if scopes is None else sorted(set(scopes)),
            about={"name": name},
        )

        def add(tx: Tx) -> None:
            standing_of(tx, user)
            credentials.delete_expired(tx, "key", now - _SHOWN_FOR)
            credentials.add(tx, new)

        tell(key=token.id, user=user)
        await self._directory.change(tenant, add)
        return NewKey(**_shown(tenant, new).model_dump(), key=token.text)

    async def get(self, tenant: str, id: str) -> Key:
        """Raises `NotFound`."""
        return await self._directory.read(tenant, self.reading(id))

    def reading(self, id: str) -> Callable[[Tx], Key]:
        """How `get` reads, inside of a transaction."""

        def read(tx: Tx) -> Key:
            return _shown(tx.scope.tenant, credentials.get(tx, "key", id))

        return read

    async def page(
        self, tenant: str, user: str | None = None, *, cursor: str | None = None, limit: int = 50
    ) -> Page[Key]:
        """The keys of a user, or of all of a tenant, the oldest first."""
        await self._directory.callers.note_uses()
        read = partial(credentials.page, kind="key", user=user, after=cursor, limit=limit)
        found = await self._directory.read(tenant, read)
        return Page[Key](items=[_shown(tenant, one) for one in found.items], next=found.next)

    async def rotate(self, tenant: str, id: str, *, overlap: int = 0) -> NewKey:
        """A new key in the place of an old one, which stays good for some time.

        Args:
            tenant: The tenant.
            id: The old key, whose name, scopes and length of life the new one has, if keys may live
                as long.
            overlap: Seconds for which both are good.

        Raises:
            NotFound: There is no such key.
            Conflict: It has expired or been replaced.
        """
        token, now = tokens.fresh("key", tenant), self._clock()

        def change(tx: Tx) -> Stored:
            old = credentials.get(tx, "key", id)
            standing_of(tx, old.user)
            if "replaced_by" in old.about or (old.expires_at and old.expires_at <= now):
                raise Conflict("This key has expired or been replaced.", id=id)
            lives = (self._longest, old.expires_at and old.expires_at - old.created_at)
            life = min((each for each in lives if each is not None), default=None)
            new = replace(
                old,
                id=token.id,
                digest=token.digest,
                created_at=now,
                expires_at=None if life is None else now + life,
                used_at=None,
            )
            credentials.add(tx, new)
            last = now + overlap * SECOND
            credentials.update(
                tx,
                replace(
                    old,
                    expires_at=min(last, old.expires_at or last),
                    about={**old.about, "replaced_by": token.id},
                ),
            )
            return new

        tell(key=token.id)
        new = await self._directory.change(tenant, change)
        return NewKey(**_shown(tenant, new).model_dump(), key=token.text)

    async def revoke(self, tenant: str, id: str) -> None:
        """Let a key be good for nothing, at once. Raises `NotFound`."""
        await self._directory.change(tenant, partial(credentials.delete, kind="key", id=id))

    def _expiry(self, now: int, wanted: int | None) -> int | None:
        latest = None if self._longest is None else now + self._longest
        if wanted is None:
            return latest
        if wanted <= now:
            raise InvalidInput("The key would have expired already.")
        if latest is not None and wanted > latest:
            days = (self._longest or 0) // DAY
            raise InvalidInput(f"Keys of this project are good for {days} days at most.")
        return wanted


def _shown(tenant: str, stored: Stored) -> Key:
    return Key(
        id=stored.id,
        user=stored.user,
        name=stored.about.get("name", ""),
        prefix=tokens.prefix("key", tenant, stored.id),
        scopes=stored.scopes,
        created_at=instant(stored.created_at),
        expires_at=None if stored.expires_at is None else instant(stored.expires_at),
        used_at=None if stored.used_at is None else instant(stored.used_at),
        replaced_by=stored.about.get("replaced_by"),
    )
