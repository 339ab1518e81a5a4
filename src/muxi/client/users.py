"""Users, groups, keys and tenants, as a client sees them.

Reached as `client.users`, `client.groups`, `client.keys` and `client.tenants`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from muxi.client.calls import Call, read, segment
from muxi.core.identities import Group, Key, Me, NewKey, Session, Tenant, User, UserKind
from muxi.core.pages import Page


class Users:
    """Users and service accounts, and oneself."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def me(self) -> Me:
        """Who asks, as the server sees them."""
        return read(Me, await self._call("GET", "/api/me"))

    async def page(self, *, cursor: str | None = None, limit: int = 50) -> Page[User]:
        """Users by their ids."""
        params = {"cursor": cursor, "limit": limit}
        return read(Page[User], await self._call("GET", "/api/users", params=params))

    async def get(self, id: str) -> User:
        return read(User, await self._call("GET", f"/api/users/{segment(id)}"))

    async def create(
        self,
        id: str,
        *,
        kind: UserKind = "person",
        name: str | None = None,
        email: str | None = None,
        roles: Sequence[str] = ("member",),
        groups: Sequence[str] = (),
        password: str | None = None,
    ) -> User:
        """Add a user, who signs in with `id`, or a service account, which has keys."""
        body = {
            "id": id,
            "kind": kind,
            "name": name,
            "email": email,
            "roles": list(roles),
            "groups": list(groups),
            "password": password,
        }
        return read(User, await self._call("POST", "/api/users", body=body))

    async def change(self, id: str, **changes: Any) -> User:
        """Change `name`, `email`, `roles` or `disabled`."""
        return read(User, await self._call("PATCH", f"/api/users/{segment(id)}", body=changes))

    async def delete(self, id: str) -> None:
        """Remove a user with their credentials; their threads and memories stay."""
        await self._call("DELETE", f"/api/users/{segment(id)}")

    async def set_password(self, id: str, password: str | None) -> None:
        """Give a user a password, or none, and end their sessions."""
        body = {"password": password}
        await self._call("PUT", f"/api/users/{segment(id)}/password", body=body)

    async def change_password(self, password: str, *, current: str | None = None) -> None:
        """Change one's own password, and sign oneself out elsewhere."""
        body = {"password": password, "current": current}
        await self._call("PUT", "/api/me/password", body=body)

    async def sessions(
        self, id: str | None = None, *, cursor: str | None = None, limit: int = 50
    ) -> Page[Session]:
        """Where a user is signed in; oneself, if no user is named."""
        path = "/api/me/sessions" if id is None else f"/api/users/{segment(id)}/sessions"
        params = {"cursor": cursor, "limit": limit}
        return read(Page[Session], await self._call("GET", path, params=params))

    async def sign_out(self, id: str) -> None:
        """Sign a user out everywhere."""
        await self._call("DELETE", f"/api/users/{segment(id)}/sessions")

    async def end_session(self, session_id: str) -> None:
        """End one of one's own sessions."""
        await self._call("DELETE", f"/api/me/sessions/{segment(session_id)}")


class Groups:
    """Groups of users, who share roles."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def page(self, *, cursor: str | None = None, limit: int = 50) -> Page[Group]:
        """Groups by name."""
        params = {"cursor": cursor, "limit": limit}
        return read(Page[Group], await self._call("GET", "/api/groups", params=params))

    async def get(self, name: str) -> Group:
        return read(Group, await self._call("GET", f"/api/groups/{segment(name)}"))

    async def put(self, name: str, *, description: str = "", roles: Sequence[str] = ()) -> Group:
        """Make a group, or change what it is; who is in it stays."""
        body = {"description": description, "roles": list(roles)}
        return read(Group, await self._call("PUT", f"/api/groups/{segment(name)}", body=body))

    async def delete(self, name: str) -> None:
        await self._call("DELETE", f"/api/groups/{segment(name)}")

    async def members(self, name: str, *, cursor: str | None = None, limit: int = 50) -> Page[User]:
        """The users of a group, by their ids."""
        path = f"/api/groups/{segment(name)}/members"
        params = {"cursor": cursor, "limit": limit}
        return read(Page[User], await self._call("GET", path, params=params))

    async def add(self, name: str, user: str) -> None:
        """Let a user be in a group."""
        await self._call("PUT", f"/api/groups/{segment(name)}/members/{segment(user)}")

    async def remove(self, name: str, user: str) -> None:
        """Let a user be in a group no longer."""
        await self._call("DELETE", f"/api/groups/{segment(name)}/members/{segment(user)}")


class Keys:
    """Keys of the API."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def page(
        self, user: str | None = None, *, cursor: str | None = None, limit: int = 50
    ) -> Page[Key]:
        """The keys of a user, of oneself if none is named, of everybody for `*`."""
        params = {"user": user, "cursor": cursor, "limit": limit}
        return read(Page[Key], await self._call("GET", "/api/keys", params=params))

    async def get(self, id: str) -> Key:
        return read(Key, await self._call("GET", f"/api/keys/{segment(id)}"))

    async def create(
        self,
        *,
        name: str = "",
        user: str | None = None,
        scopes: Sequence[str] | None = None,
        expires_at: datetime | None = None,
    ) -> NewKey:
        """A new key, for oneself if no user is named. Its text is told here and never again."""
        body = {
            "name": name,
            "user": user,
            "scopes": None if scopes is None else list(scopes),
            "expires_at": None if expires_at is None else expires_at.isoformat(),
        }
        return read(NewKey, await self._call("POST", "/api/keys", body=body))

    async def rotate(self, id: str, *, overlap_seconds: int = 86_400) -> NewKey:
        """A key in the place of another, which stays good for some time."""
        body = {"overlap_seconds": overlap_seconds}
        path = f"/api/keys/{segment(id)}/rotate"
        return read(NewKey, await self._call("POST", path, body=body))

    async def revoke(self, id: str) -> None:
        """Let a key be good for nothing, at once."""
        await self._call("DELETE", f"/api/keys/{segment(id)}")


class Tenants:
    """Tenants, for who runs the project."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def page(self, *, cursor: str | None = None, limit: int = 50) -> Page[Tenant]:
        """Tenants by their ids."""
        params = {"cursor": cursor, "limit": limit}
        return read(Page[Tenant], await self._call("GET", "/api/tenants", params=params))

    async def get(self, id: str) -> Tenant:
        return read(Tenant, await self._call("GET", f"/api/tenants/{segment(id)}"))

    async def create(self, id: str, name: str | None = None) -> Tenant:
        body = {"id": id, "name": name}
        return read(Tenant, await self._call("POST", "/api/tenants", body=body))

    async def change(self, id: str, **changes: Any) -> Tenant:
        """Change `name` or `disabled`."""
        path = f"/api/tenants/{segment(id)}"
        return read(Tenant, await self._call("PATCH", path, body=changes))
