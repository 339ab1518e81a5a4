"""Signs people in with one OpenID provider: authorization code flow with PKCE, state and nonce.

Called by `runtime`, in two steps with a browser between them. What is remembered meanwhile is in an
`Attempt`, which the caller keeps with that browser. No token ever reaches the browser.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from muxi.config.federation_settings import OidcProvider
from muxi.core.errors import AccessDenied, IdentityProviderUnavailable
from muxi.core.json_shapes import is_array
from muxi.core.record import Record
from muxi.identity.federation import fetching
from muxi.identity.federation.discovery import Discovery, Metadata
from muxi.identity.federation.key_set import KeySet
from muxi.identity.federation.tokens import Checker, Rules, equal, half_hash, header_of
from muxi.telemetry.redaction import SECRETS

PATIENCE: Final = 600.0
"""Seconds that a person has to sign in."""
_log = logging.getLogger("muxi.identity")


class Attempt(Record):
    """A login under way: what must come back, and what must not be known to anybody else."""

    provider: str
    state: str
    nonce: str
    verifier: str
    """The secret of PKCE, whose hash the provider was shown."""
    redirect_url: str
    return_to: str = "/"
    """Where the person wanted to go: a path of this server."""
    until: float
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What the provider says of somebody who has signed in."""

    claims: Mapping[str, Any]
    """Of the ID token, and of the user's info where the provider gives it."""
    id_token: str | None
    """Shown again to sign out; None if a renewal gave none."""
    refresh_token: str | None
    """With which the provider can be asked again; None if it gave none."""

    def __repr__(self) -> str:
        return f"Granted({self.claims.get('sub')!r})"


@dataclass(slots=True, kw_only=True)
class Provider:
    """One provider of the project.

    Args:
        name: Its name in the project.
        settings: What the project says of it.
        secret: The password of muxi's registration there; None for a public client.
    """

    name: str
    settings: OidcProvider
    secret: str | None
    discovery: Discovery = field(init=False)
    checker: Checker = field(init=False)

    def __post_init__(self) -> None:
        settings = self.settings
        self.discovery = Discovery(settings.issuer)
        rules = Rules(
            issuer=settings.issuer,
            audience=(settings.client_id,),
            algorithms=settings.algorithms,
            leeway=settings.leeway,
            types=(None, "jwt"),
        )
        self.checker = Checker(rules, KeySet(self._keys_url))

    async def begin(self, redirect_url: str, return_to: str = "/") -> tuple[str, Attempt]:
        """The page of the provider on which a person signs in, and what to remember meanwhile.

        Raises:
            IdentityProviderUnavailable: It cannot be reached, or offers less than it must.
        """
        metadata = await self.discovery.metadata()
        page = _endpoint(metadata, "authorization_endpoint")
        methods = metadata.code_challenge_methods_supported
        if methods is not None and "S256" not in methods:
            raise IdentityProviderUnavailable(
                f"{self.settings.issuer} does not support PKCE with S256."
            )
        attempt = Attempt(
            provider=self.name,
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            redirect_url=redirect_url,
            return_to=return_to,
            until=time.time() + PATIENCE,
        )
        scopes = self.settings.scopes
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": redirect_url,
            "scope": " ".join(dict.fromkeys(["openid", *scopes])),
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": _challenge(attempt.verifier),
            "code_challenge_method": "S256",
        }
        if "offline_access" in scopes:
            query["prompt"] = "consent"  # OpenID Connect Core, 11: else it may be left out
        joint = "&" if urlsplit(page).query else "?"
        return f"{page}{joint}{urlencode(query)}", attempt

    async def finish(self, attempt: Attempt, answer: Mapping[str, str]) -> Granted:
        """What the browser's return from the provider is worth.

        Args:
            attempt: What was remembered with that browser.
            answer: The parameters with which it came back.

        Raises:
            AccessDenied: Nobody has signed in; the message says why.
            IdentityProviderUnavailable: The provider cannot be reached.
        """
        if not equal(answer.get("state"), attempt.state) or attempt.provider != self.name:
            raise AccessDenied("This answer belongs to no sign-in of this browser.")
        if time.time() >= attempt.until:
            raise AccessDenied("Nobody signed in within ten minutes.")
        metadata = await self.discovery.metadata()
        self._check_sender(metadata, answer)
        if "error" in answer:
            raise AccessDenied(f"The provider says: {_words(answer)}.")
        code = answer.get("code")
        if not code:
            raise AccessDenied("The provider's answer holds no code.")
        tokens = await self._tokens(
            metadata,
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": attempt.redirect_url,
                "code_verifier": attempt.verifier,
            },
        )
        id_token = tokens.get("id_token")
        if not isinstance(id_token, str):
            raise AccessDenied("The provider gave no ID token.")
        claims = await self._claims(id_token, tokens)
        if not equal(claims.get("nonce"), attempt.nonce):
            raise AccessDenied("The ID token was made for another sign-in.")
        return await self._granted(metadata, claims, tokens)

    async def renew(
        self, refresh_token: str, subject: str, keep: Callable[[str], Awaitable[None]]
    ) -> Granted:
        """Ask whether somebody who has signed in may still be, and what they are now.

        Args:
            refresh_token: What the provider gave last.
            subject: Who has signed in.
            keep: Is given the token that takes its place, if one does, before anything else can go
                wrong: the one that was shown may be worth nothing any more (RFC 9700, 4.14.2).

        Raises:
            AccessDenied: The provider says no, or speaks of somebody else.
            IdentityProviderUnavailable: It does not say.
        """
        metadata = await self.discovery.metadata()
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        tokens = await self._tokens(metadata, form)
        latest = tokens.setdefault("refresh_token", refresh_token)
        if isinstance(latest, str) and latest != refresh_token:
            await keep(latest)
        id_token = tokens.get("id_token")
        claims: Mapping[str, Any] = {"sub": subject}
        if isinstance(id_token, str):
            claims = await self._claims(id_token, tokens)
            if claims["sub"] != subject:
                raise AccessDenied("The provider speaks of somebody else.")
        return await self._granted(metadata, claims, tokens)

    async def sign_out_page(self, id_token: str | None, return_url: str) -> str | None:
        """The page on which the person signs out there too; None if the provider has none."""
        try:
            page = (await self.discovery.metadata()).end_session_endpoint
        except IdentityProviderUnavailable as error:
            _log.warning("%s: %s", self.name, error.message)
            return None
        if page is None:
            return None
        query = {"client_id": self.settings.client_id, "post_logout_redirect_uri": return_url}
        if id_token is not None:
            query["id_token_hint"] = id_token
        return f"{page}{'&' if urlsplit(page).query else '?'}{urlencode(query)}"

    async def revoke(self, refresh_token: str) -> None:
        """Tell the provider that this token is not used any more. It may be gone: no matter."""
        try:
            endpoint = (await self.discovery.metadata()).revocation_endpoint
            if endpoint is not None:
                form = {"token": refresh_token, "token_type_hint": "refresh_token"}
                sent, basic = self._as_client(None, form)
                await fetching.post(endpoint, sent, basic=basic)
        except IdentityProviderUnavailable as error:
            _log.debug("%s: %s", self.name, error.message)

    async def _keys_url(self) -> str:
        return (await self.discovery.metadata()).jwks_uri

    def _check_sender(self, metadata: Metadata, answer: Mapping[str, str]) -> None:
        """Raise `AccessDenied` if another provider answers than was asked (RFC 9207)."""
        sender = answer.get("iss")
        told = metadata.authorization_response_iss_parameter_supported
        if (sender is not None or told) and sender != self.settings.issuer:
            raise AccessDenied("Another provider has answered than was asked.")

    async def _tokens(self, metadata: Metadata, form: dict[str, str]) -> dict[str, Any]:
        endpoint = _endpoint(metadata, "token_endpoint")
        methods = metadata.token_endpoint_auth_methods_supported
        sent, basic = self._as_client(methods, form)
        document = await fetching.post(endpoint, sent, basic=basic)
        for name in ("access_token", "refresh_token", "id_token"):
            if isinstance(value := document.body.get(name), str):
                SECRETS.learn(value, passing=True)
        if document.status == 200:
            return document.body
        if document.status >= 500 or document.status == 429:
            raise IdentityProviderUnavailable(f"{endpoint} answered {document.status}.")
        raise AccessDenied(f"The provider says: {_words(document.body)}.")

    def _as_client(
        self, methods: list[str] | None, form: dict[str, str]
    ) -> tuple[dict[str, str], tuple[str, str] | None]:
        """A form as muxi sends it, with how it shows who it is."""
        client_id = self.settings.client_id
        if self.secret is None:
            return {**form, "client_id": client_id}, None
        if methods is not None and "client_secret_basic" not in methods:
            return {**form, "client_id": client_id, "client_secret": self.secret}, None
        return form, (client_id, self.secret)

    async def _claims(self, id_token: str, tokens: Mapping[str, Any]) -> Mapping[str, Any]:
        """What an ID token says (OpenID Connect Core, 3.1.3.7)."""
        claims = await self.checker.check(id_token)
        parties = claims["aud"]
        if is_array(parties) and len(parties) > 1 and "azp" not in claims:
            raise AccessDenied("The ID token is for several parties and does not say whose it is.")
        if claims.get("azp", self.settings.client_id) != self.settings.client_id:
            raise AccessDenied("The ID token was given to another party.")
        access = tokens.get("access_token")
        if "at_hash" in claims and isinstance(access, str):
            expected = half_hash(access, header_of(id_token)["alg"])
            if not equal(claims["at_hash"], expected):
                raise AccessDenied("The ID token came with another access token.")
        return claims

    async def _granted(
        self, metadata: Metadata, claims: Mapping[str, Any], tokens: Mapping[str, Any]
    ) -> Granted:
        id_token, refresh_token = tokens.get("id_token"), tokens.get("refresh_token")
        info = await self._info(metadata, claims["sub"], tokens.get("access_token"))
        return Granted(
            claims={**claims, **info},
            id_token=id_token if isinstance(id_token, str) else None,
            refresh_token=refresh_token if isinstance(refresh_token, str) else None,
        )

    async def _info(self, metadata: Metadata, subject: str, access: object) -> Mapping[str, Any]:
        if metadata.userinfo_endpoint is None or not isinstance(access, str):
            return {}
        info = (await fetching.get(metadata.userinfo_endpoint, token=access)).body
        if info.get("sub") != subject:
            raise AccessDenied("The provider's info is about somebody else.")
        return info


def _endpoint(metadata: Metadata, name: str) -> str:
    found: str | None = getattr(metadata, name)
    if found is None:
        raise IdentityProviderUnavailable(f"{metadata.issuer} has no {name}.")
    return found


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")


def _words(answer: Mapping[str, Any]) -> str:
    """A refusal in the provider's words, on one line."""
    said = answer.get("error_description") or answer.get("error") or "no"
    return " ".join(str(said).split())[:200]
