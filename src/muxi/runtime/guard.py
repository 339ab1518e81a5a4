"""May this caller do that: asked by every door before it calls a service.

The answer depends on the caller and on what is declared, never on what a service would find: a
service shows and changes only what is in the caller's scope, whatever is answered here.
"""

from __future__ import annotations

from muxi.core.caller import Caller
from muxi.core.errors import AccessDenied

_OF_ADMINS = (
    "users.",
    "groups.",
    "tenants.",
    "secrets.",
    "agents.write",
    "mcp.write",
    "mcp.logs",
    "memories.retain",
)


class Guard:
    """Administrators may do all; members may use the project and what is their own."""

    async def allows(self, caller: Caller, action: str, resource: str | None = None) -> bool:
        """Whether `caller` may do `action`, such as `runs.start`, upon `resource`."""
        if "admin" in caller.roles:
            return True
        return "member" in caller.roles and not action.startswith(_OF_ADMINS)

    async def require(self, caller: Caller, action: str, resource: str | None = None) -> None:
        """Raises `AccessDenied` unless `caller` may do `action` upon `resource`."""
        if not await self.allows(caller, action, resource):
            raise AccessDenied(f"You may not do this: it needs the permission {action}.")
