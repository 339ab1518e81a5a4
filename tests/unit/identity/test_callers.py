"""What is kept of credentials: never longer than it is true, however changes and reads meet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from support.postgres import PostgresAddress

from muxi.config.identity_settings import IdentitySettings
from muxi.core.errors import AccessDenied
from muxi.core.identities import User
from muxi.core.record import now
from muxi.identity import tokens
from muxi.identity.attempts import Attempts
from muxi.identity.callers import Callers
from muxi.identity.directory import Directory
from muxi.identity.identity import Identity
from muxi.identity.keys import Keys
from muxi.identity.passwords import Passwords
from muxi.identity.sessions import Browser, Sessions
from muxi.identity.users import Users
from muxi.storage.database import Database, open_database
from muxi.storage.records import DAY


@dataclass
class Clock:
    """Microseconds that pass only when a test says so."""

    now: int = 1_800_000_000_000_000

    def __call__(self) -> int:
        return self.now


@dataclass
class World:
    """The parts of the room on one clock."""

    database: Database
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.callers = Callers(self.database, idle=7 * DAY, clock=self.clock)
        directory = Directory(self.database, self.callers)
        self.keys = Keys(directory, days=None, clock=self.clock)
        self.sessions = Sessions(
            directory,
            Passwords(length=12),
            Attempts(self.database),
            days=30,
            with_passwords=True,
            clock=self.clock,
        )

    async def good(self, text: str) -> bool:
        try:
            return await self.callers.identify(text) is not None
        except AccessDenied:
            return False

    async def until_refused(self, text: str) -> None:
        async with asyncio.timeout(60):
            while True:
                if not await self.good(text):
                    return
                await asyncio.sleep(0.01)


@pytest.fixture
async def database() -> AsyncIterator[Database]:
    opened = await open_database("sqlite://")
    identity = Identity(opened, IdentitySettings())
    await identity.start()
    await identity.users.create("default", User(id="ann", roles=["member"], created_at=now()))
    yield opened
    await identity.close()
    await opened.close()


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


async def test_a_session_ends_after_a_week_without_use_and_after_a_month_in_any_case(
    world: World,
) -> None:
    idle = await world.sessions.begin("default", "ann", Browser(), how="password")
    busy = await world.sessions.begin("default", "ann", Browser(), how="password")
    for day in range(1, 31):
        world.clock.now += DAY
        assert await world.good(busy) is (day < 30)
        if day == 6:
            assert await world.good(idle)
    assert not await world.good(idle)
    assert (await world.sessions.page("default", "ann")).items == []


async def test_a_sign_in_with_a_password_that_is_changed_meanwhile_comes_to_nothing(
    database: Database,
) -> None:
    checked, go_on = asyncio.Event(), asyncio.Event()

    class Slow(Passwords):
        async def verify(self, hashed: str | None, password: str) -> bool:
            right = await super().verify(hashed, password)
            checked.set()
            await go_on.wait()
            return right

    passwords = Slow(length=12)
    directory = Directory(database, Callers(database, idle=7 * DAY))
    attempts = Attempts(database)
    sessions = Sessions(directory, passwords, attempts, days=30, with_passwords=True)
    users = Users(directory, passwords)
    await users.set_password("default", "ann", "correct horse battery")
    signing_in = asyncio.create_task(
        sessions.sign_in("default", "ann", "correct horse battery", Browser())
    )
    await asyncio.wait_for(checked.wait(), 60)
    await users.set_password("default", "ann", "another horse entirely")
    go_on.set()
    with pytest.raises(AccessDenied, match="wrong"):
        await signing_in
    assert (await sessions.page("default", "ann")).items == []
    assert await sessions.sign_in("default", "ann", "another horse entirely", Browser())


async def test_when_the_clock_is_set_back_nothing_lives_longer_than_it_would(world: World) -> None:
    text = await world.sessions.begin("default", "ann", Browser(), how="password")
    world.clock.now += 31 * DAY
    assert not await world.good(text)
    await world.sessions.begin("default", "ann", Browser(), how="password")
    world.clock.now -= 31 * DAY
    # What had expired was removed when the next one began.
    world.callers.forget("default")
    assert not await world.good(text)


async def test_an_expired_key_is_refused_from_what_is_kept_too(world: World) -> None:
    made = await world.keys.create("default", "ann")
    rotated = await world.keys.rotate("default", made.id, overlap=60)
    assert await world.good(made.key)
    world.clock.now += 60_000_000
    assert not await world.good(made.key)
    assert await world.good(rotated.key)


async def test_a_read_that_a_change_overtakes_is_not_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await world.keys.create("default", "ann")
    read = world.database.read
    reading, revoked = asyncio.Event(), asyncio.Event()

    async def slow(*arguments: object, **options: object) -> object:
        found = await read(*arguments, **options)  # pyright: ignore[reportArgumentType] -- passed on
        if not revoked.is_set():
            reading.set()
            await revoked.wait()
        return found

    monkeypatch.setattr(world.database, "read", slow)
    early = asyncio.create_task(world.good(made.key))
    async with asyncio.timeout(60):
        await reading.wait()
        await world.keys.revoke("default", made.id)
        revoked.set()
        # It was asked before the key was revoked, so either answer is right; the next is not.
        await early
    assert not await world.good(made.key)


async def test_a_change_whose_caller_has_gone_is_seen_all_the_same(world: World) -> None:
    made = await world.keys.create("default", "ann")
    assert await world.good(made.key)
    revoking = asyncio.create_task(world.keys.revoke("default", made.id))
    await asyncio.sleep(0)
    revoking.cancel()
    await world.until_refused(made.key)


async def test_unknown_tenants_are_not_kept(world: World) -> None:
    for number in range(50):
        assert not await world.good(tokens.fresh("key", f"tenant-{number}").text)
    assert not world.callers._tenants


@pytest.mark.ci
async def test_another_node_sees_a_revoked_key_within_moments(
    postgres_database: PostgresAddress,
) -> None:
    here = await open_database(postgres_database.url, owner_url=postgres_database.owner_url)
    there = await open_database(postgres_database.url)
    first, second = World(here), World(there)
    identity = Identity(here, IdentitySettings())
    await identity.start()
    await identity.users.create("default", User(id="ann", created_at=now()))
    try:
        made = await first.keys.create("default", "ann")
        assert await second.good(made.key)
        await first.keys.revoke("default", made.id)
        assert not await first.good(made.key)
        await second.until_refused(made.key)
    finally:
        await identity.close()
        await here.close()
        await there.close()


def test_a_token_is_read_back_and_shows_no_secret() -> None:
    made = tokens.fresh("key", "acme-2")
    assert tokens.parse(made.text) == made
    assert made.secret not in repr(made)
    for text in ("", "muxi_key", made.text[:-1], made.text + "0", made.text.replace("acme", "AC")):
        assert tokens.parse(text) is None
