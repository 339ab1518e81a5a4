"""Users, service accounts and groups of a tenant. Called by doors, as `runtime.identity.users`.

Who may call it is decided before. What belongs to a user outlives them: their threads and memories
are removed by forgetting, not here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

from muxi.core.caller import LOCAL_USER
from muxi.core.errors import Conflict, InvalidInput
from muxi.core.identities import Group, User
from muxi.core.pages import Page
from muxi.core.users import user_id
from muxi.identity.audit.log import tell
from muxi.identity.directory import Directory
from muxi.identity.passwords import Passwords
from muxi.identity.sessions import end_sessions
from muxi.storage import users
from muxi.storage.transaction import Tx


class Users:
    """The users and groups of each tenant."""

    def __init__(self, directory: Directory, passwords: Passwords) -> None:
        self._directory = directory
        self._passwords = passwords

    async def create(self, tenant: str, user: User, *, password: str | None = None) -> User:
        """Add a user to a tenant and to the groups that `user` names.

        Raises:
            InvalidInput: The id or the password is not possible.
            Conflict: The id or the address is taken.
            NotFound: There is no such group.
        """
        if user_id(user.id) == LOCAL_USER:
            raise Conflict("The user `local` is the person at the server's machine.")
        if "/" in user.id:
            raise InvalidInput("The id of a user has no `/`: it stands in addresses.")
        if password is not None and user.kind == "service":
            raise InvalidInput("A service account has keys and no password.")
        hashed = None
        if password is not None:
            hashed = await self._passwords.hash(password, user=user.id)

        def add(tx: Tx) -> User:
            users.add(tx, user)
            for group in user.groups:
                users.join(tx, group, user.id)
            if hashed is not None:
                users.set_password(tx, user.id, hashed)
            return users.get(tx, user.id)

        tell(user=user.id, roles=",".join(user.roles))
        return await self._directory.change(tenant, add)

    async def get(self, tenant: str, id: str) -> User:
        """Raises `NotFound`."""
        return await self._directory.read(tenant, partial(users.get, id=id))

    def reading(self, id: str) -> Callable[[Tx], User]:
        """How `get` reads, inside of a transaction."""
        return partial(users.get, id=id)

    async def page(self, tenant: str, *, cursor: str | None = None, limit: int = 50) -> Page[User]:
        """Users by their ids."""
        found = await self._directory.read(tenant, partial(users.page, after=cursor, limit=limit))
        return Page[User](items=list(found.items), next=found.next)

    async def update(self, tenant: str, id: str, **changes: object) -> User:
        """Change a user's `name`, `email`, `roles` or `disabled`.

        Raises:
            NotFound: There is no such user.
            Conflict: Another user has the address, or `local` would lose what it can.
        """
        if id == LOCAL_USER and changes.keys() & {"roles", "disabled"}:
            raise Conflict("The user `local` may do everything, always.")

        tell(changed=",".join(sorted(changes)))
        if "roles" in changes:
            # Who looks into the log looks for the one that gave somebody a right.
            tell(roles=",".join(cast("Sequence[str]", changes["roles"])))

        def change(tx: Tx) -> User:
            user = users.get(tx, id).model_copy(update=changes)
            users.update(tx, user)
            return users.get(tx, id)

        return await self._directory.change(tenant, change)

    async def delete(self, tenant: str, id: str) -> None:
        """Remove a user with their credentials; their threads and memories stay.

        Raises:
            NotFound: There is no such user.
            Conflict: It is `local`, who cannot be removed.
        """
        if id == LOCAL_USER:
            raise Conflict("The user `local` cannot be removed.")
        await self._directory.change(tenant, partial(users.delete, id=id))

    async def set_password(
        self, tenant: str, id: str, password: str | None, *, keep: str | None = None
    ) -> None:
        """Give a user a password, or none; and end their sessions and links, save for one session.

        Raises:
            NotFound: There is no such user.
            InvalidInput: The password is not possible, or the user is a service account.
        """
        user = await self.get(tenant, id)
        if user.kind == "service":
            raise InvalidInput("A service account has keys and no password.")
        hashed = None if password is None else await self._passwords.hash(password, user=id)

        def change(tx: Tx) -> None:
            users.set_password(tx, id, hashed)
            end_sessions(tx, id, keep=keep)

        await self._directory.change(tenant, change)

    async def put_group(self, tenant: str, group: Group) -> Group:
        """Make a group, or change what it is; who is in it stays."""
        tell(roles=",".join(group.roles))
        return await self._directory.change(tenant, partial(users.put_group, group=group))

    async def group(self, tenant: str, name: str) -> Group:
        """Raises `NotFound`."""
        return await self._directory.read(tenant, partial(users.get_group, name=name))

    def reading_group(self, name: str) -> Callable[[Tx], Group]:
        """How `group` reads, inside of a transaction."""
        return partial(users.get_group, name=name)

    async def groups(
        self, tenant: str, *, cursor: str | None = None, limit: int = 50
    ) -> Page[Group]:
        """Groups by name."""
        read = partial(users.group_page, after=cursor, limit=limit)
        found = await self._directory.read(tenant, read)
        return Page[Group](items=list(found.items), next=found.next)

    async def delete_group(self, tenant: str, name: str) -> None:
        """Raises `NotFound`."""
        await self._directory.change(tenant, partial(users.delete_group, name=name))

    async def members(
        self, tenant: str, group: str, *, cursor: str | None = None, limit: int = 50
    ) -> Page[User]:
        """The users of a group, by their ids. Raises `NotFound`."""

        def read(tx: Tx) -> Page[User]:
            found = users.members(tx, group, after=cursor, limit=limit)
            return Page[User](items=[users.get(tx, one) for one in found.items], next=found.next)

        return await self._directory.read(tenant, read)

    async def join(self, tenant: str, group: str, user: str) -> None:
        """Raises `NotFound` if there is no such group or user."""
        await self._directory.change(tenant, partial(users.join, group=group, user=user))

    async def leave(self, tenant: str, group: str, user: str) -> None:
        """Raises `NotFound` if there is no such group."""
        await self._directory.change(tenant, partial(users.leave, group=group, user=user))
