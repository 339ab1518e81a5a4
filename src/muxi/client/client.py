"""The Python client of a muxi server. Used by the CLI and by any program that talks to one."""

from __future__ import annotations

from muxi.client.calls import read, segment
from muxi.client.runs import Runs
from muxi.core.definitions import AgentDefinition
from muxi.core.identities import SignInLink
from muxi.core.messages import Message
from muxi.core.pages import Page
from muxi.core.status import AgentInfo, ModelInfo, Reloaded, ServerStatus
from muxi.core.threads import Thread


class Client(Runs):
    """A connection to one muxi server; use it as `async with Client(...) as client:`.

    Every method raises the `MuxiError` that the server reports, and `ServerUnavailable` when there
    is no answer. Lists come in pages.

    Args:
        base_url: Where the server listens; ignored when `socket` is given.
        socket: Path of the socket beside a project, `.muxi/muxi.sock`.
        token: Content of the project's token file.
        timeout: Seconds to wait for an answer. Streams of events have no such bound.
        user: Id of the user to act for; who the token belongs to if None.
        tenant: Id of the tenant to act in, for who runs the project; their own if None.
        regain: Finds another server in the place of one that is gone. A request is then made again,
            unless it may have been carried out already and must not be twice.
    """

    async def status(self) -> ServerStatus:
        """The project, its default agent and model, and the owner process."""
        return read(ServerStatus, await self._call("GET", "/api/status"))

    async def reload(self) -> Reloaded:
        """Read the project's file again, and tell what holds now and what wants a restart.

        Raises:
            ConfigError: The file has mistakes; nothing has changed.
        """
        return read(Reloaded, await self._call("POST", "/api/reload", again=True))

    async def agents(self) -> list[AgentInfo]:
        return read(Page[AgentInfo], await self._call("GET", "/api/agents")).items

    async def agent(self, name: str) -> AgentInfo:
        return read(AgentInfo, await self._call("GET", f"/api/agents/{segment(name)}"))

    async def save_agent(self, definition: AgentDefinition) -> AgentInfo:
        """Store a version of an agent, and let its name stand for it.

        Raises:
            Conflict: The agent is one of the project file, which is changed there.
        """
        body = definition.model_dump(mode="json", exclude_defaults=True)
        path = f"/api/agents/{segment(definition.name)}"
        return read(AgentInfo, await self._call("PUT", path, body=body))

    async def models(self) -> list[ModelInfo]:
        return read(Page[ModelInfo], await self._call("GET", "/api/models")).items

    async def create_thread(self, title: str | None = None, *, agent: str | None = None) -> Thread:
        body = {"title": title, "agent": agent}
        return read(Thread, await self._call("POST", "/api/threads", body=body))

    async def threads(self, *, cursor: str | None = None, limit: int = 50) -> Page[Thread]:
        """Threads, the one that was used last first."""
        params = {"cursor": cursor, "limit": limit}
        return read(Page[Thread], await self._call("GET", "/api/threads", params=params))

    async def thread(self, id: str) -> Thread:
        return read(Thread, await self._call("GET", f"/api/threads/{segment(id)}"))

    async def rename_thread(self, id: str, title: str | None) -> Thread:
        return read(
            Thread, await self._call("PATCH", f"/api/threads/{segment(id)}", body={"title": title})
        )

    async def delete_thread(self, id: str) -> None:
        """Delete a thread with its messages, runs and events."""
        await self._call("DELETE", f"/api/threads/{segment(id)}")

    async def messages(self, thread_id: str) -> list[Message]:
        """The messages from the thread's root to its leaf, oldest first."""
        path, cursor = f"/api/threads/{segment(thread_id)}/messages", None
        found: list[Message] = []
        while True:
            page = read(Page[Message], await self._call("GET", path, params={"cursor": cursor}))
            found += page.items
            cursor = page.next
            if cursor is None:
                return found

    async def blob(self, hash: str) -> bytes:
        """The bytes that a part of a message refers to as its `blob`. Raises `NotFound`."""
        return await self._call("GET", f"/api/blobs/{segment(hash)}")

    async def login_link(self, user: str | None = None, *, seconds: int = 900) -> str:
        """A fresh link that signs a browser in once, within `seconds`; as oneself by default."""
        body = {"user": user, "seconds": seconds}
        return read(SignInLink, await self._call("POST", "/api/login-links", body=body)).url
