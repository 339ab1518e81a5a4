"""Roles and policies that were made through doors, in the scope's tenant. Called by `runtime`.

Whoever changes one bumps the tenant's revision in the same transaction.
"""

from __future__ import annotations

from muxi.core.errors import NotFound
from muxi.core.policies import PolicyRule, Role
from muxi.storage import tenants
from muxi.storage.records import encode
from muxi.storage.sql import rules as sql
from muxi.storage.transaction import Tx


def roles(tx: Tx) -> list[Role]:
    """All roles, by name."""
    return [Role.model_validate_json(row[0]) for row in tx.rows(sql.ROLES)]


def put_role(tx: Tx, role: Role) -> Role:
    """Store a role, in place of one of the same name."""
    tx.run(sql.PUT_ROLE, name=role.name, updated_at=tx.now(), record=encode(role))
    tenants.touch(tx)
    return role


def delete_role(tx: Tx, name: str) -> None:
    """Raises `NotFound`."""
    if not tx.run(sql.DELETE_ROLE, name=name):
        raise NotFound(f"There is no stored role {name[:64]}.", role=name)
    tenants.touch(tx)


def policies(tx: Tx) -> list[PolicyRule]:
    """All policies, by name."""
    return [PolicyRule.model_validate_json(row[0]) for row in tx.rows(sql.POLICIES)]


def put_policy(tx: Tx, policy: PolicyRule) -> PolicyRule:
    """Store a policy, in place of one of the same name."""
    tx.run(sql.PUT_POLICY, name=policy.name, updated_at=tx.now(), record=encode(policy))
    tenants.touch(tx)
    return policy


def delete_policy(tx: Tx, name: str) -> None:
    """Raises `NotFound`."""
    if not tx.run(sql.DELETE_POLICY, name=name):
        raise NotFound(f"There is no stored policy {name[:64]}.", policy=name)
    tenants.touch(tx)
