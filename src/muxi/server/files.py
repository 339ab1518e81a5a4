"""Files that people send, whole or by tus in pieces that may break off. Part of the API."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from pydantic import Field
from starlette.responses import FileResponse, Response

from muxi.core.errors import InvalidInput
from muxi.core.files import UploadedFile
from muxi.core.messages import Text
from muxi.core.pages import Page
from muxi.runtime.conditions import Reading
from muxi.server import tus
from muxi.server.operations import AnyOperation, Call, Nothing, Operation, Strict
from muxi.server.problems import Refused
from muxi.server.shown import shown_as
from muxi.server.threads import PageQuery


class SentQuery(Strict):
    name: Text | None = Field(None, max_length=300)
    """What the file is called."""


async def create_file(call: Call[Nothing, SentQuery]) -> UploadedFile | Response:
    headers = call.headers
    if not tus.is_spoken(headers):
        return await _send_whole(call)
    told = tus.metadata(headers)
    file = await call.runtime.files.create(
        call.who,
        size=tus.number(headers, "Upload-Length"),
        name=told.get("name") or call.query.name,
        media_type=told.get("type"),
    )
    if _media_type(call) == tus.MEDIA_TYPE and file.status == "open":
        file = await call.runtime.files.append(
            call.who, file.id, 0, call.pieces(), sha256=tus.checksum(headers)
        )
    place = {"location": f"/api/files/{file.id}", **tus.progress(file)}
    return Response(file.model_dump_json(), 201, place, "application/json")


async def _send_whole(call: Call[Nothing, SentQuery]) -> UploadedFile:
    if b"content-length" not in call.headers:
        error = InvalidInput(
            "The length of the file is not told.",
            hint="Send `Content-Length`, or send the file in pieces by tus.",
        )
        raise Refused(411, error)
    files = call.runtime.files
    file = await files.create(
        call.who,
        size=tus.number(call.headers, "Content-Length"),
        name=call.query.name,
        media_type=_media_type(call) or None,
    )
    if file.status == "complete":
        return file
    try:
        return await files.append(call.who, file.id, 0, call.pieces())
    except Refused:
        # Whoever does not speak tus cannot go on with it.
        await files.delete(call.who, file.id)
        raise


async def list_files(call: Call[Nothing, PageQuery]) -> Page[UploadedFile]:
    query = call.query
    return await call.runtime.files.page(call.who, cursor=query.cursor, limit=query.limit)


async def get_file(call: Call[Nothing, Nothing]) -> UploadedFile:
    return await call.runtime.files.get(call.who, call.path["id"])


async def get_progress(call: Call[Nothing, Nothing]) -> Response:
    file = await call.runtime.files.get(call.who, call.path["id"])
    return Response(None, 200, tus.progress(file))


async def append_to_file(call: Call[Nothing, Nothing]) -> Response:
    headers = call.headers
    if not tus.is_spoken(headers):
        raise InvalidInput("Pieces of files are sent by tus: `Tus-Resumable: 1.0.0` is missing.")
    if _media_type(call) != tus.MEDIA_TYPE:
        raise Refused(415, InvalidInput(f"Pieces of files must be sent as {tus.MEDIA_TYPE}."))
    file = await call.runtime.files.append(
        call.who,
        call.path["id"],
        tus.number(headers, "Upload-Offset"),
        call.pieces(),
        sha256=tus.checksum(headers),
    )
    return Response(None, 204, tus.progress(file))


def file_now(call: Call[Any, Nothing]) -> Reading:
    return call.runtime.files.reading(call.path["id"])


async def delete_file(call: Call[Nothing, Nothing]) -> Response:
    await call.runtime.files.delete(call.who, call.path["id"])
    return Response(None, 204, {"tus-resumable": tus.VERSION.decode()})


async def get_content(call: Call[Nothing, Nothing]) -> Response:
    file, path = await call.runtime.files.content(call.who, call.path["id"])
    media_type, headers = shown_as(file.media_type)
    if file.name is not None:
        headers["content-disposition"] += f"; filename*=UTF-8''{quote(file.name, safe='')}"
    headers["etag"] = f'"{file.hash}"'
    return FileResponse(path, headers=headers, media_type=media_type)


async def get_thumbnail(call: Call[Nothing, Nothing]) -> Response:
    media_type, path = await call.runtime.files.thumbnail(call.who, call.path["id"])
    return FileResponse(path, headers=shown_as(media_type)[1], media_type=media_type)


async def tell_abilities(call: Call[Nothing, Nothing]) -> Response:
    return Response(None, 204, tus.abilities(call.runtime.files.largest))


def _media_type(call: Call[Nothing, SentQuery] | Call[Nothing, Nothing]) -> str:
    header = call.headers.get(b"content-type", b"").partition(b";")[0]
    return header.strip().lower().decode("latin-1")


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="POST",
        path="/api/files",
        summary="Send a file whole; or announce one that then comes in pieces, by tus 1.0",
        handler=create_file,
        action="files.write",
        query=SentQuery,
        answer=UploadedFile,
        streamed=True,
        status=201,
        tag="files",
    ),
    Operation(
        method="GET",
        path="/api/files",
        summary="Your files, the newest first",
        handler=list_files,
        action="files.read",
        query=PageQuery,
        answer=Page[UploadedFile],
        tag="files",
    ),
    Operation(
        method="OPTIONS",
        path="/api/files",
        summary="What this server can do of tus",
        handler=tell_abilities,
        anyone=True,
        status=204,
        tag="files",
    ),
    Operation(
        method="GET",
        path="/api/files/{id}",
        summary="One file, and how much of it has come",
        handler=get_file,
        action="files.read",
        answer=UploadedFile,
        tag="files",
    ),
    Operation(
        method="HEAD",
        path="/api/files/{id}",
        summary="How much of a file has come, in the headers of tus",
        handler=get_progress,
        action="files.read",
        tag="files",
    ),
    Operation(
        method="PATCH",
        path="/api/files/{id}",
        summary="Send more of a file, by tus",
        handler=append_to_file,
        action="files.write",
        streamed=True,
        status=204,
        tag="files",
    ),
    Operation(
        method="DELETE",
        path="/api/files/{id}",
        summary="Delete a file, or give up one that is being sent",
        handler=delete_file,
        action="files.write",
        status=204,
        current=file_now,
        tag="files",
    ),
    Operation(
        method="GET",
        path="/api/files/{id}/content",
        summary="The bytes of a file, or a range of them",
        handler=get_content,
        action="files.read",
        media_type="*/*",
        tag="files",
    ),
    Operation(
        method="GET",
        path="/api/files/{id}/thumbnail",
        summary="A small picture of an image",
        handler=get_thumbnail,
        action="files.read",
        media_type="image/webp",
        tag="files",
    ),
)
