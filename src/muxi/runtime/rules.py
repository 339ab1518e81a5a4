"""Roles and policies as people make them through doors, and what somebody may do. Called by doors.

What the project's file declares is shown beside them and can only be changed in the file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from muxi.core.actions import ACTIONS
from muxi.core.caller import Caller
from muxi.core.errors import Conflict, InvalidInput, NotFound
from muxi.core.policies import BUILTIN, Decision, PolicyRule, Role
from muxi.core.scope import Scope
from muxi.runtime.guard import Guard, declared_policies, declared_roles
from muxi.storage import rules
from muxi.storage.transaction import Tx

T = TypeVar("T")
Rule = TypeVar("Rule", Role, PolicyRule)


@dataclass(kw_only=True)
class Rules:
    """The roles and policies of a project and of its tenants."""

    guard: Guard

    async def roles(self, tenant: str) -> list[Role]:
        """All roles of a tenant, by name."""
        from muxi.identity.policy.builtin import BUILTIN_ROLES

        stored = await self.guard.database.read(Scope(tenant, None), rules.roles)
        known = {role.name: role for role in stored}
        known |= {**BUILTIN_ROLES, **declared_roles(self.guard.settings)}
        return [known[name] for name in sorted(known)]

    async def role(self, tenant: str, name: str) -> Role:
        """Raises `NotFound`."""
        return _named(await self.roles(tenant), name, "role")

    async def require_roles(self, tenant: str, names: Iterable[str]) -> None:
        """Raises `InvalidInput` if a name is that of no role, which would allow nothing."""
        if unknown := set(names) - {role.name for role in await self.roles(tenant)}:
            raise InvalidInput(
                f"There is no role {min(unknown)}.", hint="`muxi role list` tells which there are."
            )

    def reading_role(self, name: str) -> Callable[[Tx], Role]:
        """How `role` reads what is stored, inside of a transaction."""
        return lambda tx: _named(rules.roles(tx), name, "role")

    async def put_role(self, caller: Caller, role: Role) -> Role:
        """Store a role of the caller's tenant, in place of one of that name.

        Raises:
            Conflict: The name belongs to a role that is built in or declared in the file.
            InvalidInput: It includes what does not exist, or itself.
            AccessDenied: It would allow what the caller may not do.
        """
        _check_free(role.name, {*BUILTIN, *self.guard.settings.roles}, "role")
        role = role.model_copy(update={"source": "database"})
        await self._check_rights(caller, role)
        known = {each.name: each for each in await self.roles(caller.tenant)}
        _check_includes({**known, role.name: role}, role.name, ())
        return await self._change(caller.tenant, partial(rules.put_role, role=role))

    async def delete_role(self, tenant: str, name: str) -> None:
        """Remove a role; whoever bears it can do nothing by it any more.

        Raises:
            Conflict: It is built in or declared in the file, or another role includes it.
            NotFound: There is no such role.
        """
        _check_free(name, {*BUILTIN, *self.guard.settings.roles}, "role")
        users = [each.name for each in await self.roles(tenant) if name in each.includes]
        if users:
            raise Conflict(f"The role {users[0]} includes {name}.", hint="Change that one first.")
        await self._change(tenant, partial(rules.delete_role, name=name))

    async def policies(self, tenant: str) -> list[PolicyRule]:
        """All policies of a tenant, by name."""
        stored = await self.guard.database.read(Scope(tenant, None), rules.policies)
        known = {policy.name: policy for policy in stored}
        known |= {policy.name: policy for policy in declared_policies(self.guard.settings)}
        return [known[name] for name in sorted(known)]

    async def policy(self, tenant: str, name: str) -> PolicyRule:
        """Raises `NotFound`."""
        return _named(await self.policies(tenant), name, "policy")

    def reading_policy(self, name: str) -> Callable[[Tx], PolicyRule]:
        """How `policy` reads what is stored, inside of a transaction."""
        return lambda tx: _named(rules.policies(tx), name, "policy")

    async def put_policy(self, caller: Caller, policy: PolicyRule) -> PolicyRule:
        """Store a policy of the caller's tenant, in place of one of that name.

        Raises:
            Conflict: The name belongs to a policy of the file.
            AccessDenied: It would allow what the caller may not do.
        """
        _check_free(policy.name, self.guard.settings.policies.keys(), "policy")
        policy = policy.model_copy(update={"source": "database"})
        if policy.effect == "allow":
            await self._check_permissions(caller, policy.permissions)
        return await self._change(caller.tenant, partial(rules.put_policy, policy=policy))

    async def delete_policy(self, tenant: str, name: str) -> None:
        """Raises `NotFound`, or `Conflict` for one of the file."""
        _check_free(name, self.guard.settings.policies.keys(), "policy")
        await self._change(tenant, partial(rules.delete_policy, name=name))

    async def can(
        self, caller: Caller, action: str, resource: str | None = None, agent: str | None = None
    ) -> Decision:
        """Whether `caller` may do something, and why. Raises `InvalidInput` if it is no action."""
        if action not in ACTIONS:
            from muxi.core.permissions import permission

            permission(action)
            raise InvalidInput(f"{action[:100]} is not one action but a pattern of several.")
        return await self.guard.decide(caller, action, resource, agent=agent)

    async def _check_rights(self, caller: Caller, role: Role) -> None:
        """Nobody gives away what they do not have."""
        await self._check_permissions(caller, role.allow)
        known = {each.name: each for each in await self.roles(caller.tenant)}
        for name in role.includes:
            if name in known and name != role.name:
                await self._check_rights(caller, known[name])

    async def _check_permissions(self, caller: Caller, permissions: list[str]) -> None:
        from muxi.core.permissions import permission

        for text in permissions:
            parsed = permission(text)
            upon = None if parsed.resource == "*" else parsed.resource
            for action in parsed.actions:
                await self.guard.require(caller, action, upon)

    async def _change(self, tenant: str, fn: Callable[[Tx], T]) -> T:
        task = asyncio.ensure_future(self.guard.database.write(Scope(tenant, None), fn))
        # Also if the caller is cancelled meanwhile: the change is made all the same.
        task.add_done_callback(lambda _: self.guard.forget(tenant))
        return await asyncio.shield(task)


def _check_free(name: str, taken: Collection[str], noun: str) -> None:
    if name in taken:
        raise Conflict(
            f"The {noun} {name} is built in or declared in the project's file.",
            hint="Choose another name, or change the file.",
        )


def _named(found: list[Rule], name: str, noun: str) -> Rule:
    for each in found:
        if each.name == name:
            return each
    raise NotFound(f"There is no {noun} {name[:64]}.")


def _check_includes(roles: dict[str, Role], name: str, above: tuple[str, ...]) -> None:
    if name in above:
        raise InvalidInput(f"The role {name} would include itself.")
    if name not in roles:
        raise InvalidInput(f"There is no role {name} to include.")
    for each in roles[name].includes:
        _check_includes(roles, each, (*above, name))
