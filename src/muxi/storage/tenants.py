"""Tenants: made, changed, and how often their users and credentials changed. Called by `identity`.

Which tenants there are is told by `Database.tenants`.
"""

from __future__ import annotations

from muxi.core.errors import Conflict, NotFound
from muxi.core.identities import Tenant
from muxi.storage.records import instant
from muxi.storage.sql import tenants as sql
from muxi.storage.transaction import Tx


def add(tx: Tx, name: str | None) -> Tenant:
    """Make the scope's tenant. Raises `Conflict` if there is one."""
    created = tx.now()
    if not tx.run(sql.ADD, name=name, created_at=created):
        raise Conflict(f"There is a tenant {tx.scope.tenant} already.", tenant=tx.scope.tenant)
    return Tenant(id=tx.scope.tenant, name=name, created_at=instant(created))


def ensure(tx: Tx) -> None:
    """Make the scope's tenant if there is none."""
    tx.run(sql.ADD, name=None, created_at=tx.now())


def get(tx: Tx) -> Tenant:
    """The scope's tenant. Raises `NotFound`."""
    row = tx.row(sql.GET)
    if row is None:
        raise NotFound(f"There is no tenant {tx.scope.tenant}.", tenant=tx.scope.tenant)
    name, disabled, created, _ = row
    return Tenant(
        id=tx.scope.tenant, name=name, disabled=disabled is not None, created_at=instant(created)
    )


def update(tx: Tx, tenant: Tenant) -> Tenant:
    """Store the scope's tenant as `tenant` says."""
    stopped = tx.now() if tenant.disabled else None
    tx.run(sql.UPDATE, name=tenant.name, disabled_at=stopped)
    touch(tx)
    return tenant


def revision(tx: Tx) -> int:
    """A number that changes with the users, groups and credentials of the scope's tenant."""
    row = tx.row(sql.GET)
    return 0 if row is None else int(row[3])


def touch(tx: Tx) -> None:
    """Let every copy of the tenant's users, groups and credentials be out of date."""
    if not tx.run(sql.TOUCH):
        ensure(tx)
        tx.run(sql.TOUCH)
