"""Files over the API: sent in pieces, resumed where they broke off, fetched. Used by `client`."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import mimetypes
import os
import random
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from muxi.client.calls import SLOW, Call, Content, read, segment
from muxi.core.errors import Conflict, InvalidInput, ServerUnavailable
from muxi.core.files import UploadedFile
from muxi.core.pages import Page
from muxi.core.status import FilesAtProvider

_PIECE = 8 << 20
"""Bytes that are sent at once: what is lost when the line breaks."""

_ATTEMPTS = 8
"""How often a piece is sent before the file is given up."""

_PAUSE = 0.1
"""Seconds, twice as many after each failure, of which a random part is waited for."""

_MEDIA_TYPE = "application/offset+octet-stream"
_VERSION = {"Tus-Resumable": "1.0.0"}

Progress = Callable[[int, int], None]
"""Told how many bytes have come, and of how many."""


class Files:
    """The files of the client's user."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def send(
        self,
        source: str | Path | bytes | BinaryIO,
        *,
        name: str | None = None,
        media_type: str | None = None,
        resume: str | None = None,
        progress: Progress | None = None,
    ) -> UploadedFile:
        """Send a file; a message refers to it by its id: `ImagePart(file_id=…)`.

        It goes in pieces. When the line breaks, the piece is sent again.

        Args:
            source: Path of the file, its bytes, or a file that is open for reading and can seek.
            name: What it is called; by default as its path.
            media_type: What it is; the server looks for itself.
            resume: Id of a file whose sending was broken off, to go on with it.
            progress: Called with the bytes that have come and all bytes.

        Raises:
            TooLarge: It is larger than the server allows.
            InvalidInput: It is shorter than it was when it was announced.
            FileRefused: It is of a kind that is not taken, or a scanner refused it.
            ServerUnavailable: The line broke too often; `details["file_id"]` tells what to resume.
        """
        if isinstance(source, str | Path):
            name = name or Path(source).name
            with await asyncio.to_thread(Path(source).open, "rb") as opened:
                return await self._send(opened, name, media_type, resume, progress)
        opened = BytesIO(source) if isinstance(source, bytes) else source
        return await self._send(opened, name, media_type, resume, progress)

    async def _send(
        self,
        opened: BinaryIO,
        name: str | None,
        media_type: str | None,
        resume: str | None,
        progress: Progress | None,
    ) -> UploadedFile:
        if resume is None:
            file = await self._announce(opened, name, media_type)
        else:
            file = await self.get(resume)
        failures = 0
        while file.status == "open":
            try:
                await self._send_piece(opened, file)
                failures = 0
            except (Conflict, ServerUnavailable) as error:
                # It may have come all the same, in whole or in part.
                failures += 1
                if failures > _ATTEMPTS:
                    error.details["file_id"] = file.id
                    raise
                await asyncio.sleep(random.uniform(0, _PAUSE * 2**failures))
                with suppress(ServerUnavailable):
                    file = await self.get(file.id)
                continue
            file = await self.get(file.id)
            if progress is not None:
                progress(file.offset, file.size)
        return file

    async def _announce(
        self, opened: BinaryIO, name: str | None, media_type: str | None
    ) -> UploadedFile:
        size = opened.seek(0, os.SEEK_END)
        kind = media_type or (mimetypes.guess_type(name)[0] if name else None)
        told = [
            f"{key} {base64.b64encode(value.encode()).decode()}"
            for key, value in (("filename", name), ("filetype", kind))
            if value
        ]
        headers = {**_VERSION, "Upload-Length": str(size), "Upload-Metadata": ",".join(told)}
        body = Content(b"", _MEDIA_TYPE, headers)
        return read(UploadedFile, await self._call("POST", "/api/files", body=body))

    async def _send_piece(self, opened: BinaryIO, file: UploadedFile) -> None:
        piece = await asyncio.to_thread(_read_at, opened, file.offset)
        if not piece and file.offset < file.size:
            raise InvalidInput(
                f"The file ends after {file.offset} bytes of the {file.size} that were announced.",
                hint="Send it anew: it has changed, or it is another one.",
                file_id=file.id,
            )
        digest = base64.b64encode(hashlib.sha256(piece).digest()).decode()
        headers = {
            **_VERSION,
            "Upload-Offset": str(file.offset),
            "Upload-Checksum": f"sha256 {digest}",
        }
        body = Content(piece, _MEDIA_TYPE, headers)
        path = f"/api/files/{segment(file.id)}"
        await self._call("PATCH", path, body=body, again=False, seconds=SLOW)

    async def get(self, id: str) -> UploadedFile:
        """Raises `NotFound`."""
        return read(UploadedFile, await self._call("GET", f"/api/files/{segment(id)}"))

    async def page(self, *, cursor: str | None = None, limit: int = 50) -> Page[UploadedFile]:
        """The user's files, the newest first."""
        params = {"cursor": cursor, "limit": limit}
        return read(Page[UploadedFile], await self._call("GET", "/api/files", params=params))

    async def at_providers(self) -> list[FilesAtProvider]:
        """What providers of models keep of the tenant's files, by provider."""
        return read(Page[FilesAtProvider], await self._call("GET", "/api/kept-files")).items

    async def delete(self, id: str) -> None:
        """Delete a file; messages keep what they refer to. Raises `NotFound`."""
        await self._call("DELETE", f"/api/files/{segment(id)}")

    async def content(self, id: str) -> bytes:
        """The bytes of a file. Raises `NotFound`."""
        return await self._call("GET", f"/api/files/{segment(id)}/content", seconds=SLOW)


def _read_at(opened: BinaryIO, offset: int) -> bytes:
    opened.seek(offset)
    return opened.read(_PIECE)
