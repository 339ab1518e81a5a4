"""`muxi up`: where it is, who may sign in, and how it ends."""

from __future__ import annotations

import asyncio
import json
import re
import resource
import signal
import socket
import sys
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.support.command import DEADLINE, Muxi, Running


@pytest.fixture
async def served(project: Muxi) -> AsyncIterator[Running]:
    """A server of the project on a free port."""
    async with project.start("up", "--port", "0", "--json") as running:
        await running.until(lambda it: it.out.endswith("\n"))
        yield running


async def test_the_address_and_the_link_are_data(project: Muxi) -> None:
    async with project.start("up", "--port", "0") as running:
        await running.until(lambda it: "model" in it.err)
        running.signal(signal.SIGINT)
        done = await running.end()
    assert done.code == 0
    assert re.fullmatch(
        r"dashboard +http://localhost:\d+\nsign in +http://localhost:\d+/login\?token=\S+\n",
        done.out,
    )
    assert "Ctrl-C stops it." in done.err
    assert done.err.endswith("Stopped.\n")


LIMITED = """
import resource, runpy
resource.setrlimit(resource.RLIMIT_NOFILE, (300, {hard}))
runpy.run_module("muxi", run_name="__main__", alter_sys=True)
"""


@pytest.mark.ci
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells limits of other processes")
async def test_a_server_takes_the_open_files_that_it_may_have(project: Muxi) -> None:
    program = ("-c", LIMITED.format(hard=2000))
    async with project.start("up", "--port", "0", "--json", program=program) as running:
        await running.until(lambda it: it.out.endswith("\n"))
        limits = resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE)
        assert limits == (2000, 2000)
        running.signal(signal.SIGINT)
        assert (await running.end()).err == ""
    async with project.start("doctor", program=program) as running:
        assert "may open 2000 files and connections" in (await running.end()).out


@pytest.mark.ci
async def test_the_link_signs_a_browser_in_once(served: Running) -> None:
    link = json.loads(served.out)["login"]
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        async with browser.get(link) as page:
            assert page.status == 200
        async with browser.get(json.loads(served.out)["url"] + "/api/status") as answer:
            assert answer.status == 200
    async with aiohttp.ClientSession() as stranger, stranger.get(link) as answer:
        assert answer.status == 401


@pytest.mark.ci
async def test_other_commands_find_the_server(project: Muxi, served: Running) -> None:
    url = json.loads(served.out)["url"]
    assert (await project("run", "hello")).out == "You said: hello\n"
    opened = await project("open")
    assert opened.out.startswith(f"{url}/login?token=")
    doctor = await project("doctor", "--json")
    found = {item["check"]: item["text"] for item in json.loads(doctor.out)}
    assert url in found["owner"]
    assert url in found["port"]


@pytest.mark.ci
async def test_a_second_server_is_refused_and_told_of_the_first(
    project: Muxi, served: Running
) -> None:
    done = await project("up", "--port", "0")
    assert (done.code, done.out) == (1, "")
    assert f"serves this project already, at {json.loads(served.out)['url']}." in done.err
    assert "hint: `muxi open`" in done.err


async def test_a_port_in_use_is_told_with_another_one(project: Muxi) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = await project("up", "--port", str(port))
    assert (done.code, done.out) == (1, "")
    assert f"error: Port {port} is in use" in done.err
    assert "hint: " in done.err


async def test_an_address_of_another_machine_is_refused(project: Muxi) -> None:
    done = await project("up", "--host", "192.0.2.7", "--port", "0")
    assert (done.code, done.out) == (2, "")
    assert "192.0.2.7 is no address of this machine" in done.err


@pytest.mark.ci
async def test_a_server_that_stops_keeps_what_was_answered(project: Muxi) -> None:
    async with project.start("up", "--port", "0", "--json") as server:
        await server.until(lambda it: it.out.endswith("\n"))
        assert (await project("run", "hello")).code == 0
        server.signal(signal.SIGTERM)
        assert (await server.end()).code == 0
    assert not (project.folder / ".muxi" / "muxi.sock").exists()
    assert len(json.loads((await project("threads", "list", "--json")).out)) == 1


async def _until_it_stops(url: str) -> None:
    """Wait until nothing more is begun there."""
    async with aiohttp.ClientSession() as http:
        while True:
            async with http.get(f"{url}/readyz") as ready:
                if ready.status == 503:
                    return


@pytest.mark.ci
@pytest.mark.parametrize("times", [2, 3, 5])
async def test_a_second_ctrl_c_ends_it_at_once(times: int, project: Muxi) -> None:
    async with project.start("up", "--port", "0", "--json") as server:
        await server.until(lambda it: it.out.endswith("\n"))
        async with project.start("run", "slow one two three four") as running:
            await running.until(lambda it: "slow" in it.out)
            server.signal(signal.SIGINT)
            # It has heard the first one, and now waits a moment for the answer.
            async with asyncio.timeout(DEADLINE):
                await _until_it_stops(json.loads(server.out)["url"])
            for _ in range(times - 1):
                server.signal(signal.SIGINT)
            done = await server.end()
            assert (done.code, done.err) == (130, "")


@pytest.mark.ci
async def test_two_ctrl_c_at_one_moment_are_as_quiet(project: Muxi) -> None:
    async with project.start("up", "--port", "0", "--json") as server:
        await server.until(lambda it: it.out.endswith("\n"))
        async with project.start("run", "slow one two three four") as running:
            await running.until(lambda it: "slow" in it.out)
            server.signal(signal.SIGINT)
            server.signal(signal.SIGINT)
            done = await server.end()
            assert done.code in (0, 130)
            assert done.err == ""
