"""One of everything that a user and their tenant can have, marked, for strangers to look for."""

from __future__ import annotations

import base64
import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from support.served import Served

from muxi.core.caller import DEFAULT_TENANT
from muxi.core.identities import User
from muxi.core.record import now
from muxi.identity.sessions import Browser

MARK = "heliotrope-parrot"
"""Stands in all that the victim has, and nowhere else."""
OURS = "vermilion-heron"
"""Stands in what the victim's tenant has, and other users of that tenant may see."""

REVISION = "2026-07-28"
"""Of MCP, in which every request stands alone."""
TASKS = "io.modelcontextprotocol/tasks"

_USED = re.compile(r'"(last_)?(used|seen)_at":"[^"]*"')
"""What changes by the victim's own looking."""
_LISTS = ("threads", "runs", "memories", "facts", "files", "knowledge", "approvals", "keys")
_TAGGED = {"threads": "thr", "runs": "run", "memories": "mem", "facts": "fct", "files": "file"}


def pay(amount: int) -> str:
    """Pay somebody."""
    return f"paid {amount}"


@dataclass
class Victim:
    """What belongs to one user, and whatever might serve to get at it.

    Args:
        muxi: The server.
        key: The user's key.
    """

    muxi: Served
    key: str
    ids: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """By what they begin with."""
    cursors: list[str] = field(default_factory=list[str])
    tags: list[str] = field(default_factory=list[str])
    """ETags of what is theirs."""
    hidden: list[str] = field(default_factory=list[str])
    """Ids that no stranger knows."""
    sessions: list[str] = field(default_factory=list[str])
    """Of MCP."""
    ticket: str = ""
    """Of a WebSocket, which was opened with it."""

    @property
    def all_ids(self) -> list[str]:
        """Every id that strangers know."""
        return [each for ids in self.ids.values() for each in ids]

    async def ask(
        self, method: str, path: str, body: Any = None, *, data: bytes | None = None, **headers: str
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        """One request of the user; raises if it is refused."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent["authorization"] = f"Bearer {self.key}"
        async with self.muxi.http.request(
            method, self.muxi.url + path, json=body, data=data, headers=sent
        ) as response:
            told = await response.read()
            assert response.status < 400, (method, path, response.status, told[:1000])
            return response, told

    async def read(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """What a request is answered, as JSON."""
        _, told = await self.ask(method, path, body, **more)
        return json.loads(told)

    def know(self, *ids: str) -> None:
        """Strangers shall know these."""
        for each in ids:
            self.ids[each.partition("_")[0]].append(each)

    async def settle(self) -> None:
        """Have one of everything."""
        await self._talk()
        await self._talk_elsewhere()
        await self._keep()
        await self._of_the_tenant()
        await self._ask_over_mcp()
        self.know("ann", "user:ann", DEFAULT_TENANT)
        quiet = await self.read("POST", "/api/threads", {"title": "Quiet"}, idempotency_key="a-key")
        self.hidden.append(quiet["id"])
        await self.read("POST", "/api/threads", {"title": f"A {MARK}"})
        for name in _LISTS:
            page = await self.read("GET", f"/api/{name}?limit=1")
            self.cursors += [page["next"]] if page.get("next") else []
        assert len(self.cursors) > 3, self.cursors
        for name, kind in _TAGGED.items():
            answer, _ = await self.ask("GET", f"/api/{name}/{self.ids[kind][0]}")
            self.tags.append(answer.headers["ETag"])
        self.ticket = (await self.read("POST", "/api/socket-tickets"))["ticket"]

    async def shown(self) -> dict[str, str]:
        """All that is theirs, as it is now, by where it is asked for."""
        # What others of the tenant share is theirs to add.
        paths = [f"/api/{name}?limit=500" for name in _LISTS if name != "knowledge"]
        paths += [f"/api/threads/{each}/messages" for each in self.ids["thr"]]
        paths += [f"/v1/conversations/{each}/items" for each in self.ids["conv"]]
        paths += [f"/v1/responses/{each}" for each in self.ids["resp"]]
        paths += ["/api/facts/tree", "/api/facts/history", "/api/me/sessions"]
        paths += [f"/api/knowledge/{each}" for each in self.ids["doc"]]
        told = {path: _USED.sub("", (await self.ask("GET", path))[1].decode()) for path in paths}
        groups = await self.muxi.runtime.identity.users.groups(DEFAULT_TENANT)
        return {**told, "groups": repr(groups)}

    async def _talk(self) -> None:
        picture = base64.b64encode(b"\x89PNG\r\n\x1a\n" + MARK.encode()).decode()
        parts = [
            {"type": "text", "text": f"The {MARK} sings."},
            {"type": "image", "media_type": "image/png", "data": picture},
        ]
        run = await self.read("POST", "/api/runs", {"input": parts})
        await self.ask("GET", f"/api/runs/{run['id']}/events")
        asking = await self.read("POST", "/api/runs", {"input": f"pay for the {MARK}"})
        await self.ask("GET", f"/api/runs/{asking['id']}/events")
        approvals = (await self.read("GET", f"/api/approvals?run_id={asking['id']}"))["items"]
        messages = (await self.read("GET", f"/api/threads/{run['thread_id']}/messages"))["items"]
        self.know(run["id"], run["thread_id"], asking["id"], asking["thread_id"])
        self.know(*(each["id"] for each in approvals + messages))
        self.know(*(each["call_id"] for each in approvals if each.get("call_id")))
        self.know(*(part["blob"] for part in messages[0]["parts"] if "blob" in part))

    async def _talk_elsewhere(self) -> None:
        """Over the protocols of others."""
        made = {"model": "a", "input": f"The {MARK} dances."}
        response = await self.read("POST", "/v1/responses", made)
        items = (await self.read("GET", f"/v1/responses/{response['id']}/input_items"))["data"]
        self.know(response["id"], *(each["id"] for each in items + response["output"]))
        told = {"items": [{"role": "user", "content": f"The {MARK} sleeps."}]}
        conversation = await self.read("POST", "/v1/conversations", told)
        of_it = f"/v1/conversations/{conversation['id']}/items"
        items = (await self.read("GET", of_it))["data"]
        self.know(conversation["id"], *(each["id"] for each in items))
        said = {"id": "m1", "role": "user", "parts": [{"type": "text", "text": f"{MARK}!"}]}
        await self.ask("POST", "/api/chat", {"id": "chat_of-ann", "messages": [said]})
        told = {"id": "m1", "role": "user", "content": f"{MARK}?"}
        begun = {"threadId": "agui_of-ann", "runId": "agui_run-of-ann", "messages": [told]}
        await self.ask("POST", "/agui", begun)
        self.know("chat_of-ann", "agui_of-ann", "agui_run-of-ann")
        tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
        asked = {"role": "user", "content": f"look at the {MARK}"}
        completion = {"model": "a", "messages": [asked], "tools": [tool]}
        answer = await self.read("POST", "/v1/chat/completions", completion)
        self.know(answer["choices"][0]["message"]["tool_calls"][0]["id"])

    async def _keep(self) -> None:
        memory = await self.read("POST", "/api/memories", {"text": f"My {MARK} is green."})
        await self.ask("PUT", "/api/facts?path=pet", {"value": MARK})
        (fact,) = (await self.read("GET", "/api/facts?path=pet"))["items"]
        text = {"text": f"On the {MARK}.", "owner": "user"}
        document = await self.read("POST", "/api/knowledge", text)
        letter = f"A letter to the {MARK}.".encode()
        file = await self.read("POST", f"/api/files?name={MARK}.txt", data=letter)
        name = base64.b64encode(f"{MARK}.bin".encode()).decode()
        begun, _ = await self.ask(
            "POST",
            "/api/files",
            tus_resumable="1.0.0",
            upload_length="1000",
            upload_metadata=f"filename {name}",
        )
        self.know(memory["id"], fact["id"], document["id"], file["id"])
        self.know(begun.headers["Location"].rpartition("/")[2])

    async def _of_the_tenant(self) -> None:
        identity = self.muxi.runtime.identity
        user = User(id="hermit", name=OURS, roles=["member"], groups=[], created_at=now())
        await identity.users.create(DEFAULT_TENANT, user)
        token = self.muxi.runtime.state.token()
        for path, body in (
            ("groups/crew", {"description": OURS}),
            ("roles/cook", {"name": "cook", "description": OURS, "allow": ["runs.read"]}),
            ("budgets/purse", {"per": "user", "every": "day", "tokens": 10**9}),
        ):
            headers = {"authorization": f"Bearer {token}"}
            url = f"{self.muxi.url}/api/{path}"
            async with self.muxi.http.put(url, json=body, headers=headers) as response:
                assert response.status < 300, (path, await response.text())
            self.know(path.partition("/")[2])
        self.know(user.id)
        await identity.sessions.begin(DEFAULT_TENANT, "ann", Browser("", MARK), how="link")
        sessions = (await self.read("GET", "/api/me/sessions"))["items"]
        keys = (await self.read("GET", "/api/keys"))["items"]
        self.know(*(each["id"] for each in sessions + keys))

    async def _ask_over_mcp(self) -> None:
        begin = {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "a", "version": "1"},
        }
        accept = "application/json, text/event-stream"
        asked = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": begin}
        answer, _ = await self.ask("POST", "/mcp", asked, accept=accept)
        self.sessions.append(answer.headers["Mcp-Session-Id"])
        call = {"name": "ask_a", "arguments": {"input": f"Where is the {MARK}?"}}
        body, headers = modern("tools/call", call)
        task = (await self.read("POST", "/mcp", body, **headers))["result"]
        self.know(task["taskId"])
        body, headers = modern("tasks/get", {"taskId": task["taskId"]})
        while task["status"] != "completed":
            task = (await self.read("POST", "/mcp", body, **headers))["result"]


def modern(method: str, params: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """A request of MCP in its newer form: the body, and the headers that go with it."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": REVISION,
        "io.modelcontextprotocol/clientCapabilities": {"extensions": {TASKS: {}}},
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}
    headers = {
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": REVISION,
        "mcp-method": method,
    }
    named = params.get("taskId") or params.get("name") or params.get("uri")
    return body, {**headers, **({"mcp-name": str(named)} if named else {})}
