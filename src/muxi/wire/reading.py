"""JSON from a provider into values of known shapes. Used by the decoders of this room."""

from __future__ import annotations

import json
from typing import Any, Generic, TypeVar

import msgspec

from muxi.core.errors import ModelProtocolError
from muxi.wire.encoded import to_json
from muxi.wire.json_text import read_object

ShapeT = TypeVar("ShapeT")


class Reader(Generic[ShapeT]):
    """A compiled decoder of one shape; fields that the shape does not name are passed over."""

    __slots__ = ("_decode", "_shape")

    def __init__(self, shape: type[ShapeT]) -> None:
        self._shape = shape
        self._decode = msgspec.json.Decoder(shape).decode

    def __call__(self, data: bytes | msgspec.Raw) -> ShapeT:
        """The value in `data`.

        Raises:
            ModelProtocolError: It is not JSON, or not of this shape.
        """
        try:
            return self._decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            problem = str(error)
        # The compiled decoder refuses half a surrogate pair, which is legal JSON; some servers send
        # the halves of an emoji in two events. They meet again when the pieces are joined.
        try:
            value = json.loads(bytes(data).decode("utf-8", "replace"))
            return self._kept_whole(value) or self._decode(to_json(value))
        except (ValueError, RecursionError):
            pass
        raise ModelProtocolError(f"The provider sent what its format does not allow: {problem}.")

    def _kept_whole(self, value: Any) -> ShapeT | None:
        try:
            return msgspec.convert(value, self._shape)
        except msgspec.ValidationError:
            # A wrong type, or a field that is kept as JSON and needs its halves replaced.
            return None


def read_arguments(text: str) -> tuple[dict[str, Any], str | None]:
    """The arguments that a model wrote as JSON `text`, and `text` itself when it is no object.

    A call without arguments may have no text at all.
    """
    if not text.strip():
        return {}, None
    arguments = read_object(text)
    return ({}, text) if arguments is None else (arguments, None)
