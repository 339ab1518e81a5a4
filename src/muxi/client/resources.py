"""The parts of the API that have a client of their own. Inherited by `Client`.

Each is a name of the client: `client.memories.search(…)`.
"""

from __future__ import annotations

from muxi.client.connection import Connection
from muxi.client.secrets import Secrets


class Resources(Connection):
    """A connection with the parts of the API that are more than a few requests."""

    @property
    def secrets(self) -> Secrets:
        """The project's secrets."""
        return Secrets(self._call)
