"""Foreign users who arrive: which user of ours each is, and what becomes of their groups and roles.

Called by `federation`. Who somebody is follows from issuer and subject alone, which never change
hands; a name or an address that is the same as a user's here proves nothing.
"""

from __future__ import annotations

from functools import partial

from muxi.config.federation_settings import Mapping as Rules
from muxi.core.caller import LOCAL_USER
from muxi.core.errors import AccessDenied, Conflict, InvalidInput
from muxi.core.identities import ForeignIdentity, Group, User
from muxi.core.record import now
from muxi.identity.directory import Directory
from muxi.identity.federation.claims import ForeignUser
from muxi.storage import foreign_identities, users
from muxi.storage.foreign_identities import Stored
from muxi.storage.records import instant
from muxi.storage.transaction import Tx


class Arrivals:
    """Links between foreign users and ours."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def known(self, tenant: str, issuer: str, subject: str) -> str | None:
        """The user that a subject is."""
        read = partial(foreign_identities.find, issuer=issuer, subject=subject)
        found = await self._directory.read(tenant, read)
        return None if found is None else found.user

    async def arrive(self, rules: Rules, foreign: ForeignUser) -> str:
        """The user that somebody is, made if the project says so, with their groups and roles.

        Raises:
            AccessDenied: They are nobody here, or their id belongs to somebody else.
        """
        change = partial(_arrive, rules=rules, foreign=foreign)
        return await self._directory.change(rules.tenant, change)

    async def of_user(self, tenant: str, user: str) -> list[ForeignIdentity]:
        """All that a user is elsewhere. Raises `NotFound` if there is no such user."""

        def read(tx: Tx) -> list[Stored]:
            users.get(tx, user)
            return foreign_identities.of_user(tx, user)

        return [_shown(each) for each in await self._directory.read(tenant, read)]

    async def link(self, tenant: str, user: str, issuer: str, subject: str) -> ForeignIdentity:
        """Let a subject be this user.

        Raises:
            NotFound: There is no such user.
            Conflict: The subject is another user already.
            InvalidInput: The user is the person at this machine.
        """
        if user == LOCAL_USER:
            raise InvalidInput("The user `local` is the person at the server's machine.")

        def change(tx: Tx) -> Stored:
            users.get(tx, user)
            found = foreign_identities.find(tx, issuer, subject)
            if found is not None and found.user != user:
                raise Conflict(f"This identity is the user {found.user} already.")
            return found or foreign_identities.put(tx, issuer, subject, user, {})

        return _shown(await self._directory.change(tenant, change))

    async def unlink(self, tenant: str, user: str, issuer: str, subject: str) -> None:
        """Let a subject be this user no longer. Raises `NotFound`."""

        def change(tx: Tx) -> None:
            found = foreign_identities.find(tx, issuer, subject)
            # The identity of another user is told of as one that is not there.
            own = found is not None and found.user == user
            foreign_identities.delete(tx, issuer, subject if own else "")

        await self._directory.change(tenant, change)


def _arrive(tx: Tx, rules: Rules, foreign: ForeignUser) -> str:
    known = foreign_identities.find(tx, foreign.issuer, foreign.subject)
    user = _created(tx, rules, foreign) if known is None else users.get(tx, known.user)
    about = {"name": foreign.name, "email": foreign.email}
    told = {name: value for name, value in about.items() if value}
    foreign_identities.put(tx, foreign.issuer, foreign.subject, user.id, told)
    _settle(tx, rules, foreign, user)
    return user.id


def _created(tx: Tx, rules: Rules, foreign: ForeignUser) -> User:
    if not rules.create_users:
        raise AccessDenied(
            f"{foreign.wanted_id} is no user of this project yet.",
            hint=f"An administrator can link the subject {foreign.subject} to a user.",
        )
    wanted = foreign.wanted_id
    if wanted == LOCAL_USER or users.find(tx, wanted) is not None:
        raise AccessDenied(
            f"The id {wanted} belongs to another user of this project.",
            hint=f"An administrator can link the subject {foreign.subject} to that user.",
        )
    free = foreign.email is not None and users.find(tx, foreign.email) is None
    return users.add(
        tx,
        User(
            id=wanted,
            name=foreign.name,
            email=foreign.email if free else None,
            roles=sorted(rules.default_roles),
            created_at=now(),
        ),
    )


def _settle(tx: Tx, rules: Rules, foreign: ForeignUser, user: User) -> None:
    """Give and take the groups and roles that the provider decides; leave all others alone."""
    mine = {group.name for group in users.groups_of(tx, user.id)}
    for name in sorted(rules.groups.keys() & (foreign.groups ^ mine)):
        if name in mine:
            users.leave(tx, name, user.id)
            continue
        if users.find_group(tx, name) is None:
            users.put_group(tx, Group(name=name, created_at=now()))
        users.join(tx, name, user.id)
    roles = (set(user.roles) - (rules.roles.keys() - set(rules.default_roles))) | foreign.roles
    if roles != set(user.roles):
        users.update(tx, user.model_copy(update={"roles": sorted(roles)}))


def _shown(stored: Stored) -> ForeignIdentity:
    return ForeignIdentity(
        issuer=stored.issuer,
        subject=stored.subject,
        user=stored.user,
        name=stored.about.get("name"),
        email=stored.about.get("email"),
        created_at=instant(stored.created_at),
        seen_at=instant(stored.seen_at),
    )
