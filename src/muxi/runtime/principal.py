"""Who asks: the scope in which every service of the runtime works. Made by the doors.

The person at this machine is `local`. Callers with their credentials are `core.caller`'s.
"""

from __future__ import annotations

from muxi.core import owners
from muxi.core.caller import LOCAL_CALLER
from muxi.core.scope import Scope

Principal = Scope
"""Tenant and user. A service shows and changes only what this scope may see."""

LOCAL = LOCAL_CALLER.scope


def acting_for(user: str) -> Principal:
    """The scope of a user of the default tenant.

    Raises:
        InvalidInput: This is no id of a user.
    """
    return LOCAL_CALLER.acting(user).scope


def owner_for(who: Principal, owner: str | None = None) -> str:
    """The owner whose memory is meant: the user who asks, or the tenant, if none is named.

    Raises:
        InvalidInput: `owner` is no owner.
    """
    if owner is not None:
        return owners.checked(owner)
    return owners.TENANT if who.principal is None else owners.user(who.principal)
