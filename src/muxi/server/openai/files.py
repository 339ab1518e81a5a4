"""Files as OpenAI's API has them: `/v1/files`, over the files of the project.

What they are for is not kept: a message may refer to any of them, and is shown it as what it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Literal

from pydantic import BaseModel, Field
from starlette.datastructures import Headers, UploadFile
from starlette.responses import Response

from muxi.core.errors import InvalidInput, TooLarge
from muxi.core.files import UploadedFile
from muxi.server.files import get_content
from muxi.server.openai.errors import problem
from muxi.server.operations import AnyOperation, Call, Nothing, Operation, Strict
from muxi.server.problems import Refused
from muxi.storage.records import cursor

_PIECE = 1 << 20
_FORM_ROOM = 64 * 1024
"""Bytes that the form itself may take around the file."""


class FileQuery(Strict):
    after: str | None = None
    limit: int = Field(100, ge=1, le=500)
    order: Literal["desc"] = "desc"
    purpose: str | None = None


class FileObject(BaseModel):
    """A file, as OpenAI's API tells of it."""

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    filename: str
    purpose: str = "user_data"
    status: Literal["uploaded", "processed"] = "processed"


class FileObjects(BaseModel):
    object: Literal["list"] = "list"
    data: list[FileObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


class FileDeleted(BaseModel):
    id: str
    object: Literal["file"] = "file"
    deleted: bool = True


async def create_file_object(call: Call[Nothing, Nothing]) -> FileObject:
    upload, purpose = await _form(call)
    files = call.runtime.files
    try:
        file = await files.create(
            call.who,
            size=upload.size or 0,
            name=upload.filename,
            media_type=upload.content_type,
        )
        if file.status == "open":
            file = await files.append(call.who, file.id, 0, _pieces(upload))
    finally:
        await upload.close()
    return _object(file, purpose)


async def list_file_objects(call: Call[Nothing, FileQuery]) -> FileObjects:
    query = call.query
    # A client asks for the next page with the id of the last file.
    after = None if query.after is None else cursor(query.after)
    page = await call.runtime.files.page(call.who, cursor=after, limit=query.limit)
    data = [_object(file) for file in page.items if file.status == "complete"]
    return FileObjects(
        data=data,
        first_id=data[0].id if data else None,
        last_id=data[-1].id if data else None,
        has_more=page.next is not None,
    )


async def get_file_object(call: Call[Nothing, Nothing]) -> FileObject:
    return _object(await call.runtime.files.get(call.who, call.path["id"]))


async def get_file_object_content(call: Call[Nothing, Nothing]) -> Response:
    return await get_content(call)


async def delete_file_object(call: Call[Nothing, Nothing]) -> FileDeleted:
    await call.runtime.files.delete(call.who, call.path["id"])
    return FileDeleted(id=call.path["id"])


async def _form(call: Call[Nothing, Nothing]) -> tuple[UploadFile, str]:
    """The file of a form, and what it is for.

    Raises:
        InvalidInput: It is no form, or has no file.
        TooLarge: It is larger than a file may be.
    """
    from starlette.formparsers import MultiPartException, MultiPartParser

    kind = call.headers.get(b"content-type", b"").decode("latin-1")
    if not kind.lower().startswith("multipart/form-data"):
        error = InvalidInput("A file must be sent as multipart/form-data.", param="file")
        raise Refused(415, error)
    length = call.headers.get(b"content-length", b"")
    largest = call.runtime.files.largest
    if length.isdigit() and int(length) > largest + _FORM_ROOM:
        raise TooLarge(f"The file is larger than {largest} bytes.")
    parser = MultiPartParser(
        Headers({"content-type": kind}),
        _bounded(call, largest + _FORM_ROOM),
        max_files=1,
        max_fields=8,
    )
    try:
        form = await parser.parse()
    except MultiPartException as broken:
        raise InvalidInput(f"The form cannot be read: {broken.message}", param="file") from None
    upload, purpose = form.get("file"), form.get("purpose")
    if not isinstance(upload, UploadFile):
        raise InvalidInput("The form has no `file`.", param="file")
    if not isinstance(purpose, str) or not purpose:
        await upload.close()
        raise InvalidInput("Say what the file is for, such as `user_data`.", param="purpose")
    return upload, purpose


async def _bounded(call: Call[Nothing, Nothing], most: int) -> AsyncGenerator[bytes]:
    size = 0
    async for piece in call.pieces():
        size += len(piece)
        if size > most:
            raise TooLarge(f"The file is larger than {most} bytes.")
        yield piece


async def _pieces(upload: UploadFile) -> AsyncGenerator[bytes]:
    await upload.seek(0)
    while piece := await asyncio.to_thread(upload.file.read, _PIECE):
        yield piece


def _object(file: UploadedFile, purpose: str = "user_data") -> FileObject:
    return FileObject(
        id=file.id,
        bytes=file.size,
        created_at=int(file.created_at.timestamp()),
        filename=file.name or file.id,
        purpose=purpose,
        status="processed" if file.status == "complete" else "uploaded",
    )


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="POST",
        path="/v1/files",
        summary="Send a file, as a form of OpenAI's API",
        handler=create_file_object,
        action="files.write",
        streamed=True,
        answer=FileObject,
        problem=problem,
        tag="openai",
    ),
    Operation(
        method="GET",
        path="/v1/files",
        summary="The files of whoever asks, the newest first",
        handler=list_file_objects,
        action="files.read",
        query=FileQuery,
        answer=FileObjects,
        problem=problem,
        tag="openai",
    ),
    Operation(
        method="GET",
        path="/v1/files/{id}",
        summary="One file",
        handler=get_file_object,
        action="files.read",
        answer=FileObject,
        problem=problem,
        tag="openai",
    ),
    Operation(
        method="DELETE",
        path="/v1/files/{id}",
        summary="Delete a file",
        handler=delete_file_object,
        action="files.write",
        answer=FileDeleted,
        problem=problem,
        tag="openai",
    ),
    Operation(
        method="GET",
        path="/v1/files/{id}/content",
        summary="The bytes of a file",
        handler=get_file_object_content,
        action="files.read",
        media_type="*/*",
        problem=problem,
        tag="openai",
    ),
)
