"""Bytes that a tool is to work on: of a file in its folder, or of the web. Used by media tools."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol
from urllib.parse import unquote, urlsplit

from muxi.core.errors import ToolArgumentsInvalid, ToolFailed
from muxi.tools.builtin.rooted import Root, shown
from muxi.tools.worker import run_in_thread


class SourceSettings(Protocol):
    """What of a tool's settings bounds its sources."""

    web: bool
    allow_hosts: list[str]
    timeout: float
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a tool takes bytes from."""

    settings: SourceSettings
    root: Root
    accept: str
    """Media types that the web is asked for."""

    async def fetched(self, source: str) -> tuple[bytes, str]:
        """The bytes at an address or in a file, and a name for them.

        Raises:
            ToolError: There are none, they are too many, or they may not be read.
        """
        if "://" in source:
            return await self._of_web(source)
        return await run_in_thread(self._of_file, source)

    async def _of_web(self, url: str) -> tuple[bytes, str]:
        if not self.settings.web:
            raise ToolArgumentsInvalid("Only files can be read here, not addresses of the web.")
        from muxi.tools.builtin.download import download

        found = await download(
            url,
            headers={"Accept": self.accept},
            allow_hosts=self.settings.allow_hosts,
            seconds=self.settings.timeout,
            max_bytes=self.settings.max_bytes,
        )
        if found.cut:
            raise self._too_large(url)
        return found.body, unquote(PurePosixPath(urlsplit(found.url).path).name)

    def _of_file(self, source: str) -> tuple[bytes, str]:
        most = self.settings.max_bytes
        with self.root.at(source) as spot, spot.opened() as descriptor:
            if os.fstat(descriptor).st_size > most:
                raise self._too_large(source)
            data = bytearray()
            while piece := os.read(descriptor, 1 << 20):
                data += piece
                if len(data) > most:
                    raise self._too_large(source)
            return bytes(data), PurePosixPath(spot.path).name

    def _too_large(self, source: str) -> ToolFailed:
        return ToolFailed(
            f"`{shown(source[:80])}` is larger than {self.settings.max_bytes:,} bytes."
        )
