"""Files as OpenAI's API has them: `/v1/files`, over the files of the project.

What they are for is not kept: a message may refer to any of them, and is shown it as what it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Literal

from pydantic import BaseModel, Field
from starlette.datastructures import UploadFile
from starlette.responses import Response

from muxi.core.errors import InvalidInput
from muxi.core.files import UploadedFile
from muxi.server.files import get_content
from muxi.server.openai.errors import problem
from muxi.server.openai.forms import read_form
from muxi.server.operations import AnyOperation, Call, Nothing, Operation, Strict
from muxi.storage.records import cursor

_PIECE = 1 << 20


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
    """The file of a form, and what it is for. Raises as `read_form`."""
    upload, form = await read_form(call, largest=call.runtime.files.largest)
    purpose = form.get("purpose")
    if not isinstance(purpose, str) or not purpose:
        await upload.close()
        raise InvalidInput("Say what the file is for, such as `user_data`.", param="purpose")
    return upload, purpose


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
