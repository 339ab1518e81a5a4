"""The parts of the API that have a client of their own. Inherited by `Client`.

Each is a name of the client: `client.memories.search(…)`.
"""

from __future__ import annotations

from collections.abc import Callable

from muxi.client.audit import Audit
from muxi.client.budgets import Budgets
from muxi.client.connection import Connection
from muxi.client.credentials import Credentials
from muxi.client.facts import Facts
from muxi.client.files import Files
from muxi.client.knowledge import Knowledge
from muxi.client.live import Live, Presence
from muxi.client.mcp import McpServers
from muxi.client.memories import Memories
from muxi.client.rules import Rules
from muxi.client.secrets import Secrets
from muxi.client.tools import Tools
from muxi.client.users import Groups, Keys, Tenants, Users
from muxi.client.voice import Voice


class Resources(Connection):
    """A connection with the parts of the API that are more than a few requests."""

    @property
    def secrets(self) -> Secrets:
        """The project's secrets."""
        return Secrets(self._call)

    @property
    def voice(self) -> Voice:
        """Recordings into words, and words into speech."""
        return Voice(self._call)

    @property
    def budgets(self) -> Budgets:
        """What may be consumed, what is left of it, and what was consumed."""
        return Budgets(self._call)

    @property
    def credentials(self) -> Credentials:
        """What the client's user brings for tools."""
        return Credentials(self._call)

    @property
    def memories(self) -> Memories:
        """What agents remember of the client's user."""
        return Memories(self._call, self._lines)

    @property
    def facts(self) -> Facts:
        """What is known of the client's user and of the world."""
        return Facts(self._call)

    @property
    def mcp(self) -> McpServers:
        """The MCP servers of the project."""
        return McpServers(self._call)

    @property
    def tools(self) -> Tools:
        """The tools that agents could have."""
        return Tools(self._call)

    @property
    def files(self) -> Files:
        """Files that messages refer to."""
        return Files(self._call)

    @property
    def knowledge(self) -> Knowledge:
        """Documents that agents look into."""
        return Knowledge(self._call)

    @property
    def users(self) -> Users:
        """Users and service accounts, and oneself."""
        return Users(self._call)

    @property
    def groups(self) -> Groups:
        """Groups of users, who share roles."""
        return Groups(self._call)

    @property
    def keys(self) -> Keys:
        """Keys of the API."""
        return Keys(self._call)

    @property
    def tenants(self) -> Tenants:
        """Tenants, for who runs the project."""
        return Tenants(self._call)

    def live(
        self,
        *,
        patience: float = 30.0,
        on_presence: Callable[[Presence], None] | None = None,
    ) -> Live:
        """Many threads over one WebSocket: `async with client.live() as live: …`.

        Args:
            patience: Seconds without a connection after which to give up.
            on_presence: Told what others do in the threads that are followed.
        """
        return Live(self._open_socket, self._call, patience=patience, on_presence=on_presence)

    @property
    def rules(self) -> Rules:
        """Roles and policies, and what somebody may do by them."""
        return Rules(self._call)

    @property
    def audit(self) -> Audit:
        """Who did what."""
        return Audit(self._call, self._lines)
