"""What a local server may touch: held by the machine where it can, said where it cannot."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from support.remote import raw, remote

from muxi.config.mcp_settings import ServerPermissions
from muxi.core.errors import ConfigError, ToolFailed
from muxi.mcp.confinement import Abilities, abilities, confinement, program_paths

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can hold bounds")
needs_landlock = pytest.mark.skipif(abilities().landlock < 4, reason="the kernel has no Landlock")
needs_namespaces = pytest.mark.skipif(
    not abilities().namespaces, reason="this user may not make namespaces"
)


@pytest.fixture
def listener() -> Generator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A project with a state folder, some notes and something that is nobody's business."""
    project = tmp_path / "project"
    for name in ("notes", "private", ".muxi"):
        (project / name).mkdir(parents=True)
    (project / "notes" / "one").write_text("note")
    (project / "private" / "key").write_text("hush")
    (project / ".muxi" / "token").write_text("hush")
    return project


@linux
@needs_landlock
async def test_a_server_reads_and_writes_what_is_granted_and_nothing_else(files: Path):
    declared = {"permissions": {"files": {"notes": "write"}}}
    async with remote(files, **declared) as server:
        assert await server.call("read", value=str(files / "notes/one")) == "note"
        assert await server.call("write", value=str(files / "notes/two")) == "written"
        for place in ("private/key", ".muxi/token"):
            with pytest.raises(ToolFailed, match="PermissionError"):
                await server.call("read", value=str(files / place))
        with pytest.raises(ToolFailed, match="PermissionError"):
            await server.call("write", value=str(files / "three"))
        info = server.servers.info("s")
        assert info.confined is True
    assert (files / "notes/two").read_text() == "written"


@linux
@needs_landlock
async def test_what_may_be_read_may_not_be_changed(files: Path):
    async with remote(files, permissions={"files": {".": "read"}}) as server:
        assert await server.call("read", value=str(files / "private/key")) == "hush"
        with pytest.raises(ToolFailed, match="PermissionError"):
            await server.call("write", value=str(files / "notes/one"))


@linux
@needs_landlock
@pytest.mark.parametrize("able", [True, False])
async def test_the_projects_keys_stay_hidden_even_if_its_folder_is_granted(
    files: Path, monkeypatch: pytest.MonkeyPatch, able: bool
):
    if able and not abilities().namespaces:
        pytest.skip("this user may not make namespaces")
    found = Abilities(abilities().landlock, namespaces=able)
    monkeypatch.setattr("muxi.mcp.confinement.abilities", lambda: found)
    async with remote(files, permissions={"files": {".": "write"}}) as server:
        assert await server.call("write", value=str(files / "notes/new")) == "written"
        try:
            said = await server.call("read", value=str(files / ".muxi/token"))
        except ToolFailed as error:
            said = error.message
        assert "hush" not in said


@linux
@needs_landlock
async def test_a_server_without_the_network_reaches_nobody(files: Path, listener: int):
    async with remote(files, permissions={"network": False}) as server:
        with pytest.raises(ToolFailed, match="Error"):
            await server.call("connect", value=f"127.0.0.1:{listener}")


@linux
@needs_landlock
async def test_a_server_with_named_hosts_reaches_their_ports_only(files: Path, listener: int):
    hosts = [f"127.0.0.1:{listener}"]
    async with remote(files, permissions={"network": hosts}) as server:
        assert await server.call("connect", value=hosts[0]) == "connected"
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            with pytest.raises(ToolFailed, match="PermissionError"):
                await server.call("connect", value=f"127.0.0.1:{other.getsockname()[1]}")
        notes = server.servers.info("s").notes
        assert notes == [
            f"hosts cannot be told apart here: any host may be reached at the TCP ports {listener}"
        ]


@linux
@needs_landlock
async def test_a_server_with_the_network_reaches_it(files: Path, listener: int):
    async with remote(files, permissions={"network": True}) as server:
        assert await server.call("connect", value=f"127.0.0.1:{listener}") == "connected"


@linux
@needs_landlock
async def test_a_confined_server_has_a_home_of_its_own(files: Path):
    async with remote(files, permissions={}) as server:
        home = files / ".muxi/mcp/s/home"
        assert f'"HOME": "{home}"' in await server.call("environment")
        assert await server.call("write", value=str(home / "cache")) == "written"
        with pytest.raises(ToolFailed, match="PermissionError"):
            await server.call("write", value=f"{os.environ.get('HOME', '/root')}/.never")


@linux
@needs_landlock
async def test_what_a_confined_server_starts_is_confined_too(files: Path):
    code = "import pathlib; print(pathlib.Path('private/key').read_text())"
    command = [
        raw()[0],
        "-c",
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])",
    ]
    async with remote(files, command=command, permissions={}, start_timeout=60) as server:
        await server.names()
        log = "\n".join(server.servers.log("s", 50))
        assert "PermissionError" in log
        assert "hush" not in log


def test_a_path_that_does_not_exist_is_a_mistake(tmp_path: Path):
    with pytest.raises(ConfigError, match="nowhere, which does not exist"):
        confinement(
            ServerPermissions(files={"nowhere": "read"}),
            ["/bin/true"],
            folder=tmp_path,
            home=tmp_path / "home",
            secret=tmp_path / ".muxi",
        )


@pytest.mark.parametrize(
    ("able", "network", "words"),
    [
        (Abilities(), False, "access to files cannot be bounded on this machine"),
        (Abilities(), False, "access to the network cannot be blocked on this machine"),
        (Abilities(), ["a.example"], "cannot be bounded to these hosts"),
        (Abilities(landlock=4), False, "blocked for TCP only"),
        (Abilities(landlock=4), ["a.example"], "at the TCP ports 80, 443"),
        (Abilities(landlock=4), ["a.example:8443"], "at the TCP ports 8443"),
    ],
)
def test_what_cannot_be_held_is_said(
    tmp_path: Path, able: Abilities, network: bool | list[str], words: str
):
    found = confinement(
        ServerPermissions(network=network),
        ["/bin/true"],
        folder=tmp_path,
        home=tmp_path / "home",
        secret=tmp_path / ".muxi",
        able=able,
    )
    assert any(words in note for note in found.notes)


def test_without_any_ability_the_command_stays_as_it_is(tmp_path: Path):
    found = confinement(
        ServerPermissions(),
        ["/bin/true", "x"],
        folder=tmp_path,
        home=tmp_path / "home",
        secret=tmp_path / ".muxi",
        able=Abilities(),
    )
    assert found.wrapped(["/bin/true", "x"]) == ("/bin/true", "x")


def test_a_program_brings_its_environment_and_its_interpreter_along(tmp_path: Path):
    environment = tmp_path / "venv"
    (environment / "bin").mkdir(parents=True)
    (environment / "pyvenv.cfg").write_text("home = /opt/python/bin\n")
    (environment / "bin/python").symlink_to(sys.executable)
    script = environment / "bin/serve"
    script.write_text(f"#!{environment / 'bin/python'}\n")
    found = {str(path) for path in program_paths([str(script)])}
    assert {str(environment), str(script), str(environment / "bin/python")} <= found
    modules = tmp_path / "app/node_modules/pkg/dist"
    modules.mkdir(parents=True)
    (modules / "index.js").write_text("")
    found = {str(path) for path in program_paths(["/bin/sh", str(modules / "index.js")])}
    assert str(tmp_path / "app/node_modules") in found
