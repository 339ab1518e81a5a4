"""How often the server may be asked: the section `server.rate_limits`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from muxi.config.model_settings import Section


class RateLimit(Section):
    """So many requests in a time. All of them may come at once; then they come back bit by bit."""

    requests: Annotated[int, Field(ge=1, le=10**9)]
    """How many."""
    per: Literal["second", "minute", "hour"] = "minute"
    """In which time."""

    @property
    def seconds(self) -> int:
        """The length of the time."""
        return {"second": 1, "minute": 60, "hour": 3600}[self.per]


class RateLimits(Section):
    """How often the server may be asked, by whom. Processes that share a PostgreSQL use up
    together what keys, users and tenants may ask."""

    key: RateLimit | None = None
    """Each API key and each token of another issuer."""
    user: RateLimit | None = None
    """Each user, whatever they show."""
    tenant: RateLimit | None = None
    """Each tenant."""
    address: RateLimit | None = Field(default_factory=lambda: RateLimit(requests=300))
    """Each address, of requests without valid credentials; IPv6 addresses by their /64. Questions
    about the server's health are not counted."""
    connections: Annotated[int, Field(ge=1, le=1_000_000)] = 4_096
    """Connections of one address that have not said yet what they want; more are cut off. Declared
    proxies have no such bound."""
