"""Users, service accounts and groups, in the scope's tenant. Called by `identity`.

Whoever changes something here bumps the tenant's revision in the same transaction.
"""

from __future__ import annotations

from dataclasses import dataclass

from muxi.core import owners
from muxi.core.errors import Conflict, NotFound
from muxi.core.identities import Group, User
from muxi.storage import secrets, tenants
from muxi.storage.records import Page, column, cursor, encode, micros, place
from muxi.storage.sql import users as sql
from muxi.storage.transaction import Row, Tx


@dataclass(frozen=True, slots=True)
class Account:
    """A user with what is never shown."""

    user: User
    password: str | None
    """The hash of the password."""


def add(tx: Tx, user: User) -> User:
    """Store a new user.

    Raises:
        Conflict: The id or the address is taken.
    """
    if not ensure(tx, user):
        raise Conflict(f"There is a user {user.id} already, or one with this address.")
    return user


def ensure(tx: Tx, user: User) -> bool:
    """Store a user unless there is one of that id; whether it was stored."""
    tenants.ensure(tx)
    added = tx.run(
        sql.ADD,
        id=column(user.id),
        kind=user.kind,
        email=user.email and _folded(user.email),
        password=None,
        disabled_at=None,
        created_at=micros(user.created_at),
        record=encode(_kept(user)),
    )
    if added:
        tenants.touch(tx)
    return bool(added)


def get(tx: Tx, id: str) -> User:
    """Raises `NotFound`."""
    return account(tx, id).user


def account(tx: Tx, id: str) -> Account:
    """A user with what is never shown. Raises `NotFound`."""
    row = tx.row(sql.GET, id=column(id))
    if row is None:
        raise NotFound(f"There is no user {id}.", user=id)
    return _account(tx, row)


def find(tx: Tx, name: str) -> Account | None:
    """The user with that id, or with that address."""
    row = tx.row(sql.GET, id=column(name)) or tx.row(sql.BY_EMAIL, email=_folded(name))
    return None if row is None else _account(tx, row)


def page(tx: Tx, *, after: str | None = None, limit: int = 50) -> Page[User]:
    """Users by their ids; `after` is the cursor of a page before."""
    begin = place(after, 1)[0] if after else ""
    rows = tx.rows(sql.PAGE, after=begin, limit=limit + 1)
    users = [_account(tx, row).user for row in rows[:limit]]
    return Page(users, cursor(column(users[-1].id)) if len(rows) > limit else None)


def update(tx: Tx, user: User) -> User:
    """Store `user` as it is now.

    Raises:
        NotFound: There is none of that id.
        Conflict: Another one has its address.
    """
    email = user.email and _folded(user.email)
    if email is not None:
        other = tx.row(sql.BY_EMAIL, email=email)
        if other is not None and User.model_validate_json(other[0]).id != user.id:
            raise Conflict("Another user has this address.")
    stopped = tx.now() if user.disabled else None
    if not tx.run(
        sql.UPDATE, id=column(user.id), email=email, disabled_at=stopped, record=encode(_kept(user))
    ):
        raise NotFound(f"There is no user {user.id}.", user=user.id)
    tenants.touch(tx)
    return user


def set_password(tx: Tx, id: str, password: str | None) -> None:
    """Keep the hash of a password; None lets the user have none. Raises `NotFound`."""
    if not tx.run(sql.SET_PASSWORD, id=column(id), password=password):
        raise NotFound(f"There is no user {id}.", user=id)


def delete(tx: Tx, id: str) -> None:
    """Delete a user with all their credentials. The rest of theirs stays. Raises `NotFound`."""
    if not tx.run(sql.DELETE, id=column(id)):
        raise NotFound(f"There is no user {id}.", user=id)
    secrets.delete_of(tx, owners.user(column(id)))
    tenants.touch(tx)


def put_group(tx: Tx, group: Group) -> Group:
    """Store a group, in place of what the name stood for; who is in it stays."""
    tenants.ensure(tx)
    tx.run(
        sql.PUT_GROUP,
        name=column(group.name),
        created_at=micros(group.created_at),
        record=encode(group),
    )
    tenants.touch(tx)
    return get_group(tx, group.name)


def get_group(tx: Tx, name: str) -> Group:
    """Raises `NotFound`."""
    found = find_group(tx, name)
    if found is None:
        raise NotFound(f"There is no group {name}.", group=name)
    return found


def find_group(tx: Tx, name: str) -> Group | None:
    """The group of that name."""
    row = tx.row(sql.GET_GROUP, name=column(name))
    return None if row is None else Group.model_validate_json(row[0])


def groups_of(tx: Tx, user: str) -> list[Group]:
    """The groups that a user is in, by name."""
    rows = tx.rows(sql.GROUPS, user_id=column(user))
    return [Group.model_validate_json(row[1]) for row in rows]


def group_page(tx: Tx, *, after: str | None = None, limit: int = 50) -> Page[Group]:
    """Groups by name; `after` is the cursor of a page before."""
    begin = place(after, 1)[0] if after else ""
    rows = tx.rows(sql.GROUP_PAGE, after=begin, limit=limit + 1)
    groups = [Group.model_validate_json(row[0]) for row in rows[:limit]]
    return Page(groups, cursor(groups[-1].name) if len(rows) > limit else None)


def delete_group(tx: Tx, name: str) -> None:
    """Raises `NotFound`."""
    if not tx.run(sql.DELETE_GROUP, name=column(name)):
        raise NotFound(f"There is no group {name}.", group=name)
    tenants.touch(tx)


def members(tx: Tx, group: str, *, after: str | None = None, limit: int = 50) -> Page[str]:
    """Ids of the users of a group. Raises `NotFound` if there is no such group."""
    get_group(tx, group)
    begin = place(after, 1)[0] if after else ""
    rows = tx.rows(sql.MEMBERS, group_name=column(group), after=begin, limit=limit + 1)
    found = [str(row[0]) for row in rows[:limit]]
    return Page(found, cursor(found[-1]) if len(rows) > limit else None)


def join(tx: Tx, group: str, user: str) -> None:
    """Let a user be in a group. Raises `NotFound` if there is no such group or user."""
    get_group(tx, group)
    get(tx, user)
    if tx.run(sql.JOIN, group_name=column(group), user_id=column(user)):
        tenants.touch(tx)


def leave(tx: Tx, group: str, user: str) -> None:
    """Let a user be in a group no longer. Raises `NotFound` if there is no such group."""
    get_group(tx, group)
    if tx.run(sql.LEAVE, group_name=column(group), user_id=column(user)):
        tenants.touch(tx)


def _account(tx: Tx, row: Row) -> Account:
    record, disabled, password = row
    user = User.model_validate_json(record)
    user.disabled = disabled is not None
    user.has_password = password is not None
    user.groups = [group.name for group in groups_of(tx, user.id)]
    return Account(user, password)


def _kept(user: User) -> User:
    """What the record holds: the rest has a column or a table of its own."""
    return user.model_copy(update={"groups": [], "disabled": False, "has_password": False})


def _folded(email: str) -> str:
    return column(email.strip().casefold())
