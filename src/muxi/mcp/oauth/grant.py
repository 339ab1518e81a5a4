"""What is kept of a login to one server, granted or waited for, and the port to where it is kept.

Made and read by `provider`; `runtime` keeps it among the project's secrets. It needs no SDK.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import ValidationError

from muxi.core.record import Record
from muxi.telemetry.redaction import SECRETS

PATIENCE = 600.0
"""Seconds that a person has to grant access."""
_EARLY = 60.0
"""Seconds before its end at which a token is renewed; a tenth of its life if that is shorter."""


class Vault(Protocol):
    """Where logins are kept, by the server's name in the project."""

    async def load(self, server: str) -> str | None:
        """What was kept; None if nothing was."""
        ...

    async def save(self, server: str, text: str) -> None:
        """Keep it, in place of what was kept before."""
        ...

    async def drop(self, server: str) -> None:
        """Keep nothing any more."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who muxi is to an authorization server, as far as the project says so."""

    client_id: str | None = None
    client_secret: str | None = None
    issuer: str | None = None
    client_metadata_url: str | None = None
    scopes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Identity({self.client_id or self.client_metadata_url or 'to be registered'})"


class Grant(Record):
    """A login: tokens, the client that they were given to, and who gave them."""

    url: str
    """The server that it is for. It is never shown to another."""
    tokens: dict[str, Any] | None = None
    expires_at: float | None = None
    """Seconds since 1970; None if the token does not say."""
    lifetime: float | None = None
    """Seconds that the token was good for when it was given."""
    client: dict[str, Any] | None = None
    authorization_server: dict[str, Any] | None = None
    resource: dict[str, Any] | None = None
    """Metadata of the protected resource."""
    wanted: str = ""
    """Scopes that the server has asked for since, to be asked for at the next login."""

    @classmethod
    def parse(cls, text: str | None, url: str) -> Grant:
        """What was kept for the server at `url`; an empty grant if it is for another or broken."""
        if text is not None:
            try:
                found = cls.model_validate_json(text)
            except ValidationError:
                return cls(url=url)
            if found.url == url:
                found.mask()
                return found
        return cls(url=url)

    def mask(self) -> None:
        """Keep what is secret in it out of logs."""
        for part, name in (
            (self.tokens, "access_token"),
            (self.tokens, "refresh_token"),
            (self.client, "client_secret"),
        ):
            value = (part or {}).get(name)
            if isinstance(value, str):
                SECRETS.learn(value)

    @property
    def access_token(self) -> str | None:
        return (self.tokens or {}).get("access_token")

    @property
    def due(self) -> bool:
        """Whether the token has ended or is about to."""
        if self.expires_at is None:
            return False
        early = min(_EARLY, (self.lifetime or 0) / 10)
        return time.time() >= self.expires_at - early

    @property
    def expired(self) -> bool:
        """Whether the token has ended."""
        return self.expires_at is not None and time.time() >= self.expires_at


class Waiting(Record):
    """A login that waits for a person: all that it takes to go on with it, in any process."""

    grant: Grant
    """Without tokens."""
    redirect_url: str
    state: str
    verifier: str
    """Of PKCE: whoever has it and the code has the login."""
    scope: str | None = None
    protocol: str | None = None
    """The revision of MCP that the server was asked in."""
    expires_at: float
    """Seconds since 1970."""
