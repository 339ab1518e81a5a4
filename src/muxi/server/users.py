"""For whom a request is made: the header in which a caller names the user whom they act for.

Called by the dispatcher once the caller is known, who needs the permission `users.act_for`. An id
may be any text, which a header cannot hold, so it comes as UTF-8 in percent-encoding.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote_to_bytes

from muxi.core.errors import InvalidInput
from muxi.core.users import TENANT_HEADER, USER_HEADER

_NAME = USER_HEADER.lower().encode()
_HINT = f"Send the id in `{USER_HEADER}` once, as UTF-8 in percent-encoding."
_ENCODED = re.compile(rb"(?:[!-$&-~ ]|%[0-9A-Fa-f]{2})*")


def named_tenant(headers: Mapping[bytes, bytes]) -> str | None:
    """The tenant whose data the operator of the project asks for, or None for their own."""
    named = headers.get(TENANT_HEADER.lower().encode())
    return None if named is None else named.decode("latin-1")


def named_user(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The user whom the header names, or None without one.

    Raises:
        InvalidInput: It names two, or what it says is no id of a user.
    """
    named = [value for name, value in headers if name == _NAME]
    if not named:
        return None
    if len(named) > 1:
        raise InvalidInput("The request names more than one user.", hint=_HINT)
    if _ENCODED.fullmatch(named[0]) is None:
        raise InvalidInput("The id of the user is not in percent-encoding.", hint=_HINT)
    try:
        return unquote_to_bytes(named[0]).decode()
    except UnicodeDecodeError:
        raise InvalidInput("The id of the user is not UTF-8.", hint=_HINT) from None
