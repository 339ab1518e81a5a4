"""Names, pages, proxies and certificates: where a server may be reached, and by whose pages."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from support.served import Served, project

from muxi.client.client import Client
from muxi.core.errors import ConfigError
from muxi.models.scripted import ScriptedModel
from muxi.runtime.build import open_runtime
from muxi.server.serve import serving
from tests.support.ports import free_port

APP = "https://app.example.com"
PASSWORD = "correct horse battery"


@asynccontextmanager
async def served(
    folder: Path, *, host: str = "127.0.0.1", port: int = 0, **server: Any
) -> AsyncIterator[Served]:
    """A server that listens on `host` under what the section `server` says."""
    declared = project(folder, server=server, memory={"embedder": "none"})
    runtime = await open_runtime(declared, models={"m/m": ScriptedModel(lambda request: "ok")})
    try:
        async with serving(runtime, host=host, port=port) as server_:
            token = runtime.state.token()
            headers = {"Authorization": f"Bearer {token}"}
            async with (
                Client(socket=runtime.state.socket, token=token) as client,
                aiohttp.ClientSession(headers=headers) as http,
            ):
                yield Served(runtime, server_, client, http, server_.url or "")
    finally:
        await runtime.close()


def port_of(muxi: Served) -> int:
    return int(muxi.url.rpartition(":")[2])


async def test_declared_names_are_answered_under(tmp_path: Path) -> None:
    async with served(tmp_path, hosts=["muxi.example.com", "other.example:8443"]) as muxi:
        port = port_of(muxi)
        for host, status in (
            ("muxi.example.com", 200),
            ("MUXI.example.com:1234", 200),
            ("other.example:8443", 200),
            ("other.example", 403),
            ("sub.muxi.example.com", 403),
            ("muxi.example.com.evil.example", 403),
            (f"127.0.0.1:{port}", 200),
            (f"10.1.2.3:{port}", 403),
        ):
            url = f"http://127.0.0.1:{port}/api/status"
            async with muxi.http.get(url, headers={"Host": host}) as response:
                assert response.status == status, host


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
async def test_every_address_of_the_machine_is_answered_under(tmp_path: Path, host: str) -> None:
    async with served(tmp_path, host=host) as muxi:
        port = port_of(muxi)
        for name, status in (
            (f"10.1.2.3:{port}", 200),
            (f"[fe80::1]:{port}", 200),
            (f"localhost:{port}", 200),
            ("10.1.2.3", 403),
            (f"evil.example:{port}", 403),
            (f"10.1.2.3.evil.example:{port}", 403),
        ):
            url = f"http://127.0.0.1:{port}/api/status"
            async with muxi.http.get(url, headers={"Host": name}) as response:
                assert response.status == status, name
        assert muxi.server.exposed


async def test_a_declared_page_may_call_with_a_key_and_never_with_a_cookie(tmp_path: Path) -> None:
    async with served(tmp_path, origins=[APP]) as muxi:
        asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x"}
        async with aiohttp.ClientSession() as page:
            headers = {"Origin": APP, **asks}
            async with page.options(f"{muxi.url}/api/runs", headers=headers) as response:
                assert response.status == 204
                assert response.headers["Access-Control-Allow-Origin"] == APP
                assert "authorization" in response.headers["Access-Control-Allow-Headers"]
                assert "Access-Control-Allow-Credentials" not in response.headers
            headers = {"Origin": "https://evil.example", **asks}
            async with page.options(f"{muxi.url}/api/runs", headers=headers) as response:
                assert response.status == 403
                assert "Access-Control-Allow-Origin" not in response.headers
        async with muxi.http.get(f"{muxi.url}/api/status", headers={"Origin": APP}) as response:
            assert response.status == 200
            assert response.headers["Access-Control-Allow-Origin"] == APP
            assert response.headers["Vary"] == "origin"
        body = {"input": "hello"}
        url = f"{muxi.url}/api/runs/stream"
        async with muxi.http.post(url, json=body, headers={"Origin": APP}) as response:
            assert response.headers["Access-Control-Allow-Origin"] == APP
            assert b"run.completed" in await response.read()
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as browser:
            async with browser.get(await muxi.server.login_link()) as response:
                assert response.status == 200
            for method in ("GET", "POST"):
                async with browser.request(
                    method, f"{muxi.url}/api/runs", json=body, headers={"Origin": APP}
                ) as response:
                    assert response.status == 403


async def test_forwarded_headers_are_believed_from_declared_proxies_only(tmp_path: Path) -> None:
    forwarded = {
        "Host": "muxi.example.com",
        "X-Forwarded-For": "203.0.113.9, 127.0.0.1",
        "X-Forwarded-Proto": "https",
    }
    form = {"name": "ann", "password": PASSWORD}
    for proxies in ([], ["127.0.0.0/8"]):
        folder = tmp_path / str(len(proxies))
        folder.mkdir()
        port, public = free_port(), "https://muxi.example.com"
        async with served(folder, port=port, url=public, proxies=proxies) as muxi:
            await muxi.client.users.create("ann", password=PASSWORD)
            url = f"http://127.0.0.1:{port}/login"
            async with (
                aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as browser,
                browser.post(url, data=form, headers=forwarded, allow_redirects=False) as response,
            ):
                assert response.status == 303
                cookie = response.headers["Set-Cookie"]
            (session,) = (await muxi.client.users.sessions("ann")).items
            if proxies:
                assert session.address == "203.0.113.9"
                assert cookie.startswith("__Host-muxi_session=")
                assert "; Secure" in cookie
            else:
                assert session.address == "127.0.0.1"
                assert cookie.startswith("muxi_session=")
            assert (await muxi.client.login_link()).startswith("https://muxi.example.com/login?")


def certificate(folder: Path) -> ssl.SSLContext:
    """Make a certificate for this machine, and what a client needs to trust it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "tls.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "tls.key").write_bytes(private)
    return ssl.create_default_context(cafile=str(folder / "tls.crt"))


async def test_tls_is_spoken_with_the_network_and_not_on_the_socket(tmp_path: Path) -> None:
    trust = certificate(tmp_path)
    tls = {"certificate": "tls.crt", "key": "tls.key"}
    async with served(tmp_path, host="0.0.0.0", tls=tls) as muxi:
        assert not muxi.server.exposed
        assert muxi.url.startswith("https://")
        url = f"https://localhost:{port_of(muxi)}"
        async with muxi.http.get(f"{url}/api/status", ssl=trust) as response:
            assert response.status == 200
        link = (await muxi.server.login_link()).partition("/login")[2]
        jar = aiohttp.CookieJar()
        async with aiohttp.ClientSession(cookie_jar=jar) as browser:
            async with browser.get(
                f"{url}/login{link}", ssl=trust, allow_redirects=False
            ) as response:
                assert "Secure" in response.headers["Set-Cookie"]
                cookie = response.headers["Set-Cookie"].partition(";")[0]
            for sent, status in ((cookie, 200), (cookie.removeprefix("__Host-"), 401)):
                async with (
                    aiohttp.ClientSession(headers={"Cookie": sent}) as other,
                    other.get(f"{url}/api/me", ssl=trust) as response,
                ):
                    assert response.status == status
        # The command line, by the socket beside the project.
        assert (await muxi.client.status()).version
        with pytest.raises(aiohttp.ClientError):
            await muxi.http.get(url.replace("https", "http"))


async def test_a_certificate_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    certificate(tmp_path)
    for key in ("none.key", "tls.crt"):
        tls = {"certificate": "tls.crt", "key": key}
        with pytest.raises(ConfigError, match="cannot be used"):
            async with served(tmp_path, tls=tls):
                pass
