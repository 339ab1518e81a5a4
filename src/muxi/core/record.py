"""The base of everything that crosses a door as JSON. Used by every noun of this room.

A record keeps fields that it does not know and writes them back, so that an older program does not
destroy what a newer one stored. It must never contain behaviour of a domain.
"""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A pydantic model whose unknown fields survive a round trip through JSON."""

    model_config = ConfigDict(
        extra="allow",
        ser_json_bytes="base64",
        val_json_bytes="base64",
        protected_namespaces=(),
    )


def now() -> datetime:
    """The present instant, in UTC and with its zone."""
    return datetime.now(UTC)


def clean(text: str) -> str:
    """`text` without lone surrogates, which no UTF-8 encoder accepts: each becomes U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
