"""What an OpenID provider says of itself (OpenID Connect Discovery 1.0). Used by `provider` and
`tokens`.

It is asked when it is first needed and again after a while; one that does not answer then is taken
at its last word for a time, so that its own troubles do not stop ours.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from pydantic import BaseModel, ValidationError

from muxi.core.errors import IdentityProviderUnavailable
from muxi.identity.federation import fetching
from muxi.identity.federation.fetching import Document

LIFETIME: Final = 3_600.0
"""Seconds for which what was said is taken to hold."""
STALE: Final = 24 * 3_600.0
"""Seconds for which it holds if the provider cannot be asked again."""
PATIENCE: Final = 10.0
"""Seconds between two attempts to ask a provider that did not answer."""


class Metadata(BaseModel):
    """The members of the discovery document that muxi acts by."""

    issuer: str
    jwks_uri: str
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    revocation_endpoint: str | None = None
    code_challenge_methods_supported: list[str] | None = None
    token_endpoint_auth_methods_supported: list[str] | None = None
    authorization_response_iss_parameter_supported: bool = False


class Discovery:
    """The metadata of one issuer.

    Args:
        issuer: Its address, exactly as its tokens write it.
        get: Gives a document.
        clock: Seconds of a clock that nobody sets.
    """

    def __init__(
        self,
        issuer: str,
        *,
        get: Callable[[str], Awaitable[Document]] = fetching.get,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.issuer = issuer
        self._get = get
        self._clock = clock
        self._known: Metadata | None = None
        self._asked = -STALE
        """When the known metadata were given."""
        self._tried = -STALE
        self._failure: IdentityProviderUnavailable | None = None
        """Why the last attempt failed, if it did."""
        self._lock = asyncio.Lock()

    async def metadata(self) -> Metadata:
        """What the provider says of itself.

        Raises:
            IdentityProviderUnavailable: It does not say, or speaks for another issuer.
        """
        known = self._known
        if known is not None and self._clock() - self._asked < LIFETIME:
            return known
        async with self._lock:
            now = self._clock()
            known, age = self._known, now - self._asked
            if known is not None and age < LIFETIME:
                return known
            if self._failure is None or now - self._tried >= PATIENCE:
                self._tried, self._failure = now, None
                try:
                    self._known, self._asked = await self._ask(), now
                    return self._known
                except IdentityProviderUnavailable as error:
                    self._failure = error
            if known is None or age > STALE:
                raise self._failure.with_traceback(None)
            return known

    async def _ask(self) -> Metadata:
        url = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        document = await self._get(url)
        try:
            found = Metadata.model_validate(document.body)
        except ValidationError as error:
            place = ".".join(str(step) for step in error.errors(include_input=False)[0]["loc"])
            raise IdentityProviderUnavailable(f"{url} has no usable `{place}`.") from None
        if found.issuer != self.issuer:
            raise IdentityProviderUnavailable(
                f"{url} speaks for another issuer: {found.issuer[:200]!r}.",
                hint="Write `issuer` in muxi.yaml exactly as the provider does.",
            )
        for address in (
            found.jwks_uri,
            found.authorization_endpoint,
            found.token_endpoint,
            found.userinfo_endpoint,
            found.end_session_endpoint,
            found.revocation_endpoint,
        ):
            if address is not None:
                fetching.check_secure(address)
        return found
