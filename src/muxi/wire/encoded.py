"""Values into JSON bytes. Used by all formats of this room."""

from __future__ import annotations

from typing import Any

import msgspec

from muxi.wire.json_text import cleaned

_encode = msgspec.json.Encoder().encode


def to_json(value: Any) -> bytes:
    """`value` as JSON in UTF-8; lone surrogates, wherever they are, become U+FFFD."""
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return _encode(cleaned(value))
