"""The folder beside a project: private, found again, and owned by one process."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from muxi.core.errors import MuxiError, ProjectInUse
from muxi.runtime.owner import Owner, Ownership, owner_of
from muxi.runtime.state import StateFolder


def _state(folder: Path) -> StateFolder:
    state = StateFolder(folder / ".muxi")
    state.prepare()
    return state


def test_the_token_is_made_once_and_private(tmp_path: Path) -> None:
    state = _state(tmp_path)
    token = state.token()
    assert len(token) > 30
    assert _state(tmp_path).token() == token
    assert stat.S_IMODE(state.token_file.stat().st_mode) == 0o600


def test_loose_permissions_of_the_folder_are_tightened(tmp_path: Path) -> None:
    (tmp_path / ".muxi").mkdir(mode=0o777)
    state = _state(tmp_path)
    assert stat.S_IMODE(state.root.stat().st_mode) == 0o700
    assert (state.root / ".gitignore").read_text() == "*\n"


def test_a_deep_folder_gets_a_socket_with_a_short_path(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-folder-with-a-long-name"] * 5)
    deep.mkdir(parents=True)
    state = _state(deep)
    assert len(str(state.socket)) <= 100
    assert stat.S_IMODE(state.socket.parent.stat().st_mode) == 0o700
    assert state.socket != _state(tmp_path).socket


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / ".muxi").write_text("a file")
    with pytest.raises(MuxiError, match="cannot be made"):
        StateFolder(tmp_path / ".muxi").prepare()


def test_one_owner_at_a_time(tmp_path: Path) -> None:
    state = _state(tmp_path)
    assert owner_of(state) is None
    owner = Ownership.take(state)
    owner.announce(url="http://localhost:1", socket=True)
    found = owner_of(state)
    assert isinstance(found, Owner)
    assert found.url == "http://localhost:1"
    assert found.socket == str(state.socket)
    with pytest.raises(ProjectInUse) as raised:
        Ownership.take(state)
    assert raised.value.details["pid"] == found.pid
    owner.release()
    owner.release()
    assert owner_of(state) is None
    Ownership.take(state).release()


def test_the_lock_of_a_dead_process_is_free_at_once(tmp_path: Path) -> None:
    state = _state(tmp_path)
    code = (
        "import os, sys, pathlib, signal\n"
        "from muxi.runtime.owner import Ownership\n"
        "from muxi.runtime.state import StateFolder\n"
        "owner = Ownership.take(StateFolder(pathlib.Path(sys.argv[1])))\n"
        "owner.announce(socket=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(state.root)], check=False)
    assert state.lock.read_text()
    assert owner_of(state) is None
    Ownership.take(state).release()
