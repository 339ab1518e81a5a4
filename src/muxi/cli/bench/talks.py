"""How a turn is asked of a server, and known by its answer: muxi's own API and those of its peers.

Used by `load`. A server of a peer speaks its own dialect of streamed events.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

FRESH: Final = b"0123456789abcdef" * 2
"""Stands in a body where each turn has an id of its own, which is as long as this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """One API. `{agent}` in path and body is the name of an agent."""

    path: str
    body: str
    said: re.Pattern[bytes]
    """Words of an answer; a server that is busy tells several at once."""
    completed: bytes
    """Stands at the end of an answer that succeeded."""
    form: str = "application/json"
    """Media type of the body."""
    socket: str | None = None
    """Path of a WebSocket that may be idle."""
    greeting: bytes = b"101 Switching Protocols"
    """What is heard when a WebSocket is open."""


MUXI: Final = Talk(
    path="/api/runs/stream",
    body='{"input":"Tell me something.","agent":"{agent}"}',
    said=re.compile(rb'"type":"text\.delta"[^}]*"text":"([0-9 ]+)"'),
    completed=b'"status":"completed"',
    socket="/ws",
    greeting=b'"ready"',
)
PROVIDER: Final = Talk(
    path="/8/0/chat/completions",
    body='{"model":"m","stream":true,"messages":[{"role":"user","content":"Well?"}]}',
    said=re.compile(rb'"content":"([0-9 ]+)"'),
    completed=b"[DONE]",
)
"""The scripted provider itself, with nothing between."""
PLAIN: Final = Talk(
    path="/runs/{agent}",
    body='{"input":"Tell me something."}',
    said=re.compile(rb'"text": "([0-9 ]+)"'),
    completed=b'"status": "completed"',
    socket="/ws",
)
AGNO: Final = Talk(
    path="/agents/{agent}/runs",
    body="message=Tell+me+something.&stream=true",
    form="application/x-www-form-urlencoded",
    said=re.compile(rb'"event":\s*"RunContent"[^\n]*?"content":\s*"([0-9 ]+)"'),
    completed=b"RunCompleted",
    socket="/workflows/ws",
)
LANGGRAPH: Final = Talk(
    path="/runs/stream",
    body=(
        '{"assistant_id":"{agent}","stream_mode":"messages-tuple","input":'
        '{"messages":[{"role":"user","content":"Tell me something."}]}}'
    ),
    said=re.compile(rb'"content":\s*"([0-9 ]+)"'),
    completed=b'"chunk_position":"last"',
)
ADK: Final = Talk(
    path="/run_sse",
    body=(
        '{"app_name":"{agent}","user_id":"u","streaming":true,"session_id":"'
        + FRESH.decode()
        + '","newMessage":{"role":"user","parts":[{"text":"Tell me something."}]}}'
    ),
    said=re.compile(rb'"text":\s*"([0-9 ]+)"[^\n]*?"partial":\s*true'),
    completed=b'"partial":false',
)
