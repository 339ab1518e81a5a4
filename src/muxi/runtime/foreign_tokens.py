"""Callers who show a signed token of an issuer that the project trusts.

Made by `federation`, asked by doors. A token is good for what it was issued for: those for `/mcp`,
which clients of MCP get from the project's OpenID providers, open nothing else.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from dataclasses import dataclass

from muxi.config.federation_settings import Issuer, JwtIssuer
from muxi.config.identity_settings import IdentitySettings
from muxi.core.caller import Caller, Credential
from muxi.core.errors import AccessDenied, InvalidInput
from muxi.core.json_shapes import is_array
from muxi.core.permissions import permission
from muxi.identity.federation.arrivals import Arrivals
from muxi.identity.federation.claims import ForeignUser, foreign_user
from muxi.identity.federation.discovery import Discovery
from muxi.identity.federation.key_set import KeySet
from muxi.identity.federation.tokens import Checker, Claims, Rules, is_token, issuer_of
from muxi.identity.identity import Identity

_SCOPE = "muxi:"
"""How scopes of a token begin that are permissions of muxi."""
_BOUND = ("nonce", "at_hash", "c_hash", "cnf")
"""Claims of tokens that are not for whoever holds them: ID tokens, and those bound to a key."""
_MOST = 100_000
_MOST_CHECKERS = 64
"""A server has few names; whoever asks under many must not fill the memory."""
_FRESH = 1.0
"""Seconds for which it is believed who a subject is: others may have changed it since."""
_log = logging.getLogger("muxi.identity")


@dataclass(frozen=True, slots=True)
class _Known:
    """Who a subject is, and until when that is believed."""

    user: str
    until: float


class ForeignTokens:
    """The issuers of one project.

    Args:
        settings: Which they are.
        identity: Who users are.
        arrivals: Who foreign users are here.
    """

    def __init__(self, settings: IdentitySettings, identity: Identity, arrivals: Arrivals) -> None:
        self._identity = identity
        self._arrivals = arrivals
        self._issuers = {each.issuer: each for each in settings.jwt.values()}
        self._providers = {each.issuer: each for each in settings.oidc.values()}
        self._keys: dict[str, KeySet] = {}
        self._checkers: OrderedDict[tuple[str, str | None], Checker] = OrderedDict()
        self._users: dict[tuple[str, str, str], _Known] = {}

    async def authenticate(self, text: str, resource: str | None = None) -> Caller | None:
        """The caller whom a signed token is about; None if no issuer of the project signed it.

        Args:
            text: The token.
            resource: Address of a resource that the project's OpenID providers issue tokens for,
                if that is what is asked for.

        Raises:
            AccessDenied: One did, and it is not good, or is about nobody here.
            IdentityProviderUnavailable: The issuer's keys cannot be had.
        """
        if not is_token(text):
            return None
        issuer = issuer_of(text) or ""
        settings: Issuer | None = self._issuers.get(issuer)
        if settings is None and resource is not None:
            settings = self._providers.get(issuer)
        if settings is None:
            return None
        try:
            claims = await self._checker(settings, resource).check(text)
            misused = [name for name in _BOUND if name in claims]
            if misused:
                raise AccessDenied(f"It has `{misused[0]}` and is not for whoever holds it.")
            return await self._caller(settings, claims)
        except AccessDenied as error:
            _log.info("A token of %s was refused: %s", settings.issuer, error.message)
            raise

    def forget(self, tenant: str, issuer: str, subject: str) -> None:
        """Somebody is another user, or none, from now on."""
        self._users.pop((tenant, issuer, subject), None)

    def _checker(self, settings: Issuer, resource: str | None) -> Checker:
        place = (settings.issuer, resource)
        found = self._checkers.get(place)
        if found is None:
            own = settings if isinstance(settings, JwtIssuer) else None
            rules = Rules(
                issuer=settings.issuer,
                audience=[*(own.audience if own else ()), *([resource] if resource else ())],
                algorithms=settings.algorithms,
                leeway=settings.leeway,
                max_age=own.max_age if own else None,
            )
            found = self._checkers[place] = Checker(rules, self._key_set(settings))
            if len(self._checkers) > _MOST_CHECKERS:
                self._checkers.popitem(last=False)
        return found

    def _key_set(self, settings: Issuer) -> KeySet:
        if settings.issuer not in self._keys:
            discovery = Discovery(settings.issuer)

            async def where() -> str:
                known = settings.jwks_url if isinstance(settings, JwtIssuer) else None
                return known or (await discovery.metadata()).jwks_uri

            self._keys[settings.issuer] = KeySet(where)
        return self._keys[settings.issuer]

    async def _caller(self, settings: Issuer, claims: Claims) -> Caller:
        foreign = foreign_user(settings, settings.issuer, claims)
        user = await self._user(settings, foreign)
        standing = await self._identity.callers.standing(settings.tenant, user)
        token_id = claims.get("jti")
        scopes = settings.scopes_claim if isinstance(settings, JwtIssuer) else "scope"
        return Caller(
            tenant=settings.tenant,
            user=user,
            credential=Credential(
                "jwt",
                token_id[:200] if isinstance(token_id, str) else foreign.subject,
                _scopes(claims.get(scopes or "")),
            ),
            groups=standing.groups | foreign.groups,
            roles=standing.roles | foreign.roles,
        )

    async def _user(self, settings: Issuer, foreign: ForeignUser) -> str:
        """The user that a token is about, made if the project says so."""
        place = (settings.tenant, foreign.issuer, foreign.subject)
        found = self._users.get(place)
        if found is not None and time.monotonic() < found.until:
            return found.user
        known = await self._arrivals.known(*place)
        user = known or await self._arrivals.arrive(settings, foreign)
        if len(self._users) >= _MOST:
            self._users.clear()
        self._users[place] = _Known(user, time.monotonic() + _FRESH)
        return user


def _scopes(claim: object) -> frozenset[str] | None:
    """The permissions among a token's scopes; None if it speaks of none."""
    texts = claim.split() if isinstance(claim, str) else claim
    if not is_array(texts):
        return None
    every = [text for text in texts if isinstance(text, str)]
    named = [text.removeprefix(_SCOPE) for text in every if text.startswith(_SCOPE)]
    return frozenset(filter(_is_permission, named)) if named else None


def _is_permission(text: str) -> bool:
    try:
        permission(text)
    except InvalidInput:
        return False
    return True
