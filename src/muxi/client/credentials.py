"""A user's own credentials, as a client sees them: values go in and never come out.

Reached as `client.credentials`.
"""

from __future__ import annotations

from urllib.parse import quote

from muxi.client.calls import Call
from muxi.core.credentials import CredentialInfo
from muxi.core.pages import Page


class Credentials:
    """What the client's user brings for tools."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def list(self) -> list[CredentialInfo]:
        """What the user may bring, and which of it they have set."""
        body = await self._call("GET", "/api/credentials")
        return Page[CredentialInfo].model_validate_json(body).items

    async def put(self, name: str, value: str) -> None:
        """Store the user's own value. Raises `NotFound` for what the project does not ask for."""
        await self._call("PUT", f"/api/credentials/{quote(name, safe='')}", body={"value": value})

    async def delete(self, name: str) -> None:
        """Forget it. Raises `NotFound`, and `SecretMissing` if none was set."""
        await self._call("DELETE", f"/api/credentials/{quote(name, safe='')}")
