"""May this caller do that: asked by every door before it calls a service, and inside of runs.

The answer depends on the caller and on what is declared, never on what a service would find: a
service shows and changes only what is in the caller's scope, whatever is answered here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from muxi.config.identity_settings import IdentitySettings
from muxi.core.caller import Caller
from muxi.core.errors import AccessDenied
from muxi.core.policies import Decision, PolicyRule, Role

if TYPE_CHECKING:
    from muxi.identity.policy.engine import Engine


@dataclass(kw_only=True)
class Guard:
    """Decides by the roles and policies of the project."""

    settings: IdentitySettings
    _engine: Engine | None = field(default=None, init=False)

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
        engine = self._engine
        if engine is None:
            engine = self._engine = self._make()
        return engine.decide(caller, action, resource, agent)

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
            raise AccessDenied(
                decision.reason,
                hint="`muxi can` says what you may do; who administers this project can change it.",
                action=action,
                resource=resource,
            )

    def _make(self) -> Engine:
        from muxi.identity.policy.builtin import BUILTIN_ROLES
        from muxi.identity.policy.engine import Engine

        roles = {**BUILTIN_ROLES, **declared_roles(self.settings)}
        return Engine(roles, declared_policies(self.settings))


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
