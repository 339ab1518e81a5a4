"""Makes up requests, frames and calls that name what belongs to somebody else.

Which routes there are, and what they take, comes from the description of the API; what cannot be
described there (ids inside of bodies of other people's protocols, cursors, ETags, pieces of
uploads, frames of WebSockets, calls of MCP) is added here.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from muxi.core.caller import DEFAULT_TENANT

from .victim import MARK, OURS, Victim, modern

_NEVER = re.compile(r"/(login|logout|api/logout|api/reload|api/secrets/rotate-key)\b")
"""What ends the prober's own session, or concerns the whole project."""

_KINDS: dict[str, tuple[str, ...]] = {
    "threads": ("thr",),
    "runs": ("run",),
    "approvals": ("apr", "call"),
    "messages": ("msg",),
    "memories": ("mem",),
    "facts": ("fct",),
    "knowledge": ("doc",),
    "files": ("file",),
    "blobs": ("sha256:",),
    "chat": ("chat", "thr"),
    "conversations": ("conv", "msg"),
    "responses": ("resp",),
    "users": ("ann", "hermit"),
    "keys": ("key",),
    "sessions": ("session",),
    "groups": ("crew",),
    "roles": ("cook",),
    "budgets": ("purse",),
    "tenants": (DEFAULT_TENANT,),
}
"""What ids in the paths of a resource begin with."""

_MEMBERS = (
    *("id", "input", "agent", "text", "user", "owner", "source", "file", "hash", "blob"),
    *("thread_id", "parent_id", "run_id", "message_id", "file_id", "session_id", "recording"),
    *("previous_response_id", "conversation"),
)
"""Members of bodies that hold an id somewhere."""

_TUS = {"tus-resumable": "1.0.0", "upload-offset": "0"}
_PIECES = "application/offset+octet-stream"


class Request(NamedTuple):
    """One request, ready to be sent."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    stolen: bool = False
    """Whether it shows an ETag of the victim."""


@dataclass
class Prober:
    """One stranger's stock of ideas.

    Args:
        document: The description of the API.
        victim: Whose things are wanted.
        chance: Where all chance comes from.
    """

    document: Mapping[str, Any]
    victim: Victim
    chance: random.Random
    own: list[str] = field(default_factory=list[str])
    """Ids of the stranger's own, which make a request right but for the others in it."""

    def __post_init__(self) -> None:
        self._routes = [
            (method.upper(), path, operation)
            for path, methods in self.document["paths"].items()
            for method, operation in methods.items()
            if not _NEVER.match(path)
        ]
        self._ids = self.victim.all_ids
        self._forged: dict[str, Callable[[], Any]] = {
            "/api/runs": self._run,
            "/api/runs/stream": self._run,
            "/api/chat": self._chat,
            "/agui": self._agui,
            "/agui/{agent}": self._agui,
            "/v1/responses": self._response,
            "/v1/responses/compact": self._response,
            "/v1/chat/completions": self._completion,
            "/v1/conversations/{id}/items": lambda: {"items": [self._item()]},
            "/api/approvals/{id}": lambda: {"decision": self.chance.choice(("approve", "deny"))},
            "/api/memories/forget": self._forget,
            "/api/memories/verify": self._forget,
            "/api/transcriptions": lambda: {"recording": self.id("file")},
        }

    def id(self, *kinds: str) -> str:
        """An id of the victim, most often of one of these kinds, sometimes bent."""
        chance = self.chance
        if self.own and chance.random() < 0.1:
            return chance.choice(self.own)
        wanted = [each for each in self._ids if each.startswith(kinds)] if kinds else []
        found = chance.choice(wanted if wanted and chance.random() < 0.8 else self._ids)
        if chance.random() < 0.04:
            found = found[:-1] + chance.choice(["%", "0", "_", "'", "\0", "*"])
        return found

    def request(self) -> Request:
        """The next request."""
        chance = self.chance
        method, path, operation = chance.choice(self._routes)
        kinds = _KINDS.get(path.split("/")[2] if path.count("/") > 1 else "", ())
        target = re.sub(r"\{\w+\}", lambda _: quote(self.id(*kinds), safe=""), path)
        query = self._query(operation)
        target += f"?{urlencode(query)}" if query else ""
        headers, stolen = self._headers()
        body = b""
        if "requestBody" in operation or method in ("POST", "PUT", "PATCH"):
            headers["content-type"], body = self._body(path, operation)
        return Request(method, target, headers, body, stolen=stolen)

    def _query(self, operation: Mapping[str, Any]) -> dict[str, str]:
        chance = self.chance
        made: dict[str, str] = {}
        for each in operation.get("parameters", ()):
            name = each.get("name")
            if each.get("in") != "query" or chance.random() > 0.4:
                continue
            if name in ("cursor", "after", "before") and chance.random() < 0.8:
                made[name] = chance.choice(self.victim.cursors)
            elif name in ("since", "limit", "k", "starting_after"):
                made[name] = str(chance.choice((0, 1, 2, 50)))
            elif name == "owner":
                made[name] = chance.choice(("user:ann", "user", "tenant", "agent:a"))
            elif name in ("q", "query", "path", "predicate", "subject"):
                made[name] = chance.choice(("pet", "letter", "green", "*", "user"))
            else:
                made[name] = self.id()
        return made

    def _headers(self) -> tuple[dict[str, str], bool]:
        chance, stolen = self.chance, False
        headers: dict[str, str] = {}
        if chance.random() < 0.08:
            headers["x-muxi-user"] = chance.choice(("ann", "hermit", "local"))
        if chance.random() < 0.08:
            headers["x-muxi-tenant"] = DEFAULT_TENANT
        if chance.random() < 0.1:
            stolen = chance.random() < 0.7
            headers["if-none-match" if stolen else "if-match"] = chance.choice(self.victim.tags)
        if chance.random() < 0.1:
            headers["idempotency-key"] = "a-key"
        if chance.random() < 0.1:
            headers["last-event-id"] = str(chance.randint(0, 5))
        if chance.random() < 0.15:
            headers |= _TUS
        return headers, stolen

    def _body(self, path: str, operation: Mapping[str, Any]) -> tuple[str, bytes]:
        chance = self.chance
        content = operation.get("requestBody", {}).get("content", {})
        if "*/*" in content or "multipart/form-data" in content:
            return chance.choice((_PIECES, "text/plain")), b"mine"
        made: Any
        if path == "/api/threads" and chance.random() < 0.3:
            made = {"title": "Quiet"}
        elif path in self._forged and chance.random() < 0.6:
            made = self._forged[path]()
        else:
            example = next(iter(content.values()), {}).get("example", {})
            made = self._bend(example) if chance.random() < 0.6 else {}
            members = chance.sample(_MEMBERS, chance.choice((0, 0, 1, 2)))
            if isinstance(made, dict):
                made |= {name: self.id() for name in members}
        return "application/json", json.dumps(made).encode()

    def _bend(self, value: Any) -> Any:
        """An example with ids of the victim in the places of its own."""
        if isinstance(value, dict):
            return {name: self._bend(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self._bend(each) for each in value]
        if isinstance(value, str) and (match := re.match(r"([a-z]+)_[0-9a-f]{32}|sha256:", value)):
            return self.id(match[1] or "sha256:")
        return value

    def _part(self) -> dict[str, Any]:
        named = self.chance.choice(
            ({"blob": self.id("sha256:")}, {"file_id": self.id("file")}, {"url": self.id("file")})
        )
        kind, media_type = self.chance.choice(
            (("image", "image/png"), ("file", "text/plain"), ("audio", "audio/wav"))
        )
        return {"type": kind, "media_type": media_type, **named}

    def _run(self) -> dict[str, Any]:
        chance = self.chance
        made: dict[str, Any] = {"input": "Hello"}
        if chance.random() < 0.4:
            made["input"] = [{"type": "text", "text": "Hello"}, self._part()]
        if chance.random() < 0.5:
            made["thread_id"] = self.id("thr")
        if chance.random() < 0.5:
            made["parent_id"] = self.id("msg")
        if chance.random() < 0.3:
            made["id"] = self.id("run")
        return made

    def _chat(self) -> dict[str, Any]:
        approval = {"id": self.id("apr"), "approved": True}
        part = {"type": "tool-pay", "toolCallId": self.id("call"), "approval": approval}
        part |= {"state": self.chance.choice(("approval-responded", "output-available"))}
        part |= {"input": {}, "output": "Done"}
        last: dict[str, Any] = {"id": self.id("run", "msg"), "role": "assistant", "parts": [part]}
        if self.chance.random() < 0.5:
            last = {"id": self.id("msg"), "role": "user", "parts": [self._text()]}
            if self.chance.random() < 0.3:
                last["parts"].append({"type": "file", "url": f"/api/files/{self.id('file')}"})
        before = {"id": self.id("msg"), "role": "user", "parts": [self._text()]}
        return {"id": self.id("chat", "thr"), "messages": [before, last]}

    def _text(self) -> dict[str, Any]:
        return {"type": "text", "text": "Hello"}

    def _agui(self) -> dict[str, Any]:
        told = [{"id": self.id("msg"), "role": "user", "content": "Hello"}]
        if self.chance.random() < 0.5:
            call = self.id("call", "apr")
            told.append({"id": "t", "role": "tool", "content": "Done", "toolCallId": call})
        made: dict[str, Any] = {"threadId": self.id("agui", "thr"), "runId": self.id("agui", "run")}
        made |= {"messages": told, "parentRunId": self.id("run")}
        if self.chance.random() < 0.5:
            entry = {"interruptId": self.id("apr"), "status": "resolved", "payload": True}
            made["resume"] = [entry]
        return made

    def _item(self) -> dict[str, Any]:
        return self.chance.choice(
            [
                {"role": "user", "content": "Hello", "id": self.id("msg")},
                {"type": "item_reference", "id": self.id("msg")},
                {"type": "function_call_output", "call_id": self.id("call"), "output": "Done"},
                {
                    "type": "mcp_approval_response",
                    "approval_request_id": self.id("apr"),
                    "approve": True,
                },
                {
                    "role": "user",
                    "content": [{"type": "input_file", "file_id": self.id("file")}],
                },
                {
                    "role": "user",
                    "content": [{"type": "input_image", "file_id": self.id("file")}],
                },
            ]
        )

    def _response(self) -> dict[str, Any]:
        chance = self.chance
        made: dict[str, Any] = {"model": "a", "input": [self._item()]}
        if chance.random() < 0.4:
            made["previous_response_id"] = self.id("resp")
        if chance.random() < 0.4:
            made["conversation"] = self.id("conv")
        if chance.random() < 0.2:
            made |= {"stream": True}
        return made

    def _completion(self) -> dict[str, Any]:
        call = {"id": self.id("call"), "type": "function", "function": {"name": "look"}}
        call["function"] |= {"arguments": "{}"}
        told = [
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": call["id"], "content": "Done"},
        ]
        return {"model": "a", "messages": told}

    def _forget(self) -> dict[str, Any]:
        what = self.chance.choice(("memory_id", "thread_id", "user", "id", "owner"))
        return {what: self.id("mem", "thr", "ann", "user:")}

    def frame(self) -> dict[str, Any]:
        """The next command over a WebSocket."""
        chance = self.chance
        thread = {"thread_id": self.id("thr"), "since": chance.randint(0, 3)}
        decision = {"decision": chance.choice(("approve", "deny"))}
        return chance.choice(
            [
                {"type": "subscribe", **thread},
                {"type": "unsubscribe", "thread_id": self.id("thr")},
                {"type": "send", "run": self._run()},
                {"type": "approve", "approval_id": self.id("apr"), "decision": decision},
                {"type": "cancel", "run_id": self.id("run")},
                {"type": "presence", "thread_id": self.id("thr"), "state": "here"},
                {"type": "renew", "token": self.victim.key},
                {"type": "renew", "ticket": self.victim.ticket},
                {"type": "subscribe", "thread_id": self.id(), "id": self.id()},
            ]
        )

    def call(self) -> Request:
        """The next request of MCP, in one of its two forms."""
        method, params = self._called()
        if self.chance.random() < 0.3:
            headers = {
                "accept": "application/json, text/event-stream",
                "mcp-session-id": self.chance.choice(self.victim.sessions),
                "mcp-protocol-version": "2025-06-18",
            }
            body: dict[str, Any] = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
        else:
            body, headers = modern(method, params)
        headers["content-type"] = "application/json"
        headers["mcp-name"] = headers.get("mcp-name", "").replace("\0", "")
        return Request("POST", "/mcp", headers, json.dumps(body).encode())

    def _called(self) -> tuple[str, dict[str, Any]]:
        chance = self.chance
        kind, prefix = chance.choice(
            (
                ("threads", "thr"),
                ("memories", "mem"),
                ("documents", "doc"),
                ("facts", "fct"),
            )
        )
        asked = {"input": "Hello", "thread_id": self.id("thr")}
        cursor = {"cursor": chance.choice(self.victim.cursors)}
        task = {"taskId": self.id("task")}
        return chance.choice(
            [
                ("resources/read", {"uri": f"muxi://{kind}/{quote(self.id(prefix), safe='')}"}),
                ("resources/list", chance.choice(({}, cursor))),
                ("tools/list", cursor),
                ("tools/call", {"name": "run_result", "arguments": {"run_id": self.id("run")}}),
                ("tools/call", {"name": "ask_a", "arguments": asked}),
                ("tasks/get", task),
                ("tasks/cancel", task),
                ("tasks/update", {**task, "inputResponses": {}}),
            ]
        )


def gives_away(victim: Victim, told: bytes, *, same_tenant: bool) -> str | None:
    """What of the victim is in an answer to a stranger; None if nothing is."""
    secrets = [MARK, *victim.hidden] + ([] if same_tenant else [OURS])
    return next((each for each in secrets if each.encode() in told), None)
