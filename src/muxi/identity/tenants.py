"""Tenants, as the operator of the project sees them. Called by doors, as `identity.tenants`."""

from __future__ import annotations

from functools import partial

from muxi.core.caller import DEFAULT_TENANT
from muxi.core.errors import Conflict, InvalidInput, NotFound
from muxi.core.identities import TENANT_ID, Tenant
from muxi.core.pages import Page
from muxi.identity.audit.log import tell
from muxi.identity.directory import Directory
from muxi.storage import tenants
from muxi.storage.records import cursor as cursor_of
from muxi.storage.records import place
from muxi.storage.transaction import Tx


class Tenants:
    """Makes, lists and stops tenants."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def create(self, id: str, name: str | None = None) -> Tenant:
        """A new tenant, without users.

        Raises:
            InvalidInput: This is no id of a tenant.
            Conflict: There is one of that id.
        """
        if TENANT_ID.fullmatch(id) is None:
            raise InvalidInput("A tenant's id has lower-case letters, digits and inner hyphens.")
        tell(tenant=id)
        return await self._directory.change(id, partial(tenants.add, name=name))

    async def get(self, id: str) -> Tenant:
        """Raises `NotFound`."""
        if TENANT_ID.fullmatch(id) is None:
            raise NotFound(f"There is no tenant {id}.")
        return await self._directory.read(id, tenants.get)

    def reading(self, tx: Tx) -> Tenant:
        """How `get` reads, inside of a transaction of the tenant."""
        return tenants.get(tx)

    async def page(self, *, cursor: str | None = None, limit: int = 50) -> Page[Tenant]:
        """Tenants by their ids."""
        begin = place(cursor, 1)[0] if cursor else ""
        names = [name for name in await self._directory.tenants() if name > begin]
        items = [await self._directory.read(name, tenants.get) for name in names[:limit]]
        rest = cursor_of(items[-1].id) if len(names) > limit else None
        return Page[Tenant](items=items, next=rest)

    async def update(self, id: str, **changes: object) -> Tenant:
        """Change a tenant's `name`, or whether it is `disabled`.

        Raises:
            NotFound: There is no such tenant.
            Conflict: It is the one of the project's operator.
        """
        if id == DEFAULT_TENANT and changes.get("disabled"):
            raise Conflict("The tenant of the project's operator cannot be disabled.")

        def change(tx: Tx) -> Tenant:
            return tenants.update(tx, tenants.get(tx).model_copy(update=changes))

        await self.get(id)
        return await self._directory.change(id, change)
