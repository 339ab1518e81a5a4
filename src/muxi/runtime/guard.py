"""May this caller do that: asked by every door before it calls a service, and inside of runs.

The answer depends on the caller and on what is declared, never on what a service would find: a
service shows and changes only what is in the caller's scope, whatever is answered here.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from muxi.config.identity_settings import IdentitySettings
from muxi.core.caller import Caller
from muxi.core.errors import AccessDenied
from muxi.core.policies import Decision, PolicyRule, Role
from muxi.core.scope import Scope
from muxi.identity.audit.log import AuditLog
from muxi.storage import rules, tenants
from muxi.storage.transaction import Database, Tx

if TYPE_CHECKING:
    from muxi.identity.policy.engine import Engine

_FRESH: Final = 1.0
"""Seconds for which a tenant's rules are believed, where other processes may change them."""


@dataclass(slots=True)
class _InForce:
    """The rules of a tenant."""

    engine: Engine
    revision: int
    checked: float
    stale: bool = False
    """Whether this process has changed them since."""


@dataclass(kw_only=True)
class Guard:
    """Decides by the roles and policies of the project and of each tenant."""

    settings: IdentitySettings
    database: Database
    audit: AuditLog
    _in_force: dict[str, _InForce] = field(default_factory=dict[str, "_InForce"], init=False)
    _common: Engine | None = field(default=None, init=False)
    """The rules of all tenants that have none of their own."""
    _changes: int = field(default=0, init=False)
    """Of this process. What was read before one is not kept after it."""

    async def decide(
        self,
        caller: Caller,
        action: str,
        resource: str | None = None,
        *,
        agent: str | None = None,
    ) -> Decision:
        """Whether `caller` may do `action`, such as `agents.use`, and why.

        Args:
            caller: Who asks.
            action: One of `core.actions`.
            resource: What it is done upon, such as the name of an agent.
            agent: The agent in whose run it is done.
        """
        known = self._in_force.get(caller.tenant)
        if known is None or not self._believed(known):
            known = await self._look(caller.tenant, known)
        return known.engine.decide(caller, action, resource, agent)

    def judge(
        self,
        caller: Caller,
        action: str,
        resource: str | None = None,
        *,
        agent: str | None = None,
    ) -> Decision:
        """As `decide`, by the rules that were last looked at: where nothing can be awaited, after
        something was decided for the same tenant."""
        return self._in_force[caller.tenant].engine.decide(caller, action, resource, agent)

    async def allows(self, caller: Caller, action: str, resource: str | None = None) -> bool:
        """Whether `caller` may do `action`, such as `runs.start`, upon `resource`."""
        return (await self.decide(caller, action, resource)).allowed

    async def require(
        self,
        caller: Caller,
        action: str,
        resource: str | None = None,
        *,
        agent: str | None = None,
    ) -> None:
        """Raises `AccessDenied` unless `caller` may do `action` upon `resource`."""
        decision = await self.decide(caller, action, resource, agent=agent)
        if not decision.allowed:
            await self.audit.refused(caller, action, resource)
            raise AccessDenied(
                decision.reason,
                hint="`muxi can` says what you may do; who administers this project can change it.",
                action=action,
                resource=resource,
            )

    def forget(self, tenant: str) -> None:
        """Look at the rules of a tenant again: they have changed."""
        self._changes += 1
        if (known := self._in_force.get(tenant)) is not None:
            known.stale = True

    def _believed(self, known: _InForce) -> bool:
        if known.stale:
            return False
        alone = self.database.dialect == "sqlite"
        return alone or time.monotonic() - known.checked < _FRESH

    async def _look(self, tenant: str, known: _InForce | None) -> _InForce:
        """The rules of a tenant as they are now."""
        checked, changes = time.monotonic(), self._changes
        read = partial(_of_tenant, unless=None if known is None else known.revision)
        revision, found = await self.database.read(Scope(tenant, None), read, tiny=True)
        if known is None or found is not None:
            known = _InForce(self._engine(*(found or ((), ()))), revision, checked)
        known.checked = checked
        if self._changes == changes or tenant not in self._in_force:
            known.stale = self._changes != changes
            self._in_force[tenant] = known
        return known

    def _engine(self, roles: Sequence[Role], policies: Sequence[PolicyRule]) -> Engine:
        from muxi.identity.policy.builtin import BUILTIN_ROLES
        from muxi.identity.policy.engine import Engine

        if self._common is None:
            declared = {**BUILTIN_ROLES, **declared_roles(self.settings)}
            self._common = Engine(declared, declared_policies(self.settings))
        common = self._common
        if not roles and not policies:
            return common
        # What the file says wins over a role of the same name that was stored before.
        own = {role.name: role for role in roles if role.name not in common.roles}
        return Engine({**own, **common.roles}, [*common.policies, *policies])


def _of_tenant(
    tx: Tx, *, unless: int | None
) -> tuple[int, tuple[Sequence[Role], Sequence[PolicyRule]] | None]:
    """The revision of a tenant, with its roles and policies unless they are of that one."""
    revision = tenants.revision(tx)
    return revision, None if revision == unless else (rules.roles(tx), rules.policies(tx))


def declared_roles(settings: IdentitySettings) -> dict[str, Role]:
    """The roles of the project's file."""
    return {
        name: Role(name=name, source="file", **each.model_dump())
        for name, each in settings.roles.items()
    }


def declared_policies(settings: IdentitySettings) -> list[PolicyRule]:
    """The policies of the project's file."""
    return [
        PolicyRule(name=name, source="file", **each.model_dump())
        for name, each in settings.policies.items()
    ]
