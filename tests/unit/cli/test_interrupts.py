"""Ctrl-C is heard by the event loop: nothing is ever broken off in the middle of a line."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from muxi.cli import interrupts

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")


def press() -> None:
    """Press Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)


def test_the_work_is_cancelled_where_it_waits_and_may_close_what_is_open() -> None:
    steps: list[str] = []

    async def work() -> None:
        try:
            press()
            steps.append("went on to the next wait")
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            steps.append("closed")

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        interrupts.run(work())
    assert steps == ["went on to the next wait", "closed"]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_one_cuts_the_closing_short() -> None:
    async def work() -> None:
        try:
            press()
            await asyncio.Event().wait()
        finally:
            press()
            await asyncio.Event().wait()

    with pytest.raises(KeyboardInterrupt):
        interrupts.run(work())


def test_a_third_one_ends_the_process_without_a_word() -> None:
    code = """
import asyncio, os, signal
from muxi.cli import interrupts

async def work():
    while True:
        os.kill(os.getpid(), signal.SIGINT)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            print("no", flush=True)

interrupts.run(work())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "no\nno\n", "")


def test_who_listens_is_told_instead() -> None:
    async def work() -> str:
        heard = asyncio.Event()
        with interrupts.heard_by(heard.set):
            press()
            await heard.wait()
        return "done"

    assert interrupts.run(work()) == "done"


def test_other_errors_and_results_pass_through() -> None:
    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        interrupts.run(fail())
