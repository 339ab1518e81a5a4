"""A server that works for long takes no more for a turn than at first, and keeps no more."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp
import pytest

from muxi.cli.bench import provider as scripted

from .node import DEADLINE, HERE, node, script
from .sizes import Size, sized
from .turns import Door, Window, told

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")

Record = Callable[[str, Any], None]

_AT_ONCE = 16
_WINDOWS = 12
_CACHE_MIB = 60
"""What the cache of histories may come to hold, with all that goes with it, before it drops any."""

_BRIEF = """\
  brief:
    history_tokens: 2000
"""


@asynccontextmanager
async def _quick_provider() -> AsyncGenerator[str]:
    async with script(Path(scripted.__file__)) as url:
        yield f"{url}/8/0"


@asynccontextmanager
async def _door(folder: Path, provider: str, *, agents: str = "") -> AsyncGenerator[Door]:
    async with node(folder / "node", provider, agents=agents) as server:
        headers = {"Authorization": f"Bearer {server.token}"}
        timeout = aiohttp.ClientTimeout(total=DEADLINE)
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(
            headers=headers, timeout=timeout, connector=connector
        ) as session:
            yield Door(server, session, server.client())


def _thirds(windows: Sequence[Window], name: str) -> tuple[float, float]:
    """The median of a figure in the second and in the last third: the first is for warming up."""
    third = len(windows) // 3
    values = [getattr(window, name) for window in windows]
    return median(values[third : 2 * third]), median(values[2 * third :])


@sized("MUXI_LONG_SOAK_SECONDS", quick=8, long=600)
async def test_a_server_under_steady_load_grows_by_its_database_alone(
    size: Size, tmp_path: Path, record_property: Record
) -> None:
    windows: list[Window] = []
    over = asyncio.Event()
    async with _quick_provider() as provider, _door(tmp_path, provider) as door:
        door.window()
        idle = door.window()

        async def talk(number: int) -> None:
            thread = None
            count = 0
            while not over.is_set():
                thread = thread if count % 10 else None
                thread = await door.turn(f"{number} says {count}", thread=thread)
                count += 1

        async with asyncio.TaskGroup() as talkers:
            for number in range(_AT_ONCE):
                talkers.create_task(talk(number))
            for _ in range(_WINDOWS):
                await asyncio.sleep(size.count / _WINDOWS)
                windows.append(door.window())
            over.set()
        assert not door.failed, door.failed[0]
    turns = sum(window.turns for window in windows)
    record_property("turns", turns)
    record_property("turns a second", round(turns / size.count, 1))
    record_property("idle RSS MiB", round(idle.rss_mib, 1))
    record_property("windows", told(windows))
    before, after = _thirds(windows, "rss_mib")
    filled = before - idle.rss_mib > _CACHE_MIB and not size.quick
    assert after - before < (0.03 * before + 2 if filled else _CACHE_MIB), "memory grows"
    # A busy machine opens late what it opens once; what stays open with each turn is hundreds.
    more = 40 if size.quick else 4
    assert max(window.files for window in windows[4:]) <= windows[3].files + more, "files stay open"
    _assert_no_dearer(windows, size)


def _assert_no_dearer(windows: Sequence[Window], size: Size) -> None:
    """A late turn takes no more time, processor and disk than an early one."""
    if size.quick:
        # Its few turns say nothing: others use the machine too, and what is worked out after a
        # turn (windows, vectors, summaries) is worked out when there is time.
        return
    early, late = _thirds(windows, "cpu_ms")
    assert late < 1.3 * early + 0.4, "turns become dearer"
    early, late = _thirds(windows, "p10_ms")
    assert late < 1.5 * early + 2, "turns become slower"
    third = len(windows) // 3
    parts = [windows[third : 2 * third + 1], windows[2 * third :]]
    early, late = (
        (part[-1].database_bytes - part[0].database_bytes) / sum(w.turns for w in part[1:])
        for part in parts
    )
    assert late < 1.2 * early + 100, f"a turn took {early:.0f} bytes, and later {late:.0f}"


@sized("MUXI_LONG_THREAD_TURNS", quick=180, long=5_000)
async def test_a_turn_of_a_long_thread_costs_what_one_of_a_short_thread_costs(
    size: Size, tmp_path: Path, record_property: Record
) -> None:
    windows: list[Window] = []
    calm = script(HERE / "moody_provider.py", "calm", "0", "1")
    async with calm as provider, _door(tmp_path, provider, agents=_BRIEF) as door:
        thread = await door.turn("The first of many")
        door.window()
        for number in range(size.count):
            if number % 2:
                await door.turn(f"This is turn {number}", thread=thread, agent="brief")
            else:
                await door.followed_turn(f"This is turn {number}", thread=thread, agent="brief")
            if number % (size.count // _WINDOWS) == size.count // _WINDOWS - 1:
                windows.append(door.window())
        assert not door.failed, door.failed[0]
        messages = await door.client.messages(thread)
    assert len(messages) == 2 * (size.count + 1)
    record_property("turns", size.count)
    record_property("windows", told(windows))
    _assert_no_dearer(windows, size)


@sized("MUXI_LONG_IN_FLIGHT", quick=200, long=500)
async def test_many_turns_in_flight_at_once_all_succeed(
    size: Size, tmp_path: Path, record_property: Record
) -> None:
    # The provider begins no answer before all questions have come: all are in flight at once.
    held = script(HERE / "moody_provider.py", "calm", "0.005", str(size.count))
    async with held as provider, _door(tmp_path, provider) as door:
        async with asyncio.TaskGroup() as talkers:
            for number in range(size.count):
                talkers.create_task(door.turn(f"Question {number}"))
        assert not door.failed, door.failed[0]
        record_property("turns", len(door.walls))
        record_property("windows", told([door.window()]))
