"""Browsers that sign in: by password or by a link, and how their sessions end. Called by doors.

A session is a row, so that it can be listed and ended; what a browser keeps is its token.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from muxi.core.caller import DEFAULT_TENANT, LOCAL_USER
from muxi.core.errors import AccessDenied, Conflict, NotFound
from muxi.core.identities import Session
from muxi.core.pages import Page
from muxi.identity import tokens
from muxi.identity.attempts import Attempts
from muxi.identity.callers import standing_of
from muxi.identity.directory import Directory
from muxi.identity.passwords import Passwords
from muxi.storage import credentials, users
from muxi.storage.credentials import Stored
from muxi.storage.records import SECOND, instant, now_micros
from muxi.storage.transaction import Tx, only_if

LINK_SECONDS: Final = 15 * 60
_LONGEST: Final = 300
"""Characters that are kept of what a browser says of itself."""


@dataclass(frozen=True, slots=True)
class Browser:
    """What is known of a browser that signs in."""

    address: str = ""
    client: str = ""

    def told(self, how: str) -> dict[str, str]:
        """What is kept with its session."""
        return {"how": how, "address": self.address, "client": self.client[:_LONGEST]}


class Sessions:
    """Makes, finds and ends sessions.

    Args:
        directory: Where they are kept.
        passwords: Checks passwords.
        attempts: Counts who guesses them.
        days: Days after which a session ends.
        with_passwords: Whether users may sign in with a password.
    """

    def __init__(
        self,
        directory: Directory,
        passwords: Passwords,
        attempts: Attempts,
        *,
        days: int,
        with_passwords: bool,
        clock: Callable[[], int] = now_micros,
    ) -> None:
        self.seconds = days * 24 * 3600
        """How long a session lasts at most."""
        self.with_passwords = with_passwords
        self._directory = directory
        self._passwords = passwords
        self._attempts = attempts
        self._clock = clock

    async def sign_in(self, tenant: str, name: str, password: str, browser: Browser) -> str:
        """The token of a new session of the user with that id or address.

        Raises:
            AccessDenied: They are not, or not with this password, or tried too often.
        """
        if not self.with_passwords:
            raise AccessDenied("Nobody signs in with a password here.")
        key = f"{tenant}/{name.casefold()}"
        await self._attempts.check(key, browser.address)
        account = await self._directory.read(tenant, partial(users.find, name=name))
        hashed = None if account is None else account.password
        right = await self._passwords.verify(hashed, password)
        await self._attempts.tried(key, browser.address, right=right)
        if not right or account is None:
            raise _wrong()
        user = account.user.id

        def unchanged(tx: Tx) -> None:
            if users.account(tx, user).password != hashed:
                raise _wrong()

        # Whoever changes a password ends what was begun with the old one.
        with only_if(unchanged):
            return await self.begin(tenant, user, browser, how="password")

    async def is_password(self, tenant: str, user: str, password: str, *, address: str) -> bool:
        """Whether this is the password of a user, who is asked for it once more.

        Raises:
            AccessDenied: It was tried too often.
        """
        key = f"{tenant}/{user.casefold()}"
        await self._attempts.check(key, address)
        account = await self._directory.read(tenant, partial(users.account, id=user))
        right = await self._passwords.verify(account.password, password)
        await self._attempts.tried(key, address, right=right)
        return right

    async def begin(
        self,
        tenant: str,
        user: str,
        browser: Browser,
        *,
        how: str,
        seconds: float | None = None,
        grant: str | None = None,
    ) -> str:
        """The token of a new session of a user who has been recognised.

        Args:
            tenant: The user's.
            user: Who it is.
            browser: Whose it is.
            how: The way in which they were recognised.
            seconds: How long it lasts at most, if that is less than others.
            grant: What to keep of an identity provider; see `federation.sessions`.

        Raises:
            AccessDenied: The user may not sign in.
        """
        token = tokens.fresh("session", tenant)

        def add(tx: Tx) -> None:
            standing_of(tx, user)
            credentials.delete_expired(tx, "session", self._clock())
            about = browser.told(how) | ({} if grant is None else {"grant": grant})
            self._add(tx, token, user, about, seconds)

        await self._directory.change(tenant, add)
        return token.text

    async def grant(self, tenant: str, id: str) -> str | None:
        """What is kept of the identity provider of a session. Raises `NotFound`."""
        read = partial(credentials.get, kind="session", id=id)
        found = (await self._directory.read(tenant, read)).about.get("grant")
        return found if isinstance(found, str) else None

    async def keep_grant(self, tenant: str, id: str, grant: str) -> None:
        """Keep something else of it. Raises `NotFound`."""

        def change(tx: Tx) -> None:
            found = credentials.get(tx, "session", id)
            credentials.update(tx, replace(found, about={**found.about, "grant": grant}))

        await self._directory.change(tenant, change)

    async def swap_grant(self, tenant: str, id: str, seen: str, grant: str) -> bool:
        """Keep something else of it, unless somebody else has done so since `seen` was read, or has
        ended the session; gives whether it is kept."""

        def unchanged(tx: Tx) -> None:
            if credentials.get(tx, "session", id).about.get("grant") != seen:
                raise Conflict

        try:
            with only_if(unchanged):
                await self.keep_grant(tenant, id, grant)
        except (Conflict, NotFound):
            return False
        return True

    async def link(
        self,
        tenant: str = DEFAULT_TENANT,
        user: str = LOCAL_USER,
        *,
        seconds: int = LINK_SECONDS,
    ) -> tuple[str, int]:
        """The token of a link that signs one browser in, once, and when it ends to be good.

        Raises:
            AccessDenied: The user may not sign in.
        """
        token, now = tokens.fresh("link", tenant), self._clock()
        new = Stored(
            id=token.id,
            kind="link",
            user=user,
            digest=token.digest,
            created_at=now,
            expires_at=now + seconds * SECOND,
        )

        def add(tx: Tx) -> None:
            standing_of(tx, user)
            credentials.delete_expired(tx, "link", now)
            credentials.add(tx, new)

        await self._directory.change(tenant, add)
        return token.text, now + seconds * SECOND

    async def redeem(self, text: str, browser: Browser) -> str:
        """The token of a new session for whoever has a link.

        Raises:
            AccessDenied: The link is unknown, used up or too old.
        """
        link = tokens.parse(text)
        if link is None or link.kind != "link":
            raise _used_up()
        token = tokens.fresh("session", link.tenant)

        def exchange(tx: Tx) -> None:
            found = credentials.find(tx, link.id)
            if found is None or not hmac.compare_digest(found.digest, link.digest):
                raise _used_up()
            if found.expires_at is None or found.expires_at <= self._clock():
                raise _used_up()
            standing_of(tx, found.user)
            credentials.delete(tx, "link", link.id)
            self._add(tx, token, found.user, browser.told("link"))

        await self._directory.change(link.tenant, exchange)
        return token.text

    async def page(
        self, tenant: str, user: str | None = None, *, cursor: str | None = None, limit: int = 50
    ) -> Page[Session]:
        """The sessions of a user, or of all of a tenant, the oldest first."""
        read = partial(credentials.page, kind="session", user=user, after=cursor, limit=limit)
        found = await self._directory.read(tenant, read)
        now = self._clock()
        items = [_shown(one) for one in found.items if one.expires_at and one.expires_at > now]
        return Page[Session](items=items, next=found.next)

    async def end(self, tenant: str, id: str, *, of: str) -> None:
        """End a session of a user. Raises `NotFound`."""

        def end(tx: Tx) -> None:
            if credentials.get(tx, "session", id).user != of:
                raise NotFound(f"There is no session {id}.", id=id)
            credentials.delete(tx, "session", id)

        await self._directory.change(tenant, end)

    async def end_all(self, tenant: str, user: str, *, keep: str | None = None) -> int:
        """End all sessions of a user, save for the one to keep; gives their number.

        Links that would sign in the user end too: whoever made them had a session.
        """
        return await self._directory.change(tenant, partial(end_sessions, user=user, keep=keep))

    def _add(
        self,
        tx: Tx,
        token: tokens.Token,
        user: str,
        about: dict[str, str],
        seconds: float | None = None,
    ) -> None:
        now = self._clock()
        lasts = self.seconds if seconds is None else min(self.seconds, seconds)
        new = Stored(
            id=token.id,
            kind="session",
            user=user,
            digest=token.digest,
            created_at=now,
            expires_at=now + int(lasts * SECOND),
            used_at=now,
            about=about,
        )
        credentials.add(tx, new)


def end_sessions(tx: Tx, user: str, *, keep: str | None = None) -> int:
    """End the sessions of a user, save for the one to keep, and links; gives the sessions."""
    credentials.delete_of(tx, user, "link")
    return credentials.delete_of(tx, user, "session", keep=keep)


def _wrong() -> AccessDenied:
    return AccessDenied("Name or password is wrong.")


def _shown(stored: Stored) -> Session:
    return Session(
        id=stored.id,
        user=stored.user,
        created_at=instant(stored.created_at),
        expires_at=instant(stored.expires_at or 0),
        used_at=None if stored.used_at is None else instant(stored.used_at),
        address=stored.about.get("address") or None,
        client=stored.about.get("client") or None,
        how=stored.about.get("how", "link"),
    )


def _used_up() -> AccessDenied:
    return AccessDenied(
        "This sign-in link is used up or too old.", hint="`muxi open` makes a new one."
    )
