"""Ctrl-C at any moment: the command ends quietly, and what it asked for does not go on unseen."""

from __future__ import annotations

import asyncio
import json
import signal
import sys

import pytest

from tests.support.command import Done, Running
from tests.support.unlucky import Unlucky

pytestmark = [pytest.mark.ci, pytest.mark.skipif(sys.platform == "win32", reason="signals")]

QUIET = (130, -signal.SIGINT)
"""As a shell sees it, both are 130: in its last moments Python lets the signal itself end it."""

_CODE = """\
import sys
import muxi.cli.main as it

def tell(event, arguments):
    if event == "import" and arguments[0] == "muxi.cli.output":
        print("here", flush=True)

sys.addaudithook(tell)
it.main()
"""
_TELLING = ("-c", _CODE)
"""The command, which tells when it is at work: what a Ctrl-C does before is Python's to say."""


async def _run_status(unlucky: Unlucky) -> list[str]:
    async with unlucky.served() as muxi:
        return [run.status for run in (await muxi.client.runs()).items]


async def _stopped(running: Running, unlucky: Unlucky) -> Done:
    done = await running.end()
    unlucky.said += [done.out, done.err]
    assert "Traceback" not in done.err, done.err
    return done


@pytest.mark.parametrize("moment", [0.0, 0.05, 0.15, 0.3, 0.45, 0.6, 0.8, 1.0, 1.3])
async def test_a_command_is_stopped_at_any_moment_of_its_start(
    moment: float, unlucky: Unlucky
) -> None:
    async with unlucky.start("run", "silent", program=_TELLING) as running:
        await running.until(lambda it: "here" in it.out)
        await asyncio.sleep(moment)
        running.signal(signal.SIGINT)
        done = await _stopped(running, unlucky)
    assert done.code in QUIET
    assert set(await _run_status(unlucky)) <= {"cancelled"}
    unlucky.provider.release.set()
    assert (await unlucky("run", "hello")).code == 0


@pytest.mark.parametrize("question", ["silent", "silent-late", "call hangs {}"])
async def test_an_answer_or_a_tool_call_is_stopped(question: str, unlucky: Unlucky) -> None:
    file = unlucky.folder / "muxi.yaml"
    file.write_text(file.read_text().replace("timeout: 0.2", "timeout: 20"))
    async with unlucky.start("run", question) as running:
        if question.startswith("call"):
            await running.until(lambda it: "hangs()" in it.err)
        else:
            await unlucky.provider.arrived.wait()
        running.signal(signal.SIGINT)
        done = await _stopped(running, unlucky)
    assert done.code in QUIET
    # The model may have been asked before the command has heard that its run began.
    assert "Stopped" in done.err
    (thread,) = json.loads((await unlucky("threads", "list", "--json")).out)
    assert thread["title"] == question
    unlucky.provider.release.set()
    assert (await unlucky("run", "-t", thread["id"], "hello")).code == 0
    assert await _run_status(unlucky) == ["completed", "cancelled"]


async def test_twice_leaves_at_once_and_nothing_goes_on(unlucky: Unlucky) -> None:
    async with unlucky.start("run", "silent-late") as running:
        await running.until(lambda it: "The beginning" in it.out)
        running.signal(signal.SIGINT)
        running.signal(signal.SIGINT)
        await asyncio.sleep(0.05)
        running.signal(signal.SIGINT)
        done = await _stopped(running, unlucky)
    assert done.code in QUIET
    asked = len(unlucky.provider.asked)
    assert (await unlucky("threads", "list")).code == 0
    assert len(unlucky.provider.asked) == asked
    assert await _run_status(unlucky) == ["cancelled"]


async def test_commands_that_only_look_ask_no_model_anything(unlucky: Unlucky) -> None:
    async with unlucky.start("run", "silent") as running:
        await unlucky.provider.arrived.wait()
        running.process.kill()
        await running.end()
    for command in (["threads", "list"], ["agents", "list"], ["secrets", "list"], ["doctor"]):
        assert (await unlucky(*command)).code in (0, 1)
    assert len(unlucky.provider.asked) == 1
    unlucky.provider.release.set()
    # A command that asks a model goes on with what was left behind.
    assert (await unlucky("run", "hello")).code == 0
    assert len(unlucky.provider.asked) >= 2


@pytest.mark.parametrize("moment", [0.1, 0.4, 0.8])
async def test_a_server_is_stopped_at_any_moment_of_its_start(
    moment: float, unlucky: Unlucky
) -> None:
    async with unlucky.start("up", "--port", "0", "--json", program=_TELLING) as running:
        await running.until(lambda it: "here" in it.out)
        await asyncio.sleep(moment)
        running.signal(signal.SIGINT)
        done = await _stopped(running, unlucky)
    assert done.code in (0, *QUIET)
    assert (await unlucky("run", "hello")).code == 0
