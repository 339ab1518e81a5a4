"""Whose credentials a caller may touch. Used by the files of users, sessions, keys and links.

Whoever may make and change users could otherwise sign in as an administrator, so what belongs to
somebody who can do more than oneself needs the right to give roles.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from muxi.core.caller import DEFAULT_TENANT, Caller
from muxi.core.errors import AccessDenied
from muxi.core.permissions import covers
from muxi.server.operations import Call


def is_own(call: Call[Any, Any], user: str) -> bool:
    """Whether `user` is who has signed in, and acts for nobody else."""
    return call.caller.acting_for is None and call.caller.user == user


async def require_management(call: Call[Any, Any], user: str) -> None:
    """Raises `AccessDenied` unless the caller may touch the credentials of `user`."""
    guard = call.runtime.guard
    await guard.require(call.caller, "users.write", user)
    standing = await call.runtime.identity.callers.roles_of(call.caller.tenant, user)
    if not standing <= call.caller.roles:
        await guard.require(call.caller, "roles.assign")


async def require_roles(call: Call[Any, Any], roles: Iterable[str]) -> None:
    """Raises `AccessDenied` unless the caller may give these roles, if there are any."""
    if list(roles):
        await call.runtime.guard.require(call.caller, "roles.assign")


async def require_known_roles(call: Call[Any, Any], roles: Iterable[str]) -> None:
    """Raises `InvalidInput` if one of them does not exist."""
    await call.runtime.rules.require_roles(call.caller.tenant, roles)


def require_within(call: Call[Any, Any], scopes: Iterable[str] | None) -> None:
    """Raises `AccessDenied` if a key would be good for more than the credential in use."""
    held = call.caller.credential.scopes
    if held is None:
        return
    if scopes is None or not all(covers(held, scope) for scope in scopes):
        raise AccessDenied(
            "A key cannot give more than it has itself.",
            hint="Name `scopes` that are within those of the credential that you use.",
        )


async def require_whole(call: Call[Any, Any]) -> None:
    """Raises `AccessDenied` if the credential in use is not good for all that its user may do.

    Asked before a link, a password or an identity elsewhere is given: whoever signs in with it is
    bound by no scopes. Who may give roles can have everything in any case.
    """
    if call.caller.credential.scopes is not None:
        await call.runtime.guard.require(call.caller, "roles.assign")


def require_operator(caller: Caller) -> None:
    """Raises `AccessDenied` unless the caller is of the tenant that runs the project."""
    if caller.tenant != DEFAULT_TENANT:
        raise AccessDenied("Only who runs the project may see, change and enter its tenants.")
