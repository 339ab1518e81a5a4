"""The id of a request: given by whoever sends it, or made up here; told in its answer and in logs.

Called by the dispatcher for every request. What a client sends is never written anywhere unless it
is plain, so that nobody can forge a line of a log or a header.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from muxi.core.ids import new_id
from muxi.telemetry.context import REQUEST_ID

REQUEST_ID_HEADER = b"x-request-id"

_PLAIN = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


def begin_request(headers: Mapping[bytes, bytes]) -> str:
    """The id of a request, which whatever is logged on its behalf bears from now on."""
    given = headers.get(REQUEST_ID_HEADER, b"")
    request_id = given.decode() if _PLAIN.fullmatch(given) else new_id("req")
    REQUEST_ID.set(request_id)
    return request_id
