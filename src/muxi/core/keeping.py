"""Files that providers of models keep, so that bytes are sent to them once.

Ports: `models` implements `FileStore`, `runtime` implements `Original`. A model's request refers to
such a file by a `KeptPart`; nothing that is stored or told does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol


@dataclass(slots=True, frozen=True, kw_only=True)
class Upload:
    """Bytes on their way to a provider."""

    data: bytes
    kind: Literal["image", "audio", "file"]
    """What a model is to see it as."""
    media_type: str
    name: str | None = None
    """Without folders."""


@dataclass(slots=True, frozen=True)
class KeptFile:
    """A file that a provider keeps."""

    id: str
    """What requests call it."""
    expires_at: datetime | None
    """When the provider deletes it by itself; None for never."""


class FileStore(Protocol):
    """Where one account of a provider keeps files."""

    @property
    def provider(self) -> str: ...

    @property
    def account(self) -> str:
        """Digest of the provider's address and of the key: who else bears both, sees the files."""
        ...

    def form(self, upload: Upload) -> str:
        """What beside the bytes a file here consists of: for another form, another file is sent.

        A name is part of it where models are told the name that a file was sent under.
        """
        ...

    async def put(self, upload: Upload) -> KeptFile:
        """Send a file. Raises `ModelError`."""
        ...

    async def delete(self, file_id: str) -> None:
        """Delete a file, or find that it is not there. Raises `ModelError`."""
        ...


class Original(Protocol):
    """The stored bytes that a part of a request has its own from. Providers may keep them."""

    async def kept_by(self, store: FileStore, upload: Upload) -> str | None:
        """The id under which `store` keeps the bytes, which are sent there first if need be.

        None if it does not, now or ever: then they are sent with the request.
        """
        ...

    async def lost_by(self, store: FileStore, file_id: str) -> None:
        """The provider does not know that id any more."""
        ...
