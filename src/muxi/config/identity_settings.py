"""Who may use the project, and how they sign in: the section `identity`. Read by `project`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from muxi.config.credential_settings import CredentialName, CredentialSettings
from muxi.config.federation_settings import JwtIssuer, OidcProvider, ProviderName
from muxi.config.model_settings import Positive, Section
from muxi.config.policy_settings import PolicySettings, Roles, RoleSettings
from muxi.core.policies import RuleName


class PasswordSettings(Section):
    """Passwords of users, which are kept as argon2id hashes only."""

    enabled: bool = True
    """Whether users may sign in with a password."""
    length: Annotated[int, Field(ge=8, le=128)] = 12
    """The fewest characters of a new password."""


class SessionSettings(Section):
    """How long browsers stay signed in."""

    days: Positive = 30
    """Days after which a session ends in any case."""
    idle_days: Positive = 7
    """Days without a request after which it ends."""


class KeySettings(Section):
    """Keys of the API."""

    days: Positive | None = None
    """The most days that a key may be good for; null for no bound."""


class IdentitySettings(Section):
    """Who may use the project, and how they sign in."""

    passwords: PasswordSettings = Field(default_factory=PasswordSettings)
    """Passwords of users."""
    sessions: SessionSettings = Field(default_factory=SessionSettings)
    """How long browsers stay signed in."""
    keys: KeySettings = Field(default_factory=KeySettings)
    """Keys of the API."""
    roles: Roles = Field(default_factory=dict[str, RoleSettings])
    """The project's own roles by name; users and groups bear them."""
    policies: dict[RuleName, PolicySettings] = Field(default_factory=dict[str, PolicySettings])
    """What is allowed or refused to users, groups or everybody, by name."""
    credentials: dict[CredentialName, CredentialSettings] = Field(
        default_factory=dict[str, CredentialSettings]
    )
    """Secrets that each user may bring for tools, which ask for them with `ctx.secret`; by name."""
    oidc: dict[ProviderName, OidcProvider] = Field(default_factory=dict[str, OidcProvider])
    """Providers of OpenID Connect with which people sign in, by name."""
    jwt: dict[ProviderName, JwtIssuer] = Field(default_factory=dict[str, JwtIssuer])
    """Issuers of tokens that programs send, by name."""

    @model_validator(mode="after")
    def _distinct_issuers(self) -> IdentitySettings:
        issuers = [each.issuer for each in self.jwt.values()]
        if len(set(issuers)) != len(issuers):
            raise PydanticCustomError("twice", "two entries of `jwt` have the same issuer")
        return self
