"""The samples of `deploy/`, with the programs that they are for: a run is streamed through each."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from support.front_ends import Shop, front
from support.served import Served

from muxi.client.client import Client
from muxi.core.events import Event, RunCompleted, TextDelta
from tests.support.ports import free_port

pytestmark = [
    pytest.mark.ci,
    pytest.mark.skipif(sys.platform != "linux", reason="the samples are for Linux servers"),
]

DEPLOY = Path(__file__).parents[3] / "deploy"
NAME = "muxi.example.com"


def _program(name: str, package: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed; the Debian package {package} brings it")
    return found


@asynccontextmanager
async def _running(*command: str, port: int) -> AsyncGenerator[None]:
    """A proxy, from when it listens."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(60):
            while process.returncode is None:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    break
        if process.returncode is not None:
            assert process.stdout is not None
            raise AssertionError((await process.stdout.read()).decode())
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _use(muxi: Served, till: Shop, address: str) -> None:
    """Events come one by one, whatever stands between, and the WebSocket is let through."""
    token = muxi.runtime.state.token()
    async with Client(address, token=token) as client:
        assert (await client.status()).default_agent == "a"
        run = await client.start_run("slow")
        told: list[Event] = []
        async for event in client.events(run.id):
            told.append(event)
            if isinstance(event, TextDelta) and not till.go.is_set():
                # It was not kept back until the answer was whole: the model still waits.
                till.go.set()
        assert isinstance(told[-1], RunCompleted)
        assert told[-1].text == "begin and end"
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.ws_connect(f"{address}/ws") as opened,
    ):
        assert not opened.closed


async def test_nginx_streams_what_happens(tmp_path: Path) -> None:
    nginx = _program("nginx", "nginx-light")
    port = free_port()
    server = {"proxies": ["127.0.0.1"], "hosts": [f"127.0.0.1:{port}"]}
    async with front(tmp_path, server=server) as (muxi, till):
        sample = (DEPLOY / "nginx" / "muxi.conf").read_text(encoding="utf-8")
        ssl = [line for line in sample.splitlines() if "ssl_certificate" in line]
        assert len(ssl) == 2
        changed = sample.replace("127.0.0.1:5050", f"127.0.0.1:{muxi.url.rpartition(':')[2]}")
        changed = changed.replace("listen 80;", f"listen 127.0.0.1:{free_port()};")
        # The certificate is the reader's own; all else is tried as it is.
        changed = changed.replace("listen 443 ssl http2;", f"listen 127.0.0.1:{port};")
        for line in ssl:
            changed = changed.replace(line, "")
        changed = changed.replace(
            "proxy_set_header Host $host;", "proxy_set_header Host $http_host;"
        )
        folder = tmp_path / "nginx"
        folder.mkdir()
        (folder / "muxi.conf").write_text(changed, encoding="utf-8")
        whole = folder / "nginx.conf"
        paths = "".join(
            f"{kind}_temp_path {folder}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        whole.write_text(
            f"daemon off;\npid {folder}/pid;\nerror_log stderr;\nevents {{}}\n"
            f"http {{\naccess_log off;\n{paths}include {folder}/muxi.conf;\n}}\n",
            encoding="utf-8",
        )
        async with _running(nginx, "-c", str(whole), "-p", str(folder), port=port):
            await _use(muxi, till, f"http://127.0.0.1:{port}")


async def test_caddy_streams_what_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    caddy = _program("caddy", "caddy")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    port = free_port()
    server = {"proxies": ["127.0.0.1"], "hosts": [f"127.0.0.1:{port}"]}
    async with front(tmp_path, server=server) as (muxi, till):
        sample = (DEPLOY / "caddy" / "Caddyfile").read_text(encoding="utf-8")
        changed = sample.replace("127.0.0.1:5050", f"127.0.0.1:{muxi.url.rpartition(':')[2]}")
        changed = changed.replace(NAME + " {", f"http://127.0.0.1:{port} {{")
        file = tmp_path / "Caddyfile"
        file.write_text("{\n\tadmin off\n}\n" + changed, encoding="utf-8")
        command = (caddy, "run", "--config", str(file), "--adapter", "caddyfile")
        async with _running(*command, port=port):
            await _use(muxi, till, f"http://127.0.0.1:{port}")


def test_systemd_knows_every_line_of_the_unit() -> None:
    analyze = _program("systemd-analyze", "systemd")
    unit = DEPLOY / "systemd" / "muxi.service"
    told = subprocess.run(
        [analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    said = [
        line for line in told.stderr.splitlines() if str(unit) in line or "muxi.service" in line
    ]
    assert not said, told.stderr
