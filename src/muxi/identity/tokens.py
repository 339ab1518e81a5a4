"""How a credential reads: `muxi_key_<tenant>_<id>_<secret>`, and `muxi_session_…`, `muxi_link_…`.

Made and read by the other files of this room. The tenant is part of the text, so that the row is
looked up inside its tenant and no statement ever looks across them; the prefix lets scanners of
source code find a key that was published; the check at the end lets most slips of the hand be
refused without a look at the database.
"""

from __future__ import annotations

import hashlib
import secrets
import zlib
from dataclasses import dataclass
from typing import Final, get_args

from muxi.core.identities import TENANT_ID
from muxi.core.ids import new_id
from muxi.storage.credentials import Kind

_SECRET_BYTES: Final = 24
_CHECK: Final = 8
_LONGEST: Final = 256
_KINDS: Final[dict[str, Kind]] = {kind: kind for kind in get_args(Kind)}
_HEXADECIMAL: Final = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Token:
    """A credential as its holder has it. It shows its prefix, never its secret."""

    kind: Kind
    tenant: str
    id: str
    secret: str

    def __repr__(self) -> str:
        return f"Token({self.prefix})"

    @property
    def prefix(self) -> str:
        """How its text begins, without anything secret."""
        return f"muxi_{self.kind}_{self.tenant}_{self.id.partition('_')[2]}"

    @property
    def text(self) -> str:
        """What its holder sends."""
        return f"{self.prefix}_{self.secret}{_check(self.secret)}"

    @property
    def digest(self) -> bytes:
        """What is stored in the place of the secret."""
        return hashlib.sha256(self.secret.encode()).digest()


def fresh(kind: Kind, tenant: str) -> Token:
    """A new credential with 192 random bits."""
    return Token(kind, tenant, new_id(kind), secrets.token_hex(_SECRET_BYTES))


def prefix(kind: Kind, tenant: str, id: str) -> str:
    """How the text of a credential of that id begins."""
    return Token(kind, tenant, id, "").prefix


def parse(text: str) -> Token | None:
    """The credential that `text` is, or None for what is none."""
    if not text.startswith("muxi_") or len(text) > _LONGEST:
        return None
    pieces = text.split("_")
    if len(pieces) != 5 or (kind := _KINDS.get(pieces[1])) is None:
        return None
    _, _, tenant, number, tail = pieces
    secret, check = tail[:-_CHECK], tail[-_CHECK:]
    if not (_HEXADECIMAL.issuperset(number) and _HEXADECIMAL.issuperset(tail)):
        return None
    if check != _check(secret) or TENANT_ID.fullmatch(tenant) is None:
        return None
    return Token(kind, tenant, f"{kind}_{number}", secret)


def _check(secret: str) -> str:
    return f"{zlib.crc32(secret.encode()):08x}"
