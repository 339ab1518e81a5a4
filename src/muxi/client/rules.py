"""Roles, policies, and what somebody may do, as a client sees them. Reached as `client.rules`."""

from __future__ import annotations

from muxi.client.calls import Call, read, segment
from muxi.core.pages import Page
from muxi.core.policies import Decision, PolicyRule, Role


class Rules:
    """Who may do what."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def can(
        self,
        action: str,
        resource: str | None = None,
        *,
        agent: str | None = None,
        user: str | None = None,
    ) -> Decision:
        """Whether the client's user, or another one, may do something, and why.

        Args:
            action: Such as `agents.use`.
            resource: What it is done upon, such as the name of an agent.
            agent: The agent in whose run it would be done.
            user: Another user, for who may read users.
        """
        params = {"action": action, "resource": resource, "agent": agent, "user": user}
        return read(Decision, await self._call("GET", "/api/can", params=params))

    async def roles(self) -> list[Role]:
        """All roles, by name."""
        return read(Page[Role], await self._call("GET", "/api/roles")).items

    async def put_role(self, role: Role) -> Role:
        """Store a role. Raises `Conflict` for one that is built in or declared in the file."""
        body = role.model_dump(mode="json", exclude={"source"})
        return read(Role, await self._call("PUT", f"/api/roles/{segment(role.name)}", body=body))

    async def delete_role(self, name: str) -> None:
        """Raises `NotFound`."""
        await self._call("DELETE", f"/api/roles/{segment(name)}")

    async def policies(self) -> list[PolicyRule]:
        """All policies, by name."""
        return read(Page[PolicyRule], await self._call("GET", "/api/policies")).items

    async def put_policy(self, policy: PolicyRule) -> PolicyRule:
        """Store a policy. Raises `Conflict` for one that is declared in the file."""
        body = policy.model_dump(mode="json", exclude={"source"})
        path = f"/api/policies/{segment(policy.name)}"
        return read(PolicyRule, await self._call("PUT", path, body=body))

    async def delete_policy(self, name: str) -> None:
        """Raises `NotFound`."""
        await self._call("DELETE", f"/api/policies/{segment(name)}")
