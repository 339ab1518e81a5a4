"""Forms with a file, as clients of OpenAI's API send them. Used by `files` and `audio`."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from starlette.datastructures import FormData, Headers, UploadFile

from muxi.core.errors import InvalidInput, TooLarge
from muxi.server.operations import Call, Nothing
from muxi.server.problems import Refused

_ROOM = 64 * 1024
"""Bytes that the form itself may take around the file."""


async def read_form(call: Call[Nothing, Nothing], *, largest: int) -> tuple[UploadFile, FormData]:
    """The file of a form, which is to be closed, and all its fields.

    Args:
        call: The request.
        largest: Bytes that the file may have.

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
    if length.isdigit() and int(length) > largest + _ROOM:
        raise TooLarge(f"The file is larger than {largest} bytes.")
    parser = MultiPartParser(
        Headers({"content-type": kind}),
        _bounded(call, largest + _ROOM),
        max_files=1,
        max_fields=16,
    )
    try:
        form = await parser.parse()
    except MultiPartException as broken:
        raise InvalidInput(f"The form cannot be read: {broken.message}", param="file") from None
    upload = form.get("file")
    if not isinstance(upload, UploadFile):
        raise InvalidInput("The form has no `file`.", param="file")
    return upload, form


async def _bounded(call: Call[Nothing, Nothing], most: int) -> AsyncGenerator[bytes]:
    size = 0
    async for piece in call.pieces():
        size += len(piece)
        if size > most:
            raise TooLarge(f"The file is larger than {most} bytes.")
        yield piece
