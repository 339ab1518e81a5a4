"""The output of a response while it is told: items that are begun, written and ended. Used by
`told`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from muxi.core.events import Approval, ToolStarted
from muxi.core.messages import ToolResultPart
from muxi.wire.encoded import to_json

Item = dict[str, Any]


SERVER = "muxi"
"""What the agent's own tools are called together."""


class Say(Protocol):
    """Tells an event."""

    def __call__(self, kind: str, **values: Any) -> None: ...


@dataclass(slots=True)
class OpenItem:
    """One item; `place` is its index among the output."""

    item: Item
    place: int
    say: Say
    _kind: str = ""
    _pieces: list[str] = field(default_factory=list[str])

    def begin(self, item: Item) -> None:
        """Tell that there is such an item."""
        self.say("response.output_item.added", output_index=self.place, item=item)

    def begin_part(self, kind: str) -> None:
        """Tell that it has text of a kind."""
        self._kind = kind
        self.say("response.content_part.added", **self._at, part=self._part(""))

    @property
    def text(self) -> str:
        """What was written so far."""
        return "".join(self._pieces)

    def write(self, text: str) -> None:
        """Tell a piece of its text, if it is one."""
        if not text:
            return
        self._pieces.append(text)
        more: dict[str, Any] = {"logprobs": []} if self._kind == "output_text" else {}
        self.say(f"response.{self._kind}.delta", **self._at, delta=text, **more)

    def end(self, status: str) -> None:
        """Tell the whole of it, once more."""
        text = self.text
        more: dict[str, Any] = {"logprobs": []} if self._kind == "output_text" else {}
        said = {"refusal" if self._kind == "refusal" else "text": text}
        self.say(f"response.{self._kind}.done", **self._at, **said, **more)
        part = self._part(text)
        self.say("response.content_part.done", **self._at, part=part)
        self.item["status"], self.item["content"] = status, [part]
        self.say("response.output_item.done", output_index=self.place, item=dict(self.item))

    @property
    def _at(self) -> dict[str, Any]:
        return {"item_id": self.item["id"], "output_index": self.place, "content_index": 0}

    def _part(self, text: str) -> dict[str, Any]:
        if self._kind == "output_text":
            return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
        return {"type": self._kind, "refusal" if self._kind == "refusal" else "text": text}


@dataclass(slots=True)
class Output:
    """All items so far, and the events about them that were not handed on yet."""

    items: list[Item] = field(default_factory=list[Item])
    _said: list[Item] = field(default_factory=list[Item])
    _count: int = 0
    _calls: dict[str, int] = field(default_factory=dict[str, int])
    """Places of the items of the agent's own calls, by the ids of the calls."""

    def taken(self) -> list[Item]:
        """The events since this was asked last."""
        said, self._said = self._said, []
        return said

    def tell(self, kind: str, **values: Any) -> None:
        """Tell an event, with the next number."""
        self._said.append({"type": kind, "sequence_number": self._count, **values})
        self._count += 1

    def open(self, item: Item) -> OpenItem:
        """Add an item that is to be written."""
        self.items.append(item)
        say: Say = self.tell
        return OpenItem(item, len(self.items) - 1, say)

    def begin_call(self, event: ToolStarted) -> None:
        """The agent calls a tool of its own, for the first time or again."""
        if event.call_id in self._calls:
            return
        item: Item = {
            "type": "mcp_call",
            "id": f"mcp_{event.call_id}",
            "server_label": SERVER,
            "name": event.name,
            "arguments": "",
            "output": None,
            "error": None,
            "status": "in_progress",
            "approval_request_id": None,
        }
        opened = self.open(item)
        opened.begin({**item})
        place = self._calls[event.call_id] = len(self.items) - 1
        arguments = to_json(event.arguments).decode()
        at = {"item_id": item["id"], "output_index": place}
        self.tell("response.mcp_call.in_progress", **at)
        self.tell("response.mcp_call_arguments.delta", **at, delta=arguments)
        self.tell("response.mcp_call_arguments.done", **at, arguments=arguments)
        item["arguments"] = arguments

    def end_call(self, result: ToolResultPart) -> None:
        """A call of the agent's own has its result."""
        place = self._calls.get(result.call_id)
        if place is None:
            return
        item = self.items[place]
        good = result.outcome == "ok"
        item["status"] = "completed" if good else "failed"
        item["output"] = result.text if good else None
        if not good:
            item["error"] = error_of(result)
        end = "completed" if good else "failed"
        self.tell(f"response.mcp_call.{end}", item_id=item["id"], output_index=place)
        self.tell("response.output_item.done", output_index=place, item=dict(item))

    def ask_leave(self, approval: Approval) -> None:
        """A call of the agent's own waits for a person."""
        item: Item = {
            "type": "mcp_approval_request",
            "id": approval.id,
            "server_label": SERVER,
            "name": approval.tool,
            "arguments": to_json(approval.arguments).decode(),
            "status": "completed",
        }
        self.open(item).begin({**item})
        self.tell("response.output_item.done", output_index=len(self.items) - 1, item=dict(item))

    def hand_over(self, approval: Approval) -> None:
        """The client is to make a call."""
        item: Item = {
            "type": "function_call",
            "id": f"fc_{digits(approval.call_id)}",
            "call_id": approval.call_id,
            "name": approval.tool,
            "arguments": "",
            "status": "in_progress",
        }
        self.open(item).begin({**item})
        place = len(self.items) - 1
        arguments = to_json(approval.arguments).decode()
        at = {"item_id": item["id"], "output_index": place}
        self.tell("response.function_call_arguments.delta", **at, delta=arguments)
        self.tell(
            "response.function_call_arguments.done", **at, name=approval.tool, arguments=arguments
        )
        item["arguments"], item["status"] = arguments, "completed"
        self.tell("response.output_item.done", output_index=place, item=dict(item))


def digits(id: str) -> str:
    """The part of an id that tells it from others."""
    return id.rpartition("_")[2] or id


def error_of(result: ToolResultPart) -> Item:
    """Why a call of the agent's own failed."""
    words = {"type": "text", "text": result.text, "annotations": None, "meta": None}
    return {"type": "mcp_tool_execution_error", "content": [words]}
