"""Where providers keep files: OpenAI's, Anthropic's and Google's Files APIs.

Made by the models behind them, asked by `runtime.kept_files` through the port `core.keeping`. What
is sent is to be deleted by the provider after a time, so that nothing stays there for ever that
muxi has lost sight of.
"""

from __future__ import annotations

import asyncio
import json
import mimetypes
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec
from yarl import URL

from muxi.core.errors import ModelError, ModelProtocolError
from muxi.core.keeping import KeptFile, Upload
from muxi.models.endpoint import Endpoint

T = TypeVar("T")

_DAYS: Final = 30
"""For which a file stays with a provider that lets it be said: the longest with OpenAI."""
_SECONDS: Final = _DAYS * 86_400
_IDLE: Final = 60.0
"""Seconds of silence while a file is sent: without it, the bytes go with the request."""
_READY_WITHIN: Final = 60.0
"""Seconds in which Google is to have looked through a video."""
FILES_BETA: Final = "files-api-2025-04-14"
"""Value of the header `anthropic-beta` with which files are spoken of."""
_LONGEST_ID: Final = 512
_GONE: Final = (404, 410)


class _File(msgspec.Struct):
    """What providers say of a file, as far as it is needed."""

    id: str = ""
    expires_at: datetime | int | None = None
    # Google's:
    name: str = ""
    uri: str = ""
    state: str = "ACTIVE"
    expires: datetime | None = msgspec.field(default=None, name="expirationTime")


class _Made(msgspec.Struct):
    file: _File


class EndpointFiles(ABC):
    """The files of one account behind one endpoint. Implements `core.keeping.FileStore`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    @property
    def provider(self) -> str:
        """See `core.keeping.FileStore`."""
        return self._endpoint.provider

    @property
    def account(self) -> str:
        """See `core.keeping.FileStore`."""
        return self._endpoint.account

    def form(self, upload: Upload) -> str:
        """See `core.keeping.FileStore`."""
        return _digest(upload.media_type)

    @abstractmethod
    async def put(self, upload: Upload) -> KeptFile:
        """See `core.keeping.FileStore`."""

    async def delete(self, file_id: str) -> None:
        """See `core.keeping.FileStore`."""
        try:
            await self._endpoint.ask("DELETE", self._path(file_id), headers=self._headers())
        except ModelError as error:
            if not self._is_gone(error):
                raise

    def _path(self, file_id: str) -> str:
        return f"/files/{quote(file_id, safe='')}"

    def _headers(self) -> dict[str, str]:
        return {}

    def _is_gone(self, error: ModelError) -> bool:
        return error.details.get("status") in _GONE

    async def _send(self, upload: Upload, name: str, fields: dict[str, str]) -> _File:
        form = aiohttp.FormData()
        for key, value in fields.items():
            form.add_field(key, value)
        form.add_field("file", upload.data, filename=name, content_type=upload.media_type)
        body = form()
        headers = {**self._headers(), "Content-Type": body.content_type}
        answer, _ = await self._endpoint.ask(
            "POST", "/files", await body.as_bytes(), headers=headers, idle=_IDLE
        )
        return self._checked(_decoded(answer, _File))

    def _checked(self, file: _File) -> _File:
        if not 0 < len(file.id) <= _LONGEST_ID:
            raise ModelProtocolError(f"{self.provider} did not say under which id it keeps a file.")
        return file


class OpenAIFiles(EndpointFiles):
    """https://developers.openai.com/api/reference/resources/files (as of November 2026)."""

    def form(self, upload: Upload) -> str:
        """The name too: models are told the one that a file was sent under."""
        return _digest(_purpose(upload), upload.media_type, _name_for_openai(upload))

    async def put(self, upload: Upload) -> KeptFile:
        """See `core.keeping.FileStore`."""
        fields = {
            "purpose": _purpose(upload),
            "expires_after[anchor]": "created_at",
            "expires_after[seconds]": str(_SECONDS),
        }
        file = await self._send(upload, _name_for_openai(upload), fields)
        return KeptFile(file.id, _instant(file.expires_at))


class AnthropicFiles(EndpointFiles):
    """https://platform.claude.com/docs/en/build-with-claude/files (as of November 2026)."""

    async def put(self, upload: Upload) -> KeptFile:
        """See `core.keeping.FileStore`."""
        # The name is told to models beside the file.
        file = await self._send(upload, _plain_name(upload), {"expires_in_seconds": str(_SECONDS)})
        return KeptFile(file.id, _instant(file.expires_at))

    def _headers(self) -> dict[str, str]:
        return {"anthropic-version": "2023-06-01", "anthropic-beta": FILES_BETA}


class GoogleFiles(EndpointFiles):
    """https://ai.google.dev/api/files (as of November 2026): 48 hours, whatever is wished.

    Files go to the same host below `/upload`, by Google's protocol of resumable uploads, in one
    piece. They are called by an address.
    """

    async def put(self, upload: Upload) -> KeptFile:
        """See `core.keeping.FileStore`."""
        base = URL(self._endpoint.base_url)
        size = str(len(upload.data))
        _, headers = await self._endpoint.ask(
            "POST",
            f"/{base.parent.path.rstrip('/')}/upload/{base.name}/files",
            json.dumps({"file": {"mimeType": upload.media_type, "sizeBytes": size}}).encode(),
            headers={
                "X-Goog-Upload-Protocol": "resumable",
                "X-Goog-Upload-Command": "start",
                "X-Goog-Upload-Header-Content-Length": size,
                "X-Goog-Upload-Header-Content-Type": upload.media_type,
            },
            idle=_IDLE,
        )
        place = URL(headers.get("X-Goog-Upload-URL", ""))
        if not place.path.startswith("/"):
            raise ModelProtocolError("google did not say where a file is to be sent.")
        # To the same host, whatever host is named: the key goes along.
        answer, headers = await self._endpoint.ask(
            "POST",
            f"/{place.raw_path_qs}",
            upload.data,
            headers={
                "X-Goog-Upload-Command": "upload, finalize",
                "X-Goog-Upload-Offset": "0",
                "Content-Type": upload.media_type,
            },
            idle=_IDLE,
        )
        if headers.get("X-Goog-Upload-Status", "") != "final":
            raise ModelProtocolError("google did not take a file to its end.")
        return await self._ready(_decoded(answer, _Made).file)

    async def _ready(self, file: _File) -> KeptFile:
        """The file, once models may be shown it. Raises `ModelError` if that does not come."""
        wait = 0.25
        file.id = file.uri
        self._checked(file)
        try:
            async with asyncio.timeout(_READY_WITHIN):
                while file.state == "PROCESSING":
                    await asyncio.sleep(wait)
                    wait = min(5.0, 2 * wait)
                    answer, _ = await self._endpoint.ask("GET", self._path(file.uri), idle=_IDLE)
                    file.state = _decoded(answer, _File).state
        except TimeoutError:
            pass
        if file.state != "ACTIVE":
            await self.delete(file.uri)
            raise ModelProtocolError("google could not look through a file.")
        return KeptFile(file.uri, file.expires)

    def _path(self, file_id: str) -> str:
        return f"/files/{quote(file_id.rpartition('/files/')[2], safe='')}"

    def _is_gone(self, error: ModelError) -> bool:
        # What is not there may as well be another's, and is answered in the same way.
        words = "may not exist" in error.message
        return super()._is_gone(error) or (error.details.get("status") == 403 and words)


def _purpose(upload: Upload) -> str:
    return "vision" if upload.kind == "image" else "user_data"


def _name_for_openai(upload: Upload) -> str:
    named = upload.kind != "image" and upload.name is not None
    return upload.name if named and upload.name is not None else _plain_name(upload)


def _plain_name(upload: Upload) -> str:
    """A name that tells nothing but the type, which some providers want to see in it."""
    return f"file{mimetypes.guess_extension(upload.media_type) or '.bin'}"


def _digest(*facts: str) -> str:
    return sha256("\n".join(facts).encode("utf-8", "replace")).hexdigest()[:16]


def _instant(told: datetime | int | None) -> datetime | None:
    return datetime.fromtimestamp(told, UTC) if isinstance(told, int) else told


def _decoded(data: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise ModelProtocolError("What was said of a file cannot be read.") from error
