"""What is being done, for whoever writes of it: the request that it is done for.

Set by doors, read by logs. Tasks that a request begins inherit it.
"""

from __future__ import annotations

from contextvars import ContextVar

REQUEST_ID: ContextVar[str | None] = ContextVar("muxi_request_id", default=None)
