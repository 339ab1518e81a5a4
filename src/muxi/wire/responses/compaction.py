"""Items that hold in short what was said before: written here and read again. Used by the server.

The format calls their content encrypted, so that no client looks into it; here it is the text.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode

from muxi.core.errors import InvalidInput
from muxi.core.ids import new_id
from muxi.wire.responses.output import Item

_BEFORE = "What was said before, in short:\n"


def compaction_of(text: str) -> Item:
    """The item that holds a summary."""
    content = b64encode(text.encode()).decode()
    return {"type": "compaction", "id": new_id("cmp"), "encrypted_content": content}


def told_by(content: str, where: str) -> str:
    """What an agent is told by the content of such an item.

    Raises:
        InvalidInput: It was not made here.
    """
    try:
        return _BEFORE + b64decode(content, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise InvalidInput(f"{where}: This compaction was not made here.", param=where) from None
