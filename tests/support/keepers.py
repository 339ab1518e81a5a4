"""Providers on this machine that keep files, and take no request that their real ones would refuse.

OpenAI's, Anthropic's and Google's Files APIs beside their language models. What a model is shown
by an id must be there, of the right account, and not deleted.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from aiohttp import web
from aiohttp.test_utils import TestServer

from muxi.core.keeping import FileStore
from muxi.models import resolve
from muxi.models.hosted import HostedModel
from muxi.models.model import Model
from muxi.models.retry import RetryingModel

FILES_BETA = "files-api-2025-04-14"
KEY = "sk-0123456789"
NAMES = {
    "openai": "openai/gpt-5-mini",
    "anthropic": "anthropic/claude-sonnet-5",
    "google": "google/gemini-3-flash",
}


@dataclass
class Kept:
    """A file, as it was sent."""

    key: str
    data: bytes
    media_type: str
    name: str
    told: dict[str, str]
    """What was said of it besides."""


@dataclass
class Keeper:
    """All three providers, and what they were sent."""

    url: str = ""
    files: dict[str, Kept] = field(default_factory=dict[str, Kept])
    sent: list[Kept] = field(default_factory=list[Kept])
    """Every file that ever came."""
    deleted: list[str] = field(default_factory=list[str])
    asked: list[Any] = field(default_factory=list[Any])
    """Bodies of the requests to models."""
    paths: list[str] = field(default_factory=list[str])
    refusal: int = 0
    """Status with which files are refused; 0 to take them."""
    deaf: int = 0
    """Status with which nothing is deleted; 0 to delete."""
    processing: int = 0
    """How often Google says that it is not ready."""
    host: str = "http://upload.invalid"
    """Where Google says that files are to be sent: another host, which is never to have the key."""
    calls: str = ""
    """The tool that Responses asks for first."""
    hold: asyncio.Event | None = None
    """Files are taken once it is set."""
    coming: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a file comes."""
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when somebody asks for a file to be deleted."""
    _begun: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    def base_url(self, provider: str) -> str:
        """Where a provider listens."""
        path = {"openai": "/openai/v1", "anthropic": "/anthropic/v1", "google": "/v1beta"}
        return f"{self.url}{path[provider]}"

    def lose(self) -> None:
        """All files expire."""
        self.files.clear()

    async def _take(self, file: Kept) -> str:
        """Keep a file, once that is allowed."""
        self.coming.set()
        if self.hold is not None:
            await self.hold.wait()
        if self.refusal:
            raise _refused(self.refusal, "Files are not taken here.")
        self.sent.append(file)
        file_id = f"file-{len(self.sent)}"
        self.files[file_id] = file
        return file_id

    async def _form(self, request: web.Request, key: str) -> Kept:
        _demand(request.content_type == "multipart/form-data", "a form")
        _demand("boundary=" in request.headers["Content-Type"], "a boundary")
        form = await request.post()
        (file,) = [each for each in form.values() if isinstance(each, web.FileField)]
        _demand("file" in form, "a field `file`")
        told = {name: value for name, value in form.items() if isinstance(value, str)}
        return Kept(key, file.file.read(), file.content_type, file.filename, told)

    async def openai_upload(self, request: web.Request) -> web.Response:
        key = _bearer(request)
        file = await self._form(request, key)
        _demand(file.told["purpose"] in ("vision", "user_data"), "a purpose")
        _demand(file.told["expires_after[anchor]"] == "created_at", "an anchor")
        seconds = int(file.told["expires_after[seconds]"])
        _demand(3600 <= seconds <= 2_592_000, "seconds within bounds")
        told = {"object": "file", "bytes": len(file.data), "purpose": file.told["purpose"]}
        made = int(time.time())
        told |= {"created_at": made, "expires_at": made + seconds, "filename": file.name}
        return web.json_response({"id": await self._take(file), "status": "processed", **told})

    async def anthropic_upload(self, request: web.Request) -> web.Response:
        key = _anthropic_key(request, files=True)
        file = await self._form(request, key)
        seconds = int(file.told["expires_in_seconds"])
        _demand(3600 <= seconds <= 7_776_000, "seconds within bounds")
        now = datetime.now(UTC)
        told = {"type": "file", "mime_type": file.media_type, "size_bytes": len(file.data)}
        told |= {"filename": file.name, "created_at": now.isoformat()}
        told |= {"expires_at": (now + timedelta(seconds=seconds)).isoformat()}
        return web.json_response({"id": await self._take(file), "downloadable": False, **told})

    async def google_upload(self, request: web.Request) -> web.Response:
        key = request.headers.get("x-goog-api-key", "")
        if (number := request.query.get("upload_id")) is None:
            _demand(bool(key), "a key", 403)
            return await self._begin(request, key)
        begun = self._begun.pop(number)
        # Whoever knows the number may send it.
        _demand(key in ("", begun["key"]), "the key that it was begun with", 403)
        _demand(request.headers["X-Goog-Upload-Command"] == "upload, finalize", "a last piece")
        _demand(request.headers["X-Goog-Upload-Offset"] == "0", "the first piece")
        data = await request.read()
        _demand(len(data) == int(begun["size"]), "as many bytes as were announced")
        file_id = await self._take(Kept(begun["key"], data, begun["type"], begun["name"], {}))
        body = {"file": self._google_file(file_id)}
        return web.json_response(body, headers={"X-Goog-Upload-Status": "final"})

    async def _begin(self, request: web.Request, key: str) -> web.Response:
        headers = request.headers
        _demand(headers["X-Goog-Upload-Protocol"] == "resumable", "the protocol")
        _demand(headers["X-Goog-Upload-Command"] == "start", "a start")
        size, kind = (headers[f"X-Goog-Upload-Header-Content-{of}"] for of in ("Length", "Type"))
        told = (await request.json())["file"]
        # Google's JSON takes names in both spellings.
        _demand(kind in (told.get("mimeType"), told.get("mime_type")), "one type")
        sizes = (told.get("sizeBytes"), told.get("size_bytes"))
        _demand(int(size) in [int(each) for each in sizes if each is not None], "one size")
        number = str(len(self._begun) + len(self.sent) + 1)
        name = told.get("displayName", "")
        self._begun[number] = {"size": size, "type": kind, "key": key, "name": name}
        place = f"{self.host}/upload/v1beta/files?upload_id={number}&x=1"
        return web.Response(headers={"X-Goog-Upload-URL": place, "X-Goog-Upload-Status": "active"})

    def _google_file(self, file_id: str) -> dict[str, Any]:
        file = self.files[file_id]
        self.processing, waits = max(0, self.processing - 1), self.processing > 0
        return {
            "name": f"files/{file_id}",
            "uri": f"https://generativelanguage.googleapis.com/v1beta/files/{file_id}",
            "mimeType": file.media_type,
            "sizeBytes": str(len(file.data)),
            "state": "PROCESSING" if waits else "ACTIVE",
            "expirationTime": (datetime.now(UTC) + timedelta(hours=48)).isoformat(),
        }

    async def google_look(self, request: web.Request) -> web.Response:
        file_id = self._known(request, request.headers["x-goog-api-key"])
        return web.json_response(self._google_file(file_id))

    async def delete(self, request: web.Request) -> web.Response:
        if self.deaf:
            self.gone.set()
            raise _refused(self.deaf, "Not now.")
        if request.path.startswith("/openai"):
            key = _bearer(request)
        elif request.path.startswith("/anthropic"):
            key = _anthropic_key(request, files=True)
        else:
            key = request.headers["x-goog-api-key"]
        file_id = self._known(request, key)
        del self.files[file_id]
        self.deleted.append(file_id)
        self.gone.set()
        return web.json_response({"id": file_id, "deleted": True, "type": "file_deleted"})

    def _known(self, request: web.Request, key: str) -> str:
        file_id = request.match_info["id"]
        file = self.files.get(file_id)
        if file is None or file.key != key:
            google = request.path.startswith("/v1beta")
            raise _refused(403 if google else 404, _unknown(file_id, google=google))
        return file_id

    async def responses(self, request: web.Request) -> web.StreamResponse:
        body = await self._body(request)
        ids = [each["file_id"] for each in _dicts(body) if each.get("file_id")]
        self._check(ids, _bearer(request))
        if self.calls:
            name, self.calls = self.calls, ""
            call = {"type": "function_call", "id": "f", "call_id": "c", "name": name}
            item = {**call, "arguments": "{}"}
            done = {"id": "r", "status": "completed", "output": [item], "usage": None}
            return await _stream(
                request,
                {"type": "response.output_item.added", "output_index": 0, "item": item},
                {"type": "response.output_item.done", "output_index": 0, "item": item},
                {"type": "response.completed", "response": done},
            )
        text = {"type": "output_text", "text": "Seen."}
        item = {"type": "message", "id": "m", "role": "assistant", "content": [text]}
        done = {"id": "r", "status": "completed", "output": [item], "usage": None}
        return await _stream(
            request,
            {"type": "response.output_item.added", "output_index": 0, "item": item},
            {
                "type": "response.output_text.delta",
                "output_index": 0,
                "content_index": 0,
                "item_id": "m",
                "delta": "Seen.",
            },
            {"type": "response.completed", "response": done},
        )

    async def completions(self, request: web.Request) -> web.StreamResponse:
        body = await self._body(request)
        ids = [each["file_id"] for each in _dicts(body) if each.get("file_id")]
        self._check(ids, _bearer(request))
        choice = {"index": 0, "delta": {"content": "Seen."}, "finish_reason": "stop"}
        return await _stream(request, {"choices": [choice]})

    async def messages(self, request: web.Request) -> web.StreamResponse:
        body = await self._body(request)
        ids = [each["file_id"] for each in _dicts(body) if each.get("type") == "file"]
        self._check(ids, _anthropic_key(request, files=bool(ids)))
        start: dict[str, Any] = {"id": "m", "role": "assistant", "content": []}
        return await _stream(
            request,
            {"type": "message_start", "message": start},
            {
                "type": "content_block_start",
                "index": 0,
                "content_block": {"type": "text", "text": ""},
            },
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": "Seen."},
            },
            {"type": "content_block_stop", "index": 0},
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn"},
                "usage": {"output_tokens": 2},
            },
            {"type": "message_stop"},
        )

    async def generate(self, request: web.Request) -> web.StreamResponse:
        body = await self._body(request)
        uris = [each["fileUri"] for each in _dicts(body) if "fileUri" in each]
        ids = [uri.rpartition("/")[2] for uri in uris]
        self._check(ids, request.headers["x-goog-api-key"], google=True)
        content = {"role": "model", "parts": [{"text": "Seen."}]}
        candidate = {"content": content, "finishReason": "STOP", "index": 0}
        return await _stream(request, {"candidates": [candidate]})

    async def _body(self, request: web.Request) -> Any:
        body = await request.json()
        self.asked.append(body)
        self.paths.append(request.path)
        return body

    def _check(self, ids: list[str], key: str, *, google: bool = False) -> None:
        for each in ids:
            file = self.files.get(each)
            if file is None or file.key != key:
                raise _refused(403 if google else 404, _unknown(each, google=google))


def _unknown(file_id: str, *, google: bool) -> str:
    if google:
        return f"You do not have permission to access the File {file_id} or it may not exist."
    return f"File not found: {file_id}"


def _refused(status: int, words: str) -> web.HTTPException:
    kinds = {403: web.HTTPForbidden, 404: web.HTTPNotFound, 500: web.HTTPInternalServerError}
    kind = kinds.get(status, web.HTTPBadRequest)
    error = {"message": words, "type": "invalid_request_error", "code": None}
    return kind(text=json.dumps({"error": error}), content_type="application/json")


def _demand(holds: bool, what: str, status: int = 400) -> None:
    if not holds:
        raise _refused(status, f"This request lacks {what}.")


def _bearer(request: web.Request) -> str:
    kind, _, key = request.headers.get("Authorization", "").partition(" ")
    _demand(kind == "Bearer" and bool(key), "a key", 403)
    return key


def _anthropic_key(request: web.Request, *, files: bool) -> str:
    version = request.headers.get("anthropic-version", "")
    _demand(version in ("2023-06-01", "2026-10-21"), "a version")
    betas = request.headers.get("anthropic-beta", "").split(",")
    # In the newer version, files are no beta any more.
    known = not files or version == "2026-10-21" or FILES_BETA in betas
    _demand(known, "the beta of files")
    return request.headers.get("x-api-key") or _bearer(request)


def _dicts(value: Any) -> list[dict[str, Any]]:
    """All objects within a value."""
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return [fields, *(each for inner in fields.values() for each in _dicts(inner))]
    items = cast("list[Any]", value) if isinstance(value, list) else []
    return [each for inner in items for each in _dicts(inner)]


async def _stream(request: web.Request, *events: dict[str, Any]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for event in events:
        kind = f"event: {event['type']}\n" if "type" in event else ""
        await response.write(f"{kind}data: {json.dumps(event)}\n\n".encode())
    if request.path.endswith("/chat/completions"):
        await response.write(b"data: [DONE]\n\n")
    return response


@asynccontextmanager
async def keeper() -> AsyncGenerator[Keeper]:
    """All three providers, at one address."""
    made = Keeper()
    app = web.Application(client_max_size=64 << 20)
    add = app.router.add_route
    add("POST", "/openai/v1/files", made.openai_upload)
    add("DELETE", "/openai/v1/files/{id}", made.delete)
    add("POST", "/openai/v1/responses", made.responses)
    add("POST", "/openai/v1/chat/completions", made.completions)
    add("POST", "/anthropic/v1/files", made.anthropic_upload)
    add("DELETE", "/anthropic/v1/files/{id}", made.delete)
    add("POST", "/anthropic/v1/messages", made.messages)
    add("POST", "/upload/v1beta/files", made.google_upload)
    add("GET", "/v1beta/files/{id}", made.google_look)
    add("DELETE", "/v1beta/files/{id}", made.delete)
    add("POST", "/v1beta/models/{model}", made.generate)
    async with TestServer(app) as server:
        made.url = str(server.make_url("")).rstrip("/")
        yield made


@dataclass
class Stores:
    """Our stores of files, before providers on this machine."""

    made: Keeper
    models: list[Model] = field(default_factory=list[Model])

    def of(self, provider: str, key: str = KEY) -> FileStore:
        model = resolve.model(
            NAMES[provider],
            key=key,
            base_url=self.made.base_url(provider),
            format="responses" if provider == "openai" else None,
        )
        self.models.append(model)
        assert isinstance(model, RetryingModel)
        assert isinstance(model.inner, HostedModel)
        assert model.inner.files is not None
        return model.inner.files


@asynccontextmanager
async def stores_before(made: Keeper) -> AsyncGenerator[Stores]:
    """Our stores, closed at the end."""
    found = Stores(made)
    try:
        yield found
    finally:
        for model in found.models:
            await model.close()
