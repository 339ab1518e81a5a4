"""Brings a page or a file of the web onto the disk, for as long as it is read. Called by `runtime`.

It must never talk to a private network; see `tools.builtin.download`.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from muxi.core.errors import DocumentUnreadable, ToolDenied, ToolError
from muxi.knowledge.fingerprint import too_large

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

_HEADERS = {"Accept": "text/html,application/pdf,text/*;q=0.9,*/*;q=0.5"}
_SECONDS = 120.0
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@asynccontextmanager
async def fetched(
    url: str,
    *,
    most: int,
    allow_hosts: Sequence[str] = (),
    resolver: AbstractResolver | None = None,
) -> AsyncGenerator[tuple[Path, str]]:
    """What lies at `url`, as a file that is gone afterwards, and what the server called it.

    Args:
        url: Its address.
        most: Bytes that it may have.
        allow_hosts: Private hosts that may be read nevertheless.
        resolver: Finds the addresses of names; the system's by default.

    Raises:
        DocumentUnreadable: It cannot be read, is too large, or lies in a private network.
    """
    from muxi.tools.builtin.download import download

    try:
        got = await download(
            url,
            headers=_HEADERS,
            allow_hosts=allow_hosts,
            seconds=_SECONDS,
            max_bytes=most,
            resolver=resolver,
        )
    except ToolDenied as error:
        raise DocumentUnreadable(
            error.message, hint="The project can allow it: `knowledge.allow_hosts` in muxi.yaml."
        ) from error
    except ToolError as error:
        raise DocumentUnreadable(error.message, hint=error.hint) from error
    if got.cut:
        raise too_large(len(got.body) + 1, most)
    with tempfile.TemporaryDirectory(prefix="muxi-") as folder:
        name = _UNSAFE.sub("-", Path(urlsplit(got.url).path).name)[-100:]
        path = Path(folder, name.lstrip(".") or "page")
        await asyncio.to_thread(path.write_bytes, got.body)
        yield path, got.media_type
