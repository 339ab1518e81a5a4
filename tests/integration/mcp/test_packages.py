"""Environments of servers' own: made when asked for, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.remote import raw, remote

from muxi.config.mcp_settings import ServerPackages
from muxi.core.errors import MuxiError
from muxi.mcp.packages import Environment


async def test_nothing_is_installed_at_a_start(tmp_path: Path):
    packages = {"python": ["some-package"]}
    async with remote(tmp_path, command=raw(), packages=packages) as server:
        assert await server.names() == []
        info = server.servers.info("s")
        assert info.state == "failed"
        assert "its packages are not installed. Run `muxi mcp install s`." in info.detail
    assert not list((tmp_path / ".muxi" / "mcp" / "s").glob("env-*"))


def test_each_set_of_packages_has_a_folder_of_its_own(tmp_path: Path):
    one = Environment.of(ServerPackages(python=["a", "b"]), tmp_path)
    same = Environment.of(ServerPackages(python=["b", "a"]), tmp_path)
    other = Environment.of(ServerPackages(python=["a", "b<2"]), tmp_path)
    assert one.folder == same.folder != other.folder
    assert not one.installed


@pytest.mark.ci
async def test_an_installation_that_fails_tells_why_and_counts_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("UV_NO_INDEX", "1")
    environment = Environment.of(ServerPackages(python=["no-such-package"]), tmp_path)
    said: list[str] = []
    with pytest.raises(MuxiError, match="could not install the packages") as caught:
        await environment.install(said.append)
    assert "no-such-package" in caught.value.message
    assert not environment.installed
