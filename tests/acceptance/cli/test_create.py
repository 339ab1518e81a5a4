"""`muxi create mcp-server` and `muxi mcp add` as processes: offline, whole or not at all."""

from __future__ import annotations

import asyncio
import resource
import signal
import sys
from pathlib import Path

import pytest

from tests.support.command import DEADLINE, Muxi
from tests.support.terminal import terminal

NO_NETWORK = """\
import socket

def refuse(*arguments, **options):
    raise AssertionError("this command speaks to nobody")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
"""


def everything_in(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


async def test_one_command_makes_a_server_offline_within_three_seconds(
    muxi: Muxi, tmp_path: Path
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(NO_NETWORK)
    muxi.environment["PYTHONPATH"] = str(tmp_path / "site")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = await muxi("create", "mcp-server", "--yes", "--name", "parcels", "-t", "minimal")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (done.code, done.out) == (0, "parcels\n")
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert used <= 3
    assert [each.name for each in muxi.folder.iterdir()] == ["parcels"]
    assert not (tmp_path / "home").exists()
    assert not (tmp_path / "data").exists()
    assert not list(muxi.folder.rglob("__pycache__"))


async def test_the_line_that_is_shown_gives_the_same_bytes(muxi: Muxi) -> None:
    done = await muxi("create", "mcp-server", "--yes", "-t", "database", "-d", 'Says "it\'s" $x')
    first = everything_in(muxi.folder / "my-mcp-server")
    (muxi.folder / "my-mcp-server").rename(muxi.folder / "first")
    line = next(line for line in done.err.splitlines() if line.startswith("The same again: muxi "))
    command = line.removeprefix("The same again: muxi ")
    process = await asyncio.create_subprocess_shell(
        f"{sys.executable} -m muxi {command}",
        cwd=muxi.folder,
        env=muxi.environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == 0
    assert everything_in(muxi.folder / "my-mcp-server") == first


async def test_a_folder_that_exists_is_left_alone_or_kept_aside(muxi: Muxi) -> None:
    target = muxi.folder / "desk"
    target.mkdir()
    (target / "thesis.txt").write_text("ten years of work")
    refused = await muxi("create", "mcp-server", "desk", "--yes")
    assert (refused.code, refused.out) == (1, "")
    assert "desk exists already" in refused.err
    assert everything_in(muxi.folder) == {"desk/thesis.txt": b"ten years of work"}
    forced = await muxi("create", "mcp-server", "desk", "--yes", "--force")
    assert forced.code == 0
    assert (muxi.folder / "desk.old" / "thesis.txt").read_text() == "ten years of work"
    assert (target / "server.json").exists()
    assert not (target / "thesis.txt").exists()


async def test_a_dry_run_lists_what_would_be_written_and_writes_nothing(muxi: Muxi) -> None:
    listed = await muxi("create", "mcp-server", "--yes", "-n", "desk", "--dry-run")
    assert listed.code == 0
    assert list(muxi.folder.iterdir()) == []
    await muxi("create", "mcp-server", "--yes", "-n", "desk")
    written = [f"desk/{path}" for path in everything_in(muxi.folder / "desk")]
    assert sorted(listed.out.splitlines()) == sorted(written)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "Nobody is here to ask"),
        (["--yes", "--name", "../../evil"], 2, "is no name for a server"),
        (["--yes", "--name", "class"], 2, "cannot be called `class`"),
        (["--yes", "--template", "weather"], 2, "There is no template"),
        (["--yes", "--description", "a\nb"], 2, "cannot be seen"),
        (["--yes", "-t", "openapi", "--openapi", "none.yaml"], 2, "cannot be read"),
        (["/dev/null/desk", "--yes"], 2, "cannot be written"),
    ],
)
async def test_what_cannot_be_made_is_told_and_leaves_nothing(
    muxi: Muxi, arguments: list[str], code: int, words: str
) -> None:
    done = await muxi("create", "mcp-server", *arguments)
    assert (done.code, done.out) == (code, "")
    assert words in done.err
    assert list(muxi.folder.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
async def test_a_generator_that_is_killed_half_way_leaves_nothing(
    muxi: Muxi, number: signal.Signals
) -> None:
    (muxi.folder / "desk").mkdir()
    (muxi.folder / "desk" / "kept.txt").write_text("kept")
    command = ("create", "mcp-server", "deep/er/desk", "--yes")
    async with muxi.start(*command) as running, asyncio.timeout(DEADLINE):
        while not list(muxi.folder.rglob(".desk.*/pyproject.toml")):
            assert running.process.returncode is None
            await asyncio.sleep(0.01)
        running.signal(number)
        assert await running.process.wait() != 0
        while (muxi.folder / "deep").exists():  # noqa: ASYNC110 -- a file system tells nobody
            await asyncio.sleep(0.01)
    assert everything_in(muxi.folder) == {"desk/kept.txt": b"kept"}


async def test_what_was_set_aside_comes_back_if_the_generator_is_killed(muxi: Muxi) -> None:
    """Between the two renamings, where no test could stop a process: the guard is asked alone."""
    aside, target = muxi.folder / "desk.old", muxi.folder / "desk"
    hidden = muxi.folder / ".desk.1.unfinished"
    for folder in (aside, hidden):
        folder.mkdir()
    from muxi.devkit.create import guard

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(guard.__file__), str(hidden), str(target), str(aside)),
        stdin=asyncio.subprocess.PIPE,
    )
    await process.communicate(b"")
    assert [each.name for each in muxi.folder.iterdir()] == ["desk"]


@pytest.mark.ci
async def test_a_person_is_asked_and_shown_the_line_that_needs_no_questions(muxi: Muxi) -> None:
    async with terminal(muxi, "create", "mcp-server", width=160) as it:
        await it.sees("Name: my-mcp-server")
        await it.press("C-u")
        await it.type("No Name!")
        # What is pressed before it asks again is nobody's.
        await it.sees("is no name for a server", "Name: my-mcp-server")
        await it.press("C-u")
        await it.type("orchard")
        for last in ("2. Typescript", "11. proxy", "2. fastmcp"):
            await it.sees(last)
            await it.press("Enter")
        await it.sees("Description:")
        await it.type("")
        for last in ("2. http", "3. 3.13", "4. none"):
            await it.sees(last)
            await it.press("Enter")
        await it.sees("The same again: muxi create mcp-server orchard --yes --name orchard")
        await it.ended()
    assert (muxi.folder / "orchard" / "server.json").exists()


@pytest.mark.ci
async def test_a_person_who_goes_away_leaves_nothing(muxi: Muxi) -> None:
    for key in ("C-c", "C-d"):
        async with terminal(muxi, "create", "mcp-server") as it:
            await it.sees("Name: my-mcp-server")
            await it.press("C-u")
            await it.press(key)
            await it.ended()
    assert list(muxi.folder.iterdir()) == []


async def test_parts_are_added_from_any_folder_of_the_server(muxi: Muxi) -> None:
    await muxi("create", "mcp-server", "desk", "--yes")
    desk = muxi.folder / "desk"
    muxi.folder = desk / "src" / "desk" / "tools"
    done = await muxi("mcp", "add", "tool", "weigh-parcel", "-d", "Weighs a parcel.")
    assert done.code == 0, done.err
    written = {Path(line).relative_to(desk).as_posix() for line in done.out.splitlines()}
    assert written == {
        "src/desk/tools/weigh_parcel.py",
        "tests/test_tool_weigh_parcel.py",
        "src/desk/parts.py",
        "README.md",
        "tests.yaml",
        "tools.lock.json",
    }
    assert '"weigh_parcel"' in (desk / "tools.lock.json").read_text()
    assert "- `weigh_parcel`: weighs a parcel." in (desk / "README.md").read_text()
    again = await muxi("mcp", "add", "tool", "weigh_parcel")
    assert again.code == 1
    assert "exists already" in again.err


@pytest.mark.ci
async def test_nothing_is_added_to_a_server_that_would_not_start(muxi: Muxi) -> None:
    await muxi("create", "mcp-server", "desk", "--yes")
    desk = muxi.folder / "desk"
    (desk / "src" / "desk" / "icon.py").write_text("raise RuntimeError('broken by hand')\n")
    before = everything_in(desk)
    muxi.folder = desk
    done = await muxi("mcp", "add", "prompt", "explain")
    assert done.code == 1
    assert "broken by hand" in done.err
    assert everything_in(desk) == before


async def test_a_folder_that_is_no_server_is_named(muxi: Muxi) -> None:
    done = await muxi("mcp", "add", "tool", "weigh")
    assert done.code == 1
    assert "lies in no Python server" in done.err


async def test_a_tool_and_an_agent_are_made_and_used(muxi: Muxi) -> None:
    made = await muxi("create", "tool", "weigh-parcel", "-d", "Weighs a parcel.")
    assert made.code == 0, made.err
    files = [Path(line).name for line in made.out.splitlines()]
    assert files == ["weigh_parcel.py", "weigh_parcel.yaml", "muxi.yaml"]
    cases = ("--cases", "tests/weigh_parcel.yaml")
    tested = await muxi("tool", "test", "tools/weigh_parcel.py", *cases)
    assert tested.code == 0, tested.out + tested.err
    agent = await muxi("create", "agent", "clerk", "--tool", "weigh_parcel", "-d", 'Says "hi": yes')
    assert agent.code == 0, agent.err
    shown = await muxi("agents", "show", "clerk", "--json")
    assert '"weigh_parcel"' in shown.out
    again = await muxi("create", "agent", "clerk")
    assert again.code == 1
    assert "agents.clerk already" in again.err


async def test_an_agent_with_a_tool_that_does_not_exist_changes_nothing(muxi: Muxi) -> None:
    await muxi("init")
    before = (muxi.folder / "muxi.yaml").read_bytes()
    done = await muxi("create", "agent", "clerk", "--tool", "wiegh_parcel")
    assert done.code == 2
    assert "wiegh_parcel" in done.err
    assert (muxi.folder / "muxi.yaml").read_bytes() == before
