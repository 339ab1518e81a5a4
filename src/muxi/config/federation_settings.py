"""What a project says of users who are known elsewhere: by OpenID Connect, or by tokens. Data only.

`identity.federation` acts by it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from muxi.config.model_settings import Section
from muxi.config.secret import SecretRef
from muxi.core.identities import GroupName

Words = Annotated[str, Field(min_length=1, max_length=200)]
ProviderName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
SecureUrl = Annotated[
    str,
    Field(
        pattern=r"^(https://[^\s?#@]+|http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?(/[^\s?#]*)?)$"
    ),
]
"""An address that nobody on the way can read or change."""

Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]
"""Signatures that only the issuer can make. Those with a shared secret are never accepted."""


class Mapping(Section, defer_build=True):
    """What a foreign user is here, by what their provider says of them."""

    user: Words = "preferred_username"
    """The claim that a new user's id is taken from; without it their `sub`."""
    groups_claim: Words = "groups"
    """The claim that lists their groups; a dotted path reaches into objects."""
    groups: dict[GroupName, list[Words]] = Field(default_factory=dict[str, list[str]])
    """Groups of muxi, each with the groups there whose members belong to it."""
    roles: dict[Words, list[Words]] = Field(default_factory=dict[str, list[str]])
    """Roles of muxi, each with the groups there whose members have it."""
    default_roles: list[Words] = Field(default_factory=lambda: ["member"])
    """Roles that a user is made with; whoever has the right may take them away later."""
    require: dict[Words, list[Words]] = Field(default_factory=dict[str, list[str]])
    """Claims that must have one of these values, such as `hd: [example.org]`."""
    create_users: bool = False
    """Whether somebody who is not known yet becomes a user; else an admin links them first."""
    tenant: Words = "default"
    """The tenant that its users belong to."""


class Issuer(Mapping):
    """Who signs the tokens, and how."""

    issuer: SecureUrl
    """Address of the issuer, exactly as its tokens write it."""
    algorithms: Annotated[list[Algorithm], Field(min_length=1)] = Field(
        default_factory=lambda: ["RS256", "PS256", "ES256", "ES384", "EdDSA"]
    )
    """Signatures that are accepted, whatever a token says of itself."""
    leeway: Annotated[float, Field(ge=0, le=300)] = 60.0
    """Seconds by which the clocks may differ."""


class OidcProvider(Issuer):
    """A provider of OpenID Connect with which people sign in in a browser."""

    client_id: Words
    """The name under which muxi is registered there."""
    client_secret: SecretRef | None = None
    """The password of that registration; without one muxi is a public client."""
    title: Words | None = None
    """What the button says; by default the provider's name in this file."""
    scopes: list[Annotated[str, Field(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]+$")]] = Field(
        default_factory=lambda: ["profile", "email"]
    )
    """What to ask for beside `openid`; `offline_access` lets sessions be renewed."""
    session: Annotated[float, Field(ge=60, le=30 * 86_400)] = 12 * 3600.0
    """Seconds after which people sign in anew."""
    recheck: Annotated[float, Field(ge=1, le=86_400)] = 900.0
    """Seconds after which the provider is asked again whether a session still holds, if it gave
    muxi the means to ask."""


class JwtIssuer(Issuer):
    """An issuer whose signed tokens programs send as `Authorization: Bearer`."""

    user: Words = "sub"
    """The claim that a new user's id is taken from."""
    audience: Annotated[list[Words], Field(min_length=1)]
    """Names under which this server is known to the issuer; a token must be for one of them."""
    jwks_url: SecureUrl | None = None
    """Where its keys are; by default what its discovery document says."""
    scopes_claim: Words | None = "scope"
    """The claim whose scopes bound what a token may do, where they are `muxi:ACTION`; null to let a
    token do all that its user may."""
    max_age: Annotated[float, Field(ge=60)] | None = None
    """Seconds after its issue at which a token ends, if it does not end before."""
