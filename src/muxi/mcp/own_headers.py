"""Tells when a server refuses the headers that a user's credentials are in.

Given to the HTTP client of such a connection, whose headers are set once.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from http import HTTPStatus

import httpx2

from muxi.core.errors import MuxiError


class OwnHeaders(httpx2.Auth):
    """Adds nothing to a request, and looks at what is said to it."""

    refusal: MuxiError | None = None
    """Why the last answer was a refusal; None if it was none."""

    def __init__(self, refuse: Callable[[], MuxiError]) -> None:
        self._refuse = refuse

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Called by the HTTP client for each request."""
        response = yield request
        refused = response.status_code == HTTPStatus.UNAUTHORIZED
        self.refusal = self._refuse() if refused else None
