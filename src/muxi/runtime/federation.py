"""Users who are known elsewhere: by the project's OpenID providers, and by tokens of other issuers.

Made by `build`, called by doors. A project that declares neither imports nothing for it.
"""

from __future__ import annotations

import asyncio
import json
import logging
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from muxi.config.identity_settings import IdentitySettings
from muxi.core.caller import Caller
from muxi.core.errors import AccessDenied, InvalidInput, MuxiError, NotFound, StorageError
from muxi.identity.identity import Identity
from muxi.identity.sessions import Browser
from muxi.runtime.secrets import Secrets

if TYPE_CHECKING:
    from muxi.identity.federation.arrivals import Arrivals
    from muxi.identity.federation.provider import Attempt, Granted, Provider
    from muxi.identity.federation.sessions import GrantedSessions
    from muxi.runtime.foreign_tokens import ForeignTokens

_ATTEMPT = "sign-in with an identity provider"
_log = logging.getLogger("muxi.identity")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What signing in with a provider has given."""

    session: str
    """The token of the session."""
    return_to: str
    """Where the person wanted to go: a path of this server."""


@dataclass(kw_only=True)
class Federation:
    """The identity providers of one project."""

    settings: IdentitySettings
    identity: Identity
    secrets: Secrets
    _providers: dict[str, Provider] = field(default_factory=dict[str, "Provider"], init=False)
    _made: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    @property
    def titles(self) -> Mapping[str, str]:
        """The providers that people can sign in with, and what they are called."""
        return {name: each.title or name for name, each in self.settings.oidc.items()}

    @cached_property
    def arrivals(self) -> Arrivals:
        """Who foreign users are here."""
        from muxi.identity.federation.arrivals import Arrivals

        return Arrivals(self.identity.directory)

    @cached_property
    def tokens(self) -> ForeignTokens:
        """Whom signed tokens are about."""
        from muxi.runtime.foreign_tokens import ForeignTokens

        return ForeignTokens(self.settings, self.identity, self.arrivals)

    @cached_property
    def sessions(self) -> GrantedSessions:
        """Sessions that providers have granted."""
        from muxi.identity.federation.sessions import GrantedSessions

        return GrantedSessions(self.identity.sessions, self.secrets, self.provider, self._arrive)

    async def provider(self, name: str) -> Provider:
        """A provider by its name in the project. Raises `NotFound` and `SecretMissing`."""
        settings = self.settings.oidc.get(name)
        if settings is None:
            raise NotFound(f"There is no identity provider {name[:40]}.")
        async with self._made:
            if name not in self._providers:
                from muxi.identity.federation.provider import Provider

                password = settings.client_secret
                secret = None if password is None else await self.secrets.resolve(password)
                self._providers[name] = Provider(name=name, settings=settings, secret=secret)
            return self._providers[name]

    async def begin(self, name: str, redirect_url: str, return_to: str) -> tuple[str, str]:
        """The provider's page, and what the browser is to keep until it comes back.

        Raises:
            NotFound: There is no such provider.
            InvalidInput: `return_to` is no path of this server.
            IdentityProviderUnavailable: It cannot be reached.
        """
        if not return_to.startswith("/") or return_to.startswith(("//", "/\\")):
            raise InvalidInput("People come back to a path of this server only.")
        page, attempt = await (await self.provider(name)).begin(redirect_url, return_to)
        sealed = await self.secrets.seal(attempt.model_dump_json().encode(), _ATTEMPT)
        return page, urlsafe_b64encode(sealed).decode()

    async def finish(
        self, name: str, kept: str, answer: Mapping[str, str], browser: Browser
    ) -> SignedIn:
        """A session for whoever comes back from a provider.

        Args:
            name: The provider.
            kept: What `begin` gave the browser to keep.
            answer: The parameters with which it came back.
            browser: Which it is.

        Raises:
            AccessDenied: Nobody has signed in, or they are nobody here; the message says why.
            NotFound: There is no such provider.
            IdentityProviderUnavailable: It cannot be reached.
        """
        provider = await self.provider(name)
        granted = await provider.finish(await self._attempt(kept), answer)
        from muxi.identity.federation.sessions import Grant

        user = await self._arrive(provider, granted)
        settings = provider.settings
        session = await self.identity.sessions.begin(
            settings.tenant,
            user,
            browser,
            how=name,
            seconds=settings.session,
            grant=await self.sessions.sealed(Grant.of(provider, granted)),
        )
        return SignedIn(session, (await self._attempt(kept)).return_to)

    async def sign_out(self, caller: Caller, return_url: str) -> str | None:
        """Let the provider of a session know that it ends; gives its page to sign out on."""
        if caller.credential.kind != "session" or not self.settings.oidc:
            return None
        try:
            grant = await self.sessions.grant(caller.tenant, caller.credential.id)
            provider = None if grant is None else await self.provider(grant.provider)
        except MuxiError as error:
            _log.warning("A session could not be ended at its provider: %s", error.message)
            return None
        if grant is None or provider is None:
            return None
        if grant.refresh_token is not None:
            await provider.revoke(grant.refresh_token)
        return await provider.sign_out_page(grant.id_token, return_url)

    async def authenticate(self, text: str, resource: str | None) -> Caller | None:
        """See `ForeignTokens.authenticate`."""
        return await self.tokens.authenticate(text, resource)

    async def check_session(self, caller: Caller) -> None:
        """See `GrantedSessions.check`."""
        await self.sessions.check(caller)

    async def close(self) -> None:
        """Let what has begun with a provider come to its end."""
        if "sessions" in vars(self):
            await self.sessions.close()

    async def unlink(self, tenant: str, user: str, issuer: str, subject: str) -> None:
        """See `Arrivals.unlink`. Sessions of the user end, whoever granted them."""
        await self.arrivals.unlink(tenant, user, issuer, subject)
        self.tokens.forget(tenant, issuer, subject)
        await self.identity.sessions.end_all(tenant, user)

    async def _arrive(self, provider: Provider, granted: Granted) -> str:
        from muxi.identity.federation.claims import foreign_user

        settings = provider.settings
        foreign = foreign_user(settings, settings.issuer, granted.claims)
        return await self.arrivals.arrive(settings, foreign)

    async def _attempt(self, kept: str) -> Attempt:
        from muxi.identity.federation.provider import Attempt

        try:
            plain = await self.secrets.unseal(urlsafe_b64decode(kept), _ATTEMPT)
            return Attempt.model_validate(json.loads(plain))
        except (StorageError, ValueError):
            raise AccessDenied("This browser has begun no sign-in.", hint="Begin anew.") from None
