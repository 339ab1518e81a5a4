"""Connections of users to the MCP servers that know each of them by oneself.

Made by `mcp` when the first user needs one. Whatever a connection is begun with is that user's.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from muxi.config.mcp_settings import McpServerSettings
from muxi.config.secret import SecretRef
from muxi.mcp.local import Places
from muxi.mcp.lock import Lock
from muxi.mcp.personal import OwnServers
from muxi.mcp.servers import Servers
from muxi.runtime.credentials import UserCredentials
from muxi.runtime.mcp_logins import McpLogins
from muxi.runtime.principal import Principal
from muxi.tools.per_user import PerUser, User


@dataclass(frozen=True, slots=True, kw_only=True)
class McpUsers:
    """Connects users to the servers of `settings`."""

    settings: Mapping[str, McpServerSettings]
    places: Places
    credentials: UserCredentials
    logins: McpLogins
    trust: Callable[[], Lock]
    extensions: Callable[[str], Sequence[Any]]

    def pool(self) -> PerUser[OwnServers]:
        """The connections of all users."""
        return PerUser[OwnServers](self._connect, _disconnect)

    def _connect(self, user: User) -> OwnServers:
        who = Principal(user.tenant, user.id or None)
        # Local servers of one user must not find there what they wrote for another.
        private = Path(tempfile.mkdtemp(prefix="muxi-mcp-"))
        places = replace(
            self.places,
            resolve=partial(self._resolve, who),
            auth=partial(self.logins.auth, who=who),
            private=private,
        )
        servers = Servers(
            settings=self.settings,
            target=places.target,
            trust=self.trust,
            extensions=self.extensions,
        )
        return OwnServers(servers=servers, standing=partial(self._standing, who), private=private)

    async def _resolve(self, who: Principal, reference: SecretRef) -> str:
        own = {name: await self.credentials.value(who, name) for name in reference.personal}
        return await self.credentials.secrets.resolve(reference, own)

    async def _standing(self, who: Principal, server: str) -> str:
        """See `OwnServers.standing`."""
        settings = self.settings[server]
        own = [await self.credentials.value(who, name) for name in settings.credentials]
        if settings.signs_in:
            # Tokens are renewed all the time; what counts is that there is a login.
            await self.logins.check(server, settings, who)
        return hashlib.sha256(json.dumps(own).encode()).hexdigest()


async def _disconnect(own: OwnServers) -> None:
    await own.servers.close()
    shutil.rmtree(own.private, ignore_errors=True)
