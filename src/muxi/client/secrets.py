"""The project's secrets, as a client sees them: values go in and never come out.

Reached as `client.secrets`.
"""

from __future__ import annotations

from urllib.parse import quote

from muxi.client.calls import Call
from muxi.core.pages import Page
from muxi.core.status import KeyRotation, SecretInfo


class Secrets:
    """Store and delete secrets, and list their names."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def names(self) -> list[str]:
        """The names of all stored secrets."""
        body = await self._call("GET", "/api/secrets")
        return [secret.name for secret in Page[SecretInfo].model_validate_json(body).items]

    async def put(self, name: str, value: str) -> None:
        """Store a secret, in place of what the name held."""
        await self._call("PUT", f"/api/secrets/{quote(name, safe='')}", body={"value": value})

    async def rotate_key(self) -> KeyRotation:
        """Change the master key, or finish a change that was broken off."""
        body = await self._call("POST", "/api/secrets/rotate-key", body={})
        return KeyRotation.model_validate_json(body)

    async def delete(self, name: str) -> None:
        """Raises `SecretMissing` if there is none of that name."""
        await self._call("DELETE", f"/api/secrets/{quote(name, safe='')}")
