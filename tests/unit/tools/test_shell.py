"""The built-in tool that runs programs, with real ones that will not end, flood and multiply."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from muxi.config.local_tool_settings import ShellTool
from muxi.config.secret import SecretRef
from muxi.core.context import RunContext
from muxi.core.errors import ConfigError, ToolArgumentsInvalid, ToolDenied, ToolError, ToolFailed
from muxi.core.messages import TextPart
from muxi.tools.builtin.catalogue import builtin_tools
from muxi.tools.builtin.setup import Setup

CTX: RunContext[Any] = RunContext(deps=None)
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux says of processes")


class Shell:
    """The tool with some commands allowed, called as a model calls it."""

    def __init__(self, folder: Path, *commands: str, **options: Any) -> None:
        settings = ShellTool.model_validate({"commands": commands, **options})
        secrets = {f"env.{name}": value.reveal() or "" for name, value in settings.env.items()}
        (self.tool,) = builtin_tools("shell", settings, Setup(folder=folder, secrets=secrets))

    async def __call__(self, command: str) -> str:
        (part,) = await self.tool.run({"command": command}, CTX)
        assert isinstance(part, TextPart)
        return part.text


def is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())


def happens(condition: Callable[[], bool]) -> bool:
    """Whether it comes true within a minute."""
    until = time.monotonic() + 60
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return condition()


def running(word: str) -> list[int]:
    """Processes that have `word` in their command line."""
    found: list[int] = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit() and int(place.name) != os.getpid():
            try:
                line = (place / "cmdline").read_bytes()
            except OSError:
                continue
            if word.encode() in line:
                found.append(int(place.name))
    return found


def python(code: str) -> str:
    return f"{sys.executable} -c {shlex.quote(code)}"


def with_python(folder: Path, **options: Any) -> Shell:
    return Shell(folder, f"{sys.executable} *", **options)


def test_it_is_off_unless_the_project_names_commands():
    with pytest.raises(ConfigError, match="needs options: commands"):
        builtin_tools("shell")
    for commands in ([], [""], ["* x"], ["'open"], ["l?"]):
        with pytest.raises(ValidationError):
            ShellTool.model_validate({"commands": commands})


def test_a_person_must_agree_unless_the_project_says_otherwise(tmp_path: Path):
    assert Shell(tmp_path, "ls").tool.spec.approval
    assert not Shell(tmp_path, "ls", approval=False).tool.spec.approval
    assert not Shell(tmp_path, "ls").tool.spec.idempotent


async def test_a_program_runs_and_tells_how_it_ended(tmp_path: Path):
    (tmp_path / "a b.txt").write_text("hello\n")
    shell = Shell(tmp_path, "cat *", "ls")
    assert (await shell("cat 'a b.txt'")).startswith("hello\n[Exit code 0, ")
    assert (await shell("ls")).startswith("a b.txt\n[Exit code 0, ")
    text = await shell("cat missing.txt")
    assert "No such file" in text
    assert "[Exit code 1, " in text


@pytest.mark.parametrize(
    ("pattern", "command", "allowed"),
    [
        ("git status", "git status", True),
        ("git status", "git status --short", False),
        ("git status *", "git status --short", True),
        ("git status *", "git status", True),
        ("git status *", "git push", False),
        ("git *", "gitk", False),
        ("git log -*", "git log -3", True),
        ("git log -*", "git log --all x", False),
        ("cat docs/*", "cat docs/plan.md", True),
        ("cat docs/*", "cat docs/../../etc/passwd", False),
        ("cat docs/*", "cat /etc/passwd", False),
        ("cat docs/*", "cat docs/a /etc/passwd", False),
        ("ls", "/bin/ls", False),
        ("ls", "./ls", False),
        ("ls", "LS", False),
        ("ls", "ls\u200b", False),
        ("echo *", "echo", True),
        ("echo ?", "echo ab", False),
    ],
)
async def test_only_what_is_allowed_runs(tmp_path: Path, pattern: str, command: str, allowed: bool):
    shell = Shell(tmp_path, pattern)
    if not allowed:
        with pytest.raises(ToolDenied, match="may not be run"):
            await shell(command)
        return
    with suppress(ToolFailed):  # whether it is installed is no matter here
        await shell(command)


@pytest.mark.parametrize(
    "command",
    [
        "echo a; touch made",
        "echo a && touch made",
        "echo a | tee made",
        "echo a > made",
        "echo $(touch made)",
        "echo `touch made`",
        "echo a\ntouch made",
        "echo ${HOME}",
        "echo $HOME",
        "echo <(touch made)",
        "echo a & touch made",
        "echo 'open",
        "",
        "   ",
        "echo a\0b",
        "echo " + "a" * 9_000,
    ],
)
async def test_what_only_a_shell_could_do_is_refused(tmp_path: Path, command: str):
    with pytest.raises(ToolArgumentsInvalid):
        await Shell(tmp_path, "echo *", "touch *")(command)
    assert is_empty(tmp_path)


async def test_quoted_signs_are_plain_arguments(tmp_path: Path):
    text = await Shell(tmp_path, "echo *")("echo 'a; $(touch made) | b' \"c > d\" e\\;f")
    assert text.startswith("a; $(touch made) | b c > d e;f\n")
    assert is_empty(tmp_path)


async def test_programs_see_no_variable_that_they_were_not_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OPENAI_API_KEY", "hush")
    shell = Shell(tmp_path, "env", env={"GREETING": SecretRef("hello")})
    text = await shell("env")
    assert "hush" not in text
    assert "GREETING=hello" in text
    assert "PATH=" in text


async def test_a_program_of_the_folder_is_not_found_by_a_relative_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fake = tmp_path / "tool-of-nobody"
    fake.write_text("#!/bin/sh\necho fooled\n")
    fake.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f".::{os.environ['PATH']}")
    with pytest.raises(ToolFailed, match="is not installed"):
        await Shell(tmp_path, "tool-of-nobody")("tool-of-nobody")


async def test_a_program_gets_no_input_and_no_terminal(tmp_path: Path):
    text = await with_python(tmp_path)(python("import sys, os; print(sys.stdin.read() == '')"))
    assert text.startswith("True\n")
    assert "[Exit code 1" in await Shell(tmp_path, "tty")("tty")


async def test_a_program_that_never_ends_is_ended_with_what_it_started(tmp_path: Path):
    script = "trap '' TERM; sleep 4242001 & echo begun; while :; do sleep 1; done"
    started = time.monotonic()
    text = await Shell(tmp_path, "sh *", timeout=2)(f"sh -c {shlex.quote(script)}")
    assert time.monotonic() - started < 60
    assert text == "begun\n[It took longer than 2 s and was ended with all that it had started.]"
    assert await asyncio.to_thread(happens, lambda: not running("4242001"))


@linux
async def test_what_leaves_the_group_is_found_and_killed(tmp_path: Path):
    code = (
        "import subprocess\n"
        "subprocess.Popen(['sleep', '4242002'], start_new_session=True,\n"
        "    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        "subprocess.Popen(['sleep', '4242002'])\n"
        "print('left')\n"
    )
    started = time.monotonic()
    text = await with_python(tmp_path)(python(code))
    assert text.startswith("left\n[Exit code 0")
    assert time.monotonic() - started < 60
    assert running("4242002") == []


@linux
async def test_a_cancelled_call_leaves_nothing_behind(tmp_path: Path):
    shell = with_python(tmp_path)
    call = asyncio.create_task(shell(python("import time; time.sleep(4242003)")))
    assert await asyncio.to_thread(happens, lambda: bool(running("4242003")))
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await asyncio.to_thread(happens, lambda: not running("4242003"))


@linux
async def test_a_fork_bomb_is_ended(tmp_path: Path):
    """The bomb is bounded by itself too, so that a fault of the tool harms no machine."""
    code = "import os, time\nmark = 4242004\nfor _ in range(9):\n    os.fork()\ntime.sleep(60)\n"
    started = time.monotonic()
    text = await with_python(tmp_path, max_processes=40, timeout=50)(python(code))
    assert time.monotonic() - started < 60
    assert text == "[It started more than 40 processes and was ended with all of them.]"
    assert await asyncio.to_thread(happens, lambda: not running("4242004"))


async def test_a_flood_of_output_keeps_its_beginning_and_its_end(tmp_path: Path):
    code = (
        "import sys\n"
        "print('first')\n"
        "for _ in range(2000): sys.stdout.write('x' * 100_000)\n"
        "print('\\nlast')\n"
    )
    text = await with_python(tmp_path, max_output=2_000)(python(code))
    assert len(text) < 2_200
    assert text.startswith("first\nxxx")
    assert "bytes are left out.]" in text
    assert "\nlast\n[Exit code 0" in text


async def test_output_that_is_no_text_is_bearable(tmp_path: Path):
    code = "import sys; sys.stdout.buffer.write(bytes(range(256)))"
    text = await with_python(tmp_path)(python(code))
    assert "abc" in text
    text.encode()


async def test_a_program_that_is_not_there_or_cannot_start_says_so(tmp_path: Path):
    with pytest.raises(ToolFailed, match="is not installed"):
        await Shell(tmp_path, "no-such-program")("no-such-program")
    with pytest.raises(ToolFailed, match="cannot be started"):
        await Shell(tmp_path, "echo", cwd="missing")("echo")


async def test_arguments_that_begin_with_a_dash_stay_arguments(tmp_path: Path):
    with pytest.raises(ToolError):
        await Shell(tmp_path, "cat docs/*")("cat -n")
