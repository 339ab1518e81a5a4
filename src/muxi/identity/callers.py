"""Finds the caller to whom a key or a session belongs. Asked by doors for every request.

What was found is kept by a digest of the credential, so that a request costs no question to the
database. On SQLite this process makes every change itself and forgets what it touches; elsewhere
the tenant's revision is looked at once a second.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from muxi.core.caller import DEFAULT_TENANT, LOCAL_CALLER, LOCAL_USER, Caller, Credential
from muxi.core.errors import AccessDenied, NotFound
from muxi.core.identities import User
from muxi.core.scope import Scope
from muxi.identity import tokens
from muxi.storage import credentials, tenants, users
from muxi.storage.records import now_micros
from muxi.storage.transaction import Database, Tx

_FRESH: Final = 1.0
"""Seconds for which a tenant's revision is believed, where others may change it."""
_USE_EVERY: Final = 60_000_000
"""Microseconds between two notes of a credential's use."""
_MOST: Final = 100_000
"""Credentials of a tenant that are kept."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a user may draw on: their own roles and their groups'."""

    roles: frozenset[str]
    groups: frozenset[str]


@dataclass(slots=True)
class _Known:
    """A credential that was found to be good."""

    caller: Caller
    expires_at: int
    idle: int
    """Microseconds without use after which it is good for nothing."""
    used_at: int
    noted_at: int

    def idle_at(self, now: int) -> bool:
        """Whether it has not been used for too long."""
        return now - self.used_at >= self.idle


@dataclass(slots=True)
class _Tenant:
    """What is kept of one tenant."""

    revision: int
    checked: float
    credentials: dict[bytes, _Known] = field(default_factory=dict[bytes, _Known])
    standings: dict[str, Standing] = field(default_factory=dict[str, Standing])


_NEVER: Final = 2**62


class Callers:
    """Who shows what.

    Args:
        database: Where credentials are.
        idle: Microseconds after which an unused session ends.
        clock: Microseconds since 1970.
    """

    def __init__(
        self,
        database: Database,
        *,
        idle: int,
        clock: Callable[[], int] = now_micros,
    ) -> None:
        self._database = database
        self._alone = database.dialect == "sqlite"
        self._idle = idle
        self._clock = clock
        self._tenants: dict[str, _Tenant] = {}
        self._changes = 0
        """Of this process. What was read before one is not kept after it."""
        self.on_change: list[Callable[[str], None]] = []
        """Told the tenant after each change that this process has made: something of it may not be
        good any more."""
        self._uses: dict[str, dict[str, int]] = {}
        """By tenant and credential, when it was last used, as long as that is not stored."""

    async def identify(self, text: str) -> Caller | None:
        """The caller whose key or session `text` is; None if it is neither.

        Raises:
            AccessDenied: It is one, and not good, or not any more.
        """
        token = tokens.parse(text)
        if token is None or token.kind == "link":
            return None
        digest = hashlib.sha256(text.encode()).digest()
        kept = await self._kept(token.tenant)
        known = kept.credentials.get(digest)
        if known is None or (known.idle_at(self._clock()) and not self._alone):
            known = await self._load(kept, token, digest)
        now = self._clock()
        if now >= known.expires_at or known.idle_at(now):
            raise AccessDenied("This credential has expired.")
        # Not back: a clock that was wrong for a while ends nothing.
        known.used_at = max(known.used_at, now)
        if now - known.noted_at >= _USE_EVERY:
            known.noted_at = now
            self._uses.setdefault(token.tenant, {})[token.id] = now
        return known.caller

    async def standing(self, tenant: str, user: str) -> Standing:
        """What a user of a tenant draws on, for credentials that are not kept here.

        Raises:
            AccessDenied: There is no such user, or nothing of theirs is good.
        """
        if (tenant, user) == (DEFAULT_TENANT, LOCAL_USER):
            return Standing(LOCAL_CALLER.roles, LOCAL_CALLER.groups)
        kept = await self._kept(tenant)
        found = kept.standings.get(user)
        if found is None:
            read, changes = partial(standing_of, user=user), self._changes
            found = await self._database.read(Scope(tenant, None), read, tiny=True)
            if self._changes == changes:
                self._keep(tenant, kept).standings[user] = found
        return found

    async def roles_of(self, tenant: str, user: str) -> frozenset[str]:
        """The roles of a user, also of one who may not sign in now. Raises `NotFound`."""
        return await self._database.read(
            Scope(tenant, None), lambda tx: _roles(tx, users.get(tx, user)), tiny=True
        )

    async def renewed(self, caller: Caller) -> Caller:
        """What a caller may draw on now, who was identified before, perhaps by another process.

        A session may have ended meanwhile, and so may a token's time: what was begun goes on. A
        key that was revoked is good for nothing more.

        Raises:
            AccessDenied: The user is gone or disabled, or the key is revoked.
        """
        shown = caller.credential
        if shown.kind not in ("session", "key", "jwt") or caller.user is None:
            return caller
        standing = await self.standing(caller.tenant, caller.user)
        if shown.kind == "jwt":
            return caller  # what its token grants beside is not to be had again
        if shown.kind == "key":
            read = partial(credentials.find, id=shown.id)
            stored = await self._database.read(Scope(caller.tenant, None), read, tiny=True)
            if stored is None:
                raise AccessDenied("The key that this was begun with is revoked.")
            scopes = None if stored.scopes is None else frozenset(stored.scopes)
            shown = replace(shown, scopes=scopes)
        return replace(caller, credential=shown, roles=standing.roles, groups=standing.groups)

    def forget(self, tenant: str) -> None:
        """Look again at whatever belongs to a tenant: something of it has changed."""
        self._changes += 1
        self._tenants.pop(tenant, None)
        for listener in self.on_change:
            listener(tenant)

    async def note_uses(self) -> None:
        """Store when credentials were last used, if that is not stored yet."""
        uses, self._uses = self._uses, {}
        for tenant, used in uses.items():
            await self._database.write(
                Scope(tenant, None), partial(credentials.note_use, used=used)
            )

    async def _kept(self, name: str) -> _Tenant:
        """What is kept of a tenant, which is nothing once others have changed it."""
        tenant = self._tenants.get(name)
        if tenant is not None and (self._alone or time.monotonic() - tenant.checked < _FRESH):
            return tenant
        checked, revision = time.monotonic(), 0
        if not self._alone:
            revision = await self._database.read(Scope(name, None), tenants.revision, tiny=True)
        if tenant is None or tenant.revision != revision:
            return _Tenant(revision, checked)
        tenant.checked = checked
        return tenant

    def _keep(self, name: str, tenant: _Tenant) -> _Tenant:
        """Keep what is known of a tenant, now that it is known to exist."""
        if len(tenant.credentials) + len(tenant.standings) >= _MOST:
            tenant = _Tenant(tenant.revision, tenant.checked)
        self._tenants[name] = tenant
        return tenant

    async def _load(self, kept: _Tenant, token: tokens.Token, digest: bytes) -> _Known:
        scope, changes = Scope(token.tenant, None), self._changes
        stored, standing = await self._database.read(scope, partial(_find, token=token), tiny=True)
        known = _Known(
            _caller(token.tenant, stored, standing),
            expires_at=_NEVER if stored.expires_at is None else stored.expires_at,
            idle=self._idle if stored.kind == "session" else _NEVER,
            used_at=stored.used_at or stored.created_at,
            noted_at=stored.used_at or 0,
        )
        if self._changes == changes:
            self._keep(token.tenant, kept).credentials[digest] = known
        return known


def _caller(tenant: str, stored: credentials.Stored, standing: Standing) -> Caller:
    scopes = stored.scopes
    return Caller(
        tenant=tenant,
        user=stored.user,
        credential=Credential(
            "key" if stored.kind == "key" else "session",
            stored.id,
            None if scopes is None else frozenset(scopes),
        ),
        groups=standing.groups,
        roles=standing.roles,
    )


def _find(tx: Tx, token: tokens.Token) -> tuple[credentials.Stored, Standing]:
    stored = credentials.find(tx, token.id)
    # Compared in any case, so that the time tells nothing of which ids there are.
    digest = token.digest if stored is None else stored.digest
    same = hmac.compare_digest(digest, token.digest)
    if stored is None or not same or stored.kind != token.kind:
        raise AccessDenied("This credential is unknown.")
    return stored, standing_of(tx, stored.user)


def standing_of(tx: Tx, user: str) -> Standing:
    """What a user draws on. Raises `AccessDenied` if there is none, or they may do nothing."""
    try:
        tenant, account = tenants.get(tx), users.account(tx, user)
    except NotFound:
        raise AccessDenied("This credential belongs to nobody.") from None
    if tenant.disabled or account.user.disabled:
        raise AccessDenied("This user may not sign in.")
    return Standing(_roles(tx, account.user), frozenset(account.user.groups))


def _roles(tx: Tx, user: User) -> frozenset[str]:
    """A user's own roles and those of their groups."""
    return frozenset(user.roles).union(*(group.roles for group in users.groups_of(tx, user.id)))
