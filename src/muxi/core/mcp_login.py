"""Signing in to a remote MCP server, as it crosses a door. Data only."""

from __future__ import annotations

from muxi.core.record import Record


class LoginPage(Record):
    """What a person has to open."""

    url: str | None
    """The page on which access is granted; None if the server wants no login."""


class LoginAnswer(Record):
    """The parameters with which a browser came back (RFC 6749, RFC 9207)."""

    code: str | None = None
    state: str | None = None
    iss: str | None = None
    """Who says so, if the authorization server tells."""
    error: str | None = None
    error_description: str | None = None
