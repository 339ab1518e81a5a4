"""Who asks: the scope in which every service of the runtime works. Made by the doors.

The person at this machine is `local`. Whoever holds the project's token may act for any other user.
"""

from __future__ import annotations

from muxi.core import owners
from muxi.core.users import user_id
from muxi.storage.transaction import Scope

Principal = Scope
"""Tenant and user. A service shows and changes only what this scope may see."""

LOCAL = Scope(tenant="default", principal="local")


def acting_for(user: str) -> Principal:
    """The scope of a user of this project.

    Raises:
        InvalidInput: This is no id of a user.
    """
    return Scope(tenant=LOCAL.tenant, principal=user_id(user))


def owner_for(who: Principal, owner: str | None = None) -> str:
    """The owner whose memory is meant: the user who asks, or the tenant, if none is named.

    Raises:
        InvalidInput: `owner` is no owner.
    """
    if owner is not None:
        return owners.checked(owner)
    return owners.TENANT if who.principal is None else owners.user(who.principal)
