"""Sessions that an identity provider has granted, and asking it again whether they still hold.

Called by `runtime.federation`. What the provider gave is sealed and kept with the session's row, so
that it goes when that goes, and is never shown to the browser.
"""

from __future__ import annotations

import asyncio
import logging
import time
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

from pydantic import ValidationError

from muxi.core.caller import Caller
from muxi.core.errors import AccessDenied, IdentityProviderUnavailable, NotFound, StorageError
from muxi.core.record import Record
from muxi.identity.federation.provider import Granted, Provider
from muxi.identity.sessions import Sessions

GRACE: Final = 3_600.0
"""Seconds for which a session goes on while its provider cannot be asked."""
_AGAIN: Final = 30.0
"""Seconds after which a provider that could not be asked is asked again."""
_CLAIM: Final = 60.0
"""Seconds for which a process that renews a session is left alone with it: a refresh token that
comes twice looks stolen, and some providers then end all that came of it (RFC 9700, 4.14.2)."""
_PAUSES: Final = (0.1, 0.4, 1.5, 5.0)
"""Seconds between tries to keep what no provider gives twice."""
_MOST: Final = 100_000
_NEVER: Final = float("inf")
_PURPOSE: Final = "grant of an identity provider"
_log = logging.getLogger("muxi.identity")


class Seal(Protocol):
    """Seals what is stored."""

    async def seal(self, plain: bytes, purpose: str) -> bytes: ...

    async def unseal(self, sealed: bytes, purpose: str) -> bytes: ...


class Grant(Record):
    """What a provider gave with a session."""

    provider: str
    subject: str
    sid: str | None = None
    """The provider's own name for the session."""
    id_token: str | None = None
    refresh_token: str | None = None
    asked_at: float
    """When the provider last said that the session holds, in seconds since 1970."""
    claimed_at: float | None = None
    """When a process began to ask it anew."""

    @classmethod
    def of(cls, provider: Provider, granted: Granted) -> Grant:
        """What to keep of what was just given."""
        sid = granted.claims.get("sid")
        return cls(
            provider=provider.name,
            subject=str(granted.claims["sub"]),
            sid=sid if isinstance(sid, str) else None,
            id_token=granted.id_token,
            refresh_token=granted.refresh_token,
            asked_at=time.time(),
        )


Arrive = Callable[[Provider, Granted], Awaitable[str]]
"""Takes over what a provider says of somebody, and gives the user that they are."""


@dataclass(slots=True)
class GrantedSessions:
    """The sessions of all providers of a project.

    Args:
        sessions: Where they are.
        seal: Seals what is kept with them.
        providers: The project's.
        arrive: See `Arrive`.
    """

    sessions: Sessions
    seal: Seal
    providers: Callable[[str], Awaitable[Provider]]
    arrive: Arrive
    _due: dict[str, float] = field(default_factory=dict[str, float])
    """By session, when its provider is to be asked, by the clock that nobody sets."""
    _asking: dict[str, asyncio.Task[None]] = field(default_factory=dict[str, asyncio.Task[None]])
    """By session, who asks its provider now: a request that goes away does not stop it half-way."""

    async def close(self) -> None:
        """Let what has begun come to its end; what does not soon is given up."""
        if self._asking:
            _, late = await asyncio.wait(list(self._asking.values()), timeout=sum(_PAUSES))
            for task in late:
                task.cancel()
            # What they have been given is still kept: the database must not be closed before.
            await asyncio.gather(*late, return_exceptions=True)

    async def sealed(self, grant: Grant) -> str:
        """A grant as it is kept."""
        plain = grant.model_dump_json(exclude_none=True).encode()
        return b64encode(await self.seal.seal(plain, _PURPOSE)).decode()

    async def grant(self, tenant: str, id: str) -> Grant | None:
        """What was granted with a session; None if no provider has."""
        try:
            text = await self.sessions.grant(tenant, id)
        except NotFound:
            return None
        return None if text is None else await self._opened(text)

    async def _opened(self, text: str) -> Grant:
        try:
            return Grant.model_validate_json(await self.seal.unseal(b64decode(text), _PURPOSE))
        except (StorageError, ValidationError, ValueError):
            raise AccessDenied("What was granted with this session cannot be read.") from None

    async def check(self, caller: Caller) -> None:
        """Ask the provider of a session, if it is time, whether it still holds.

        Raises:
            AccessDenied: It does not; it is ended.
            IdentityProviderUnavailable: The provider has not answered for too long.
        """
        session = caller.credential.id
        if time.monotonic() < self._due.get(session, 0.0):
            return
        asking = self._asking.get(session)
        if asking is None:
            asking = asyncio.create_task(self._ask(caller, session), name=f"renew {session}")
            self._asking[session] = asking
            asking.add_done_callback(lambda _: self._asking.pop(session))
        await asyncio.shield(asking)

    async def _ask(self, caller: Caller, session: str) -> None:
        seconds = await self._asked(caller, session)
        if len(self._due) >= _MOST:
            self._due.clear()
        self._due[session] = time.monotonic() + seconds

    async def _asked(self, caller: Caller, id: str) -> float:
        """Seconds until the provider of a session is to be asked again."""
        grant = await self.grant(caller.tenant, id)
        if grant is None:
            return _NEVER
        try:
            provider = await self.providers(grant.provider)
        except NotFound:
            await self._end(caller, id)
            raise AccessDenied("The provider of this session is not used any more.") from None
        if grant.refresh_token is None:
            return _NEVER
        age = time.time() - grant.asked_at
        if 0 <= age < provider.settings.recheck:
            return provider.settings.recheck - age
        if not await self._claimed(caller, id, grant):
            return _AGAIN
        try:
            return await self._renewed(caller, id, grant, provider)
        except IdentityProviderUnavailable as error:
            if not 0 <= age < provider.settings.recheck + GRACE:
                raise
            _log.warning("%s: %s", grant.provider, error.message)
            return _AGAIN

    async def _claimed(self, caller: Caller, id: str, grant: Grant) -> bool:
        """Whether it is this process that asks the provider now."""
        now, seen = time.time(), await self.sessions.grant(caller.tenant, id)
        if grant.claimed_at is not None and 0 <= now - grant.claimed_at < _CLAIM:
            return False
        if seen is None or await self._opened(seen) != grant:
            return False
        claim = await self.sealed(grant.model_copy(update={"claimed_at": now}))
        return await self.sessions.swap_grant(caller.tenant, id, seen, claim)

    async def _renewed(self, caller: Caller, id: str, grant: Grant, provider: Provider) -> float:
        """Seconds until its provider, which has just granted a claimed session anew, is asked."""
        assert grant.refresh_token is not None
        latest = grant

        async def keep(refresh_token: str) -> None:
            nonlocal latest
            latest = grant.model_copy(update={"refresh_token": refresh_token})
            # Still claimed: another process that showed this token would make ours the old one.
            await self._keep(caller, id, latest.model_copy(update={"claimed_at": time.time()}))

        try:
            granted = await provider.renew(grant.refresh_token, grant.subject, keep)
            await self.arrive(provider, granted)
            latest = Grant.of(provider, granted)
            latest.id_token = latest.id_token or grant.id_token
            latest.sid = latest.sid or grant.sid
        except AccessDenied as error:
            _log.info("A session of %s has ended: %s", grant.provider, error.message)
            await self._end(caller, id)
            raise
        finally:
            with suppress(NotFound):
                await self._keep(caller, id, latest)
        return provider.settings.recheck

    async def _keep(self, caller: Caller, id: str, grant: Grant) -> None:
        """Keep what cannot be had again; a database that is away is waited for."""
        sealed = await self.sealed(grant)
        for pause in _PAUSES:
            with suppress(StorageError):
                return await self.sessions.keep_grant(caller.tenant, id, sealed)
            await asyncio.sleep(pause)
        return await self.sessions.keep_grant(caller.tenant, id, sealed)

    async def _end(self, caller: Caller, id: str) -> None:
        try:
            await self.sessions.end(caller.tenant, id, of=caller.user or "")
        except NotFound:
            return
