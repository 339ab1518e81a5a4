"""Roles, policies, and what somebody may do, as a client sees them. Reached as `client.rules`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from muxi.client.calls import Call, Content, read, segment
from muxi.client.paging import all_items
from muxi.core.errors import Conflict, PreconditionFailed
from muxi.core.pages import Item, Page
from muxi.core.policies import ActionInfo, Decision, PolicyRule, Role

_Rule = TypeVar("_Rule", Role, PolicyRule)
_Change = Callable[[_Rule], _Rule]


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

    async def actions(self) -> list[ActionInfo]:
        """All that can be allowed and refused."""
        return await all_items(partial(self._page, Page[ActionInfo], "/api/actions"))

    async def roles(self) -> list[Role]:
        """All roles, by name."""
        return await all_items(partial(self._page, Page[Role], "/api/roles"))

    async def role(self, name: str) -> Role:
        """Raises `NotFound`."""
        return read(Role, await self._call("GET", f"/api/roles/{segment(name)}"))

    async def put_role(self, role: Role, *, new: bool = False) -> Role:
        """Store a role.

        Args:
            role: In place of the one of that name.
            new: Only if there is none of that name.

        Raises:
            Conflict: It is built in or declared in the file; or there is one, if it is to be new.
        """
        return read(Role, await self._put("roles", role, new=new))

    async def change_role(self, name: str, change: Callable[[Role], Role]) -> Role:
        """Store what `change` makes of a role.

        Raises:
            NotFound: There is none of that name.
            Conflict: It is built in or declared in the file, or somebody else changed it meanwhile.
        """
        return await self._change("roles", name, Role, change)

    async def delete_role(self, name: str) -> None:
        """Raises `NotFound`."""
        await self._call("DELETE", f"/api/roles/{segment(name)}")

    async def policies(self) -> list[PolicyRule]:
        """All policies, by name."""
        return await all_items(partial(self._page, Page[PolicyRule], "/api/policies"))

    async def policy(self, name: str) -> PolicyRule:
        """Raises `NotFound`."""
        return read(PolicyRule, await self._call("GET", f"/api/policies/{segment(name)}"))

    async def put_policy(self, policy: PolicyRule, *, new: bool = False) -> PolicyRule:
        """Store a policy, as `put_role` stores a role."""
        return read(PolicyRule, await self._put("policies", policy, new=new))

    async def change_policy(
        self, name: str, change: Callable[[PolicyRule], PolicyRule]
    ) -> PolicyRule:
        """Store what `change` makes of a policy, as `change_role` does of a role."""
        return await self._change("policies", name, PolicyRule, change)

    async def delete_policy(self, name: str) -> None:
        """Raises `NotFound`."""
        await self._call("DELETE", f"/api/policies/{segment(name)}")

    async def _page(
        self, kind: type[Page[Item]], path: str, *, cursor: str | None, limit: int
    ) -> Page[Item]:
        params = {"cursor": cursor, "limit": limit}
        return read(kind, await self._call("GET", path, params=params))

    async def _put(self, kind: str, rule: Role | PolicyRule, *, new: bool) -> bytes:
        try:
            return await self._send(kind, rule, {"If-None-Match": "*"} if new else {})
        except PreconditionFailed:
            raise Conflict(f"There is one of the name {rule.name} already.") from None

    async def _change(self, kind: str, name: str, of: type[_Rule], change: _Change[_Rule]) -> _Rule:
        seen = await self._call("GET", f"/api/{kind}/{segment(name)}")
        wanted = change(read(of, seen))
        try:
            return read(of, await self._send(kind, wanted, {"If-Match": seen.etag or "*"}))
        except PreconditionFailed:
            raise Conflict(
                f"Somebody else changed {name} meanwhile.", hint="Look at it, and change it again."
            ) from None

    async def _send(
        self, kind: str, rule: Role | PolicyRule, conditions: Mapping[str, str]
    ) -> bytes:
        data = rule.model_dump_json(exclude={"source"}).encode()
        body = Content(data, "application/json", conditions)
        return await self._call("PUT", f"/api/{kind}/{segment(rule.name)}", body=body)
