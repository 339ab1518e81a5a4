"""`muxi mcp login` and `logout`, with a browser that is a program."""

from __future__ import annotations

import asyncio
import re

import httpx2
import pytest
from support.authorization import guarded_server
from support.command import Muxi, Running

pytestmark = pytest.mark.ci


def declare(muxi: Muxi, url: str) -> None:
    text = f"mcp:\n  servers:\n    docs:\n      url: {url}/mcp\n"
    (muxi.folder / "muxi.yaml").write_text(text, encoding="utf-8")


def page(running: Running) -> str:
    match = re.search(r"^  (http\S+)$", running.err, re.MULTILINE)
    return match[1] if match else ""


async def visit(url: str) -> str:
    async with httpx2.AsyncClient() as browser:
        return (await browser.get(url, follow_redirects=True)).text


async def test_a_person_signs_in_by_a_browser_and_out_again(muxi: Muxi) -> None:
    async with guarded_server() as authority:
        declare(muxi, authority.url)
        status = await muxi("mcp", "lock")
        assert "asks for a login" in status.err
        async with muxi.start("mcp", "login", "docs", "--no-browser") as login:
            await login.until(lambda running: bool(page(running)))
            assert "You can close this page" in await visit(page(login))
            done = await login.end()
        assert (done.code, done.out) == (0, "")
        assert "Signed in to docs, which has 3 tools." in done.err
        assert "access-token" not in done.err
        assert (await muxi("mcp", "lock")).out == "docs: 3 locked\n"

        assert (await muxi("mcp", "logout", "docs")).err == "Signed out of docs.\n"
        assert authority.access == {}
        assert "asks for a login" in (await muxi("mcp", "lock")).err


async def test_visits_that_bring_no_answer_do_not_end_the_login(muxi: Muxi) -> None:
    async with guarded_server() as authority:
        declare(muxi, authority.url)
        async with muxi.start("mcp", "login", "docs", "--no-browser") as login:
            await login.until(lambda running: bool(page(running)))
            found = re.search(r"redirect_uri=([^&\s]+)", login.err)
            assert found is not None
            back = found[1].replace("%3A", ":").replace("%2F", "/")
            assert "There is nothing here" in await visit(back)
            assert "There is nothing here" in await visit(back.replace("callback", "favicon.ico"))
            port = int(back.split(":")[2].partition("/")[0])
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"\x00\xff nonsense\r\n\r\n")
            writer.close()
            assert "You can close" in await visit(f"{back}?error=access_denied&state=x")
            done = await login.end()
        assert done.code == 1
        assert "Signing in to docs failed: access_denied" in done.err


async def test_a_browser_that_never_comes_back_ends_the_login_in_time(muxi: Muxi) -> None:
    async with guarded_server() as authority:
        declare(muxi, authority.url)
        done = await muxi("mcp", "login", "docs", "--no-browser", "--timeout", "1")
    assert done.code == 1
    assert "The browser did not come back within 1 s" in done.err
